"""The simulated device: a GPU at block level, in virtual time.

``gpu`` is the backend; ``engine`` moves virtual time; ``placement`` hands blocks to
multiprocessors; ``device_types.yaml`` and ``kernels.csv`` hold the facts.
"""
