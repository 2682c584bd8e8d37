"""Performance tables that come with heddle.

``heddle generate`` draws its synthetic workloads from the first one, which
``importers.parvagpu`` made from public data; ``NOTICE`` has the attribution.
"""

from pathlib import Path

#: 11 networks on the MIG profiles of an A100-80GB (ParvaGPU, SC 2024).
PARVAGPU_A100_80GB = Path(__file__).with_name("parvagpu-a100-80gb.csv")
