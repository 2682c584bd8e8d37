"""The CMS algorithms by name, one for each of the paper's settings."""

from __future__ import annotations

from heddle.optimizer.cms.algorithm import CmsAlgorithm
from heddle.optimizer.cms.constant import ConstantAlgorithm
from heddle.optimizer.cms.exact import ExactAlgorithm
from heddle.optimizer.cms.logarithmic import LogarithmicAlgorithm
from heddle.optimizer.cms.scheme import SchemeAlgorithm
from heddle.registry import Registry

ALGORITHMS: Registry[CmsAlgorithm] = Registry(
    "algorithm",
    [
        ("log", LogarithmicAlgorithm),
        ("constant", ConstantAlgorithm),
        ("scheme", SchemeAlgorithm),
        ("exact", ExactAlgorithm),
    ],
)
