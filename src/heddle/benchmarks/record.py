"""What a benchmark leaves behind: figures, rows, and what they were measured on."""

from __future__ import annotations

import json
import operator
import os
import platform
import resource
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from heddle import __version__
from heddle.atomic_file import write_text
from heddle.clock import today

_LIBRARIES = ("highspy", "numpy", "PyYAML")
_COMPARISONS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq}

Row = Mapping[str, float | int | str | bool]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that an issue or a release states a target for.

    Attributes
    ----------
    name, value, unit
        What was measured.
    target
        A comparison as text, such as ``<= 6``.
    """

    name: str
    value: float
    unit: str
    target: str

    @property
    def is_met(self) -> bool:
        """Whether the value is what the target says."""
        sign, limit = self.target.split()
        return bool(_COMPARISONS[sign](self.value, float(limit)))


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures and rows of one part of a benchmark."""

    figures: tuple[Figure, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """The outcome of one benchmark."""

    bench: str
    seed: int
    is_quick: bool
    figures: tuple[Figure, ...]
    rows: tuple[Row, ...]

    def write(self, path: Path) -> None:
        """Write it as JSON, with machine, versions and date."""
        document = {
            "bench": self.bench,
            "is_quick": self.is_quick,
            "machine": machine(),
            "versions": versions(),
            "seed": self.seed,
            "date": today(),
            "figures": [{**asdict(figure), "is_met": figure.is_met} for figure in self.figures],
            "rows": list(self.rows),
        }
        write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict[str, str | int]:
    """Return what the benchmark ran on: the processor, its cores, the system."""
    return {
        "kind": "CPU",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(terse=True),
    }


def versions() -> dict[str, str]:
    """Return the versions of heddle, Python and the libraries that matter."""
    found = {"heddle": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "unknown"
    return found


def peak_memory_mib() -> float:
    """Return the most memory this process has had, in MiB (resident set, Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def median_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Return the median, and the distance from the smallest to the largest."""
    return statistics.median(values), max(values) - min(values)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
