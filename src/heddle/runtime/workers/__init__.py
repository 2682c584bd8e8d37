"""The ``cpu`` device: pinned threads that run block kernels, and the dispatcher loop that feeds them.

``device`` opens it, ``worker`` and ``dispatcher`` are the compiled loops, ``workshop`` is what they
share beside the board.
"""
