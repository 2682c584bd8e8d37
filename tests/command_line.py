"""The command line as tests call it, and small input files for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
FLEET_OF_24 = EXAMPLES / "02-fleet-of-24" / "workload.yaml"
MIXED_FLEET = EXAMPLES / "03-mixed-fleet" / "workload.yaml"

#: GPUs that ParvaGPU's scenarios S1 to S6 need; no plan has fewer.
SCENARIO_OPTIMA = {1: 2, 2: 3, 3: 5, 4: 7, 5: 12, 6: 15}

#: Two services that need one of four A100s.
WORKLOAD = """\
version: 1
gpus:
  - {type: A100-80GB, count: 4, per_node: 2}
performance: [table.csv]
defaults: {headroom: 0.1}
services:
  - {name: chat, model: bert, rate_rps: 100, latency_ms: 40}
  - {name: vision, model: resnet, rate_rps: 300, latency_ms: 40}
"""
TABLE = """\
gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile,memory_mib
A100-80GB,1g.10gb,bert,8,1,40,18,99,4000
A100-80GB,2g.20gb,bert,8,1,90,15,99,4000
A100-80GB,3g.40gb,bert,8,2,150,12,99,9000
A100-80GB,1g.10gb,resnet,16,1,110,19,99,3000
A100-80GB,7g.80gb,resnet,32,2,900,9,99,8000
"""


class Answer(NamedTuple):
    """What one call of the command line gave back."""

    exit_code: int
    out: str
    err: str


Heddle = Callable[..., Answer]


def scenario(number: int) -> Path:
    """Return the workload file of ParvaGPU's scenario."""
    return EXAMPLES / "01-parvagpu" / f"s{number}.yaml"


def small_workload(folder: Path, *, workload: str = WORKLOAD, table: str = TABLE) -> Path:
    """Write the two files into a folder and return the workload's path."""
    (folder / "table.csv").write_text(table, encoding="utf-8")
    path = folder / "workload.yaml"
    path.write_text(workload, encoding="utf-8")
    return path


def replaced(text: str, old: str, new: str) -> str:
    """Return a text with the first occurrence of ``old``, which must be there, replaced."""
    assert old in text, f"the test replaces {old!r}, which is not in the text"
    return text.replace(old, new, 1)


def heddle_process(*words: object, encoding: str = "utf-8") -> Answer:
    """Run the command line as a process of its own, with this encoding on its output."""
    ended = subprocess.run(
        [sys.executable, "-m", "heddle", *map(str, words)],
        capture_output=True,
        check=False,
        encoding=encoding,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    return Answer(ended.returncode, ended.stdout, ended.stderr)
