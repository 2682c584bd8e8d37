"""Measures what an instance delivers: rate, latency of a batch, memory.

``campaign`` walks over the points that are asked for; ``bench`` says what it needs of the
machine, which ``server.profiling`` provides.
"""
