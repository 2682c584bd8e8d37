"""The router in front of instances: one TCP port per service, and no request lost.

A process of its own (``__main__``), which outlives the daemon and the node agent.
``router`` puts it together; a request is read by ``client_connection``, lives as an
``exchange``, is sent where ``choice`` says, and ``verdict`` says what becomes of it
when an instance does not answer. ``control`` listens to the node agent and the daemon.
"""
