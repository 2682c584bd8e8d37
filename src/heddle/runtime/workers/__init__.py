"""The ``cpu`` device: pinned threads that run block kernels, fed by a compiled dispatcher.

``backend`` opens it, ``worker`` and ``dispatcher`` are the compiled loops, ``workshop`` is what
they share beside the board.
"""
