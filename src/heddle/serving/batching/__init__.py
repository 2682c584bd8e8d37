"""Joins requests into batches up to the planned one, within the latency of the SLO.

``batcher`` is the walk: a bounded queue, a patience that says when a batch goes, workers
that run it. ``instance.application`` asks it once for every request.
"""
