"""A cluster in virtual time: simulated nodes, scripted faults, one clock.

A host like any other: it provides what ``transition.node_driver`` asks for. Nothing
here claims to measure; durations are drawn from the distributions it is given.
"""
