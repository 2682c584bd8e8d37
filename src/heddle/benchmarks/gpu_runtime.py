"""What the cuda device does on a real GPU: ``benchmarks/gpu_runtime.sh`` calls this.

    python -m heddle.benchmarks.gpu_runtime section NAME --json FILE [--trial]
    python -m heddle.benchmarks.gpu_runtime gather FOLDER RESULT [--trial]

Every section is a process of its own, since a kernel that fails takes its context with it: a
section that fails is recorded with its error, and the others go on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from heddle.atomic_file import write_text
from heddle.benchmarks.gpu_runtime_calls import call_costs, flag_delivery
from heddle.benchmarks.gpu_runtime_kernels import overhead
from heddle.benchmarks.gpu_runtime_library import library
from heddle.benchmarks.gpu_runtime_load import green, load
from heddle.benchmarks.gpu_runtime_preemption import drain, equality
from heddle.benchmarks.gpu_runtime_rig import Rig, measured, trial_rig
from heddle.benchmarks.record import Figure, Measured, machine
from heddle.clock import today
from heddle.errors import HeddleError
from heddle.runtime.cuda.bindings import installed_driver
from heddle.runtime.cuda.driver import Driver

_PACKAGES: Final = ("numpy", "numba", "llvmlite", "triton", "cuda-bindings", "torch", "torchvision")
_MODULES: Final = ("numpy", "numba", "llvmlite", "triton", "cuda.bindings", "torch", "torchvision")


def facts(rig: Rig) -> Measured:
    """The GPU, the driver, and what can be imported."""
    driver = Driver(rig.calls or installed_driver(), rig.index)
    gpu = {name: str(value) for name, value in asdict(driver.gpu).items()}
    gpu["product"] = gpu.pop("name")
    driver.close()
    found = {f"{name} imports": _imports(name) for name in _MODULES}
    missing = [name for name in ("numpy", "numba", "triton") if not _imports(name)]
    figure = Figure("packages that the device needs and that are missing", len(missing), "", "== 0")
    return measured([figure], [{"name": "gpu", **gpu}, {"name": "packages", **found}])


SECTIONS: Final[Mapping[str, Callable[[Rig], Measured]]] = {
    "facts": facts,
    "calls": call_costs,
    "flag": flag_delivery,
    "overhead": overhead,
    "equality": equality,
    "drain": drain,
    "load": load,
    "green": green,
    "library": library,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one section or gathers what they left; the exit code is 1 when a section failed."""
    asked = _parser().parse_args(arguments)
    if asked.what == "gather":
        write_text(asked.result, json.dumps(gather(asked.folder, is_trial=asked.trial), indent=1))
        return 0
    rig = trial_rig() if asked.trial else Rig()
    try:
        found = SECTIONS[asked.name](rig)
    except HeddleError as error:
        print(f"{asked.name}: {error}", file=sys.stderr)
        _keep(asked.json, asked.name, {"error": str(error)})
        return 1
    figures = [{**asdict(figure), "is_met": figure.is_met} for figure in found.figures]
    _keep(asked.json, asked.name, {"figures": figures, "rows": list(found.rows)})
    for figure in found.figures:
        print(f"{figure.name}: {figure.value:g} {figure.unit} ({figure.target})")
    for row in found.rows:
        print("  " + ", ".join(f"{name} {value}" for name, value in row.items() if value != ""))
    return 0


def gather(folder: Path, *, is_trial: bool) -> dict[str, Any]:
    """One record of all sections; one that left nothing is named with the end of what it said."""
    figures: list[Any] = []
    rows: list[Any] = []
    for name in SECTIONS:
        left = _read(folder, name)
        figures += left.get("figures", [])
        rows += [{"section": name, **row} for row in left.get("rows", [])]
        if "error" in left:
            rows.append({"section": name, "error": left["error"]})
    gpu: dict[str, Any] = next(
        (row for row in rows if row["section"] == "facts" and row.get("name") == "gpu"), {}
    )
    kind = "fake driver" if is_trial else gpu.get("product", "unknown")
    return {
        "bench": "gpu_runtime",
        "is_trial_without_gpu": is_trial,
        "machine": {**machine(), "kind": kind, "gpu": gpu},
        "versions": {name: _version(name) for name in _PACKAGES},
        "seed": 0,
        "date": today(),
        "figures": figures,
        "rows": rows,
    }


def _keep(path: Path, name: str, content: dict[str, Any]) -> None:
    write_text(path, json.dumps({"section": name, **content}, indent=1, default=float))


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    log = folder / f"{name}.log"
    said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return {"error": " / ".join(["it left no result", *said[-6:]])}


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001 - any failure of a foreign import is the answer here
        return False
    return True


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gpu_runtime")
    verbs = parser.add_subparsers(dest="what", required=True)
    section = verbs.add_parser("section")
    section.add_argument("name", choices=list(SECTIONS))
    section.add_argument("--json", type=Path, required=True)
    section.add_argument("--trial", action="store_true")
    gathered = verbs.add_parser("gather")
    gathered.add_argument("folder", type=Path)
    gathered.add_argument("result", type=Path)
    gathered.add_argument("--trial", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
