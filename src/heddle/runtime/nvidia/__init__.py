"""NVIDIA GPUs as devices of the node agent: cut by MIG where that is on, else whole.

``discovery`` finds the machine's GPUs and makes a ``mig_device`` or a ``whole_device``
of each. Both speak to ``nvml.Nvml``: ``binding`` is the driver's library, ``fake`` an
imitation of what its documentation says.
"""
