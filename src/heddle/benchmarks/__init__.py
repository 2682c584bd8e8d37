"""The benchmarks: fixed work, several runs, figures beside their targets.

``heddle bench NAME`` runs one and writes its record; ``benches`` lists them.
"""
