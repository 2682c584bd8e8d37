"""Playing a DISB workload on a device, and what it showed.

``runner.play`` is the entry; ``backends`` opens devices by name, ``standalone`` measures each
network alone, ``results`` and ``result_file`` say what came out. Called by ``heddle run`` and the
benchmarks.
"""
