"""From one deployment to the next: what steps, in what order, and carrying them out.

``plan`` is the entry for planning, ``executor`` for doing. ``invariant`` proves a
transition before it runs and shares no code with the planners.
"""
