"""Other programs' measurements, converted to heddle's performance tables.

``parvagpu`` reads the layout of the ParvaGPU artefact, ``triton`` what perf_analyzer
and Model Analyzer write. Each returns plain values; writing them is a second step.
Called by ``heddle import``.
"""
