"""The oslo.messaging wire over AMQP 0-9-1 with sealed bodies, thin enough for an agent.

``names``       exchanges, queues, keys and logins
``envelope``    the outer, clear shape: oslo.messaging 2.0 with exactly one argument, ``sealed``
``sealing``     the inner, sealed shape: requests and replies
``connection``  Bus: one thread, one connection, for ever re-made
``link``        one connection from its making to its end
``promise``     an answer that one thread waits for

The agent's ends are in ``troveguest.bus``, the control plane's in ``trove.bus``.
"""
