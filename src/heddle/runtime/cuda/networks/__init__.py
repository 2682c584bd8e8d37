"""Networks for the cuda device: our Triton kernels in the shapes of known networks, and spin
blocks.

``topologies`` lists layers, ``layers`` says which kernel a layer is, ``catalogue`` puts them on the
GPU by name. ``spin`` replays schedules of durations, for tests of timing.
"""
