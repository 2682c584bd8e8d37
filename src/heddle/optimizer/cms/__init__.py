"""Configurable Machine Scheduling: the planning problem in its general form.

Casey, Rajaraman, Stalfa and Tan (arXiv 2312.05416, APPROX 2024) state the problem and
its four settings; ``problem`` has it, and ``logarithmic``, ``constant``, ``scheme`` and
``exact`` have one algorithm for each setting with its guarantee. ``algorithms`` lists
them by name, ``file`` and ``result_file`` read and write JSON, ``solver`` lets them plan
GPUs. The proofs stand in ``docs/theory/cms.md``.

Words here are the paper's: a *job* is anything with a demand (a service), a *block* is a
piece of a machine that one job has to itself (an instance), a *configuration* is a
multiset of blocks that one machine can hold (a layout).
"""
