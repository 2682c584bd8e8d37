"""The processors of the machine as a GPU type: ``CPU-8``, eight units, cut like any other.

``discovery`` finds what this machine permits and makes the devices; ``device`` is what
the agent sees; ``control_groups`` and ``affinity`` are the two ways of keeping processes
to their part.
"""
