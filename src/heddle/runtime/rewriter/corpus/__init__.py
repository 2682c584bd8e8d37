"""Kernels that the rewriter is tried on: Triton, CUDA C++ and numba, compiled offline.

``catalogue`` lists them with what the rewriter must say about each; ``kernel`` has the types;
``triton_source``, ``nvrtc_source`` and ``numba_source`` compile. The interpreter runs them, and
``heddle bench rewriter`` reports on them.
"""
