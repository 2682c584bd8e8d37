"""heddle: one scheduler for shared GPUs.

The package root holds the version only, so that ``import heddle`` stays cheap;
import what you use from its floor: ``heddle.cluster``, ``heddle.workload``,
``heddle.optimizer``, ``heddle.verification``.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
