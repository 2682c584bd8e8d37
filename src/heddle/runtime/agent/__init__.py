"""The node agent: it carries out commands on the devices of one machine.

It owns the devices and the processes on their instances and survives whoever commands it.
``agent`` is its centre, ``book`` what it knows after a kill, ``answers`` its socket and
``driver`` the other end of that. ``server.node_agent`` gives it devices and a router.
"""
