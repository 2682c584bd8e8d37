"""A small workload on disk, to be edited into every kind of wrong one."""

from collections.abc import Callable
from pathlib import Path

import pytest

TABLE = """\
gpu,profile,model,batch,processes,rate_rps,latency_ms
A100-80GB,1g.10gb,bert,1,1,74.408,13
A100-80GB,1g.10gb,bert,2,1,85.926,23
A100-80GB,7g.80gb,resnet50,8,2,2000,8.5
T4,whole,bert,1,1,60,17
"""

WORKLOAD = """\
version: 1
gpus:
  - {type: A100-80GB, count: 4, per_node: 2, price_per_hour: 3.2}
  - {type: T4}
performance: [table.csv]
defaults: {headroom: 0.1}
services:
  - {name: search, model: bert, rate_rps: 100, latency_ms: 60}
  - {name: photos, model: resnet50, rate_rps: 500.5, latency_ms: 40}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a workload and its table; return the path of the workload."""

    def write_files(workload: str = WORKLOAD, table: str = TABLE) -> Path:
        (tmp_path / "table.csv").write_text(table)
        path = tmp_path / "workload.yaml"
        path.write_text(workload)
        return path

    return write_files


@pytest.fixture
def workload_text() -> str:
    """Return the text of the small workload; services begin at line 8."""
    return WORKLOAD


@pytest.fixture
def table_text() -> str:
    """Return the text of its table."""
    return TABLE
