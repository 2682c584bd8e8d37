"""Triton kernels of the corpus, by class of work."""
