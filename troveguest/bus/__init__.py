"""The agent's ends of the wire (``common.openstack.rpc``); the control plane's are in ``trove.bus``.

``server``  orders, taken and answered
``client``  the agent's own reports
``replay``  which calls it has seen
``keys``    what seals now, and what opens
"""
