"""One instance of a service: a process that answers inferences on a port of this machine.

``python -m heddle.serving.instance FOLDER/instance.json`` is how the node agent and the
profiler start one. ``running`` is the walk; ``docs/reference/serving-protocol.md`` says
what clients see.
"""
