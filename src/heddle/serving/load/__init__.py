"""Open-loop load on a service: when requests are due, what they ask, what came of them.

``open_loop.drive`` is the walk; ``heddle load`` and ``heddle bench serving`` use it.
"""
