"""The oslo.messaging wire over AMQP 0-9-1 with sealed bodies, thin enough for an agent.

``names``       exchanges, queues, keys and logins
``envelope``    the outer, clear shape: oslo.messaging 2.0 with exactly one argument, ``sealed``
``sealing``     the inner, sealed shape: requests and replies
``replay``      which calls an agent has seen
``connection``  Bus: one thread, one connection, for ever re-made
``client``      an agent's reports
``server``      an agent's answers

The control plane's ends of both are ``trove.bus.guests`` and ``trove.bus.reports``.
"""
