"""What only named modules may touch: the clock, the environment, chance, foreign libraries."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "heddle"
MODULES = sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level names that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def reads_environment(path: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


@pytest.mark.parametrize(
    ("library", "keeper"),
    [
        ("time", "clock.py"),
        ("datetime", "clock.py"),
        ("highspy", "linear_program.py"),
        ("yaml", "documents.py"),
        ("random", ""),
        ("pickle", ""),
        ("sqlite3", "cluster/sqlite_ledger.py"),
        ("pynvml", "runtime/nvidia/binding.py"),
        ("subprocess", "runtime/process.py"),
        ("llvmlite", "runtime/atomics/native.py"),
    ],
)
def test_a_library_is_imported_by_its_keeper_only(library: str, keeper: str) -> None:
    users = {path.relative_to(SOURCE).as_posix() for path in MODULES if library in imports(path)}
    assert users <= {keeper}


@pytest.mark.parametrize(
    ("library", "keepers"),
    [
        (
            "numba",
            {
                "runtime/compiled.py",
                "runtime/atomics/native.py",
                "runtime/rewriter/corpus/numba_kernels.py",
                "runtime/rewriter/corpus/numba_source.py",
            },
        ),
        ("cuda", {"runtime/cuda/bindings.py"}),
    ],
)
def test_a_library_is_imported_by_its_few_keepers_only(library: str, keepers: set[str]) -> None:
    users = {path.relative_to(SOURCE).as_posix() for path in MODULES if library in imports(path)}
    assert users <= keepers


def test_triton_is_imported_by_the_rewriter_and_by_kernels_written_in_it() -> None:
    users = {path.relative_to(SOURCE).as_posix() for path in MODULES if "triton" in imports(path)}
    assert all(user.startswith(("runtime/rewriter/", "runtime/cuda/networks/")) for user in users)


def test_the_environment_is_read_by_settings_only() -> None:
    assert [p.name for p in MODULES if reads_environment(p)] == ["settings.py"]


def test_no_module_is_longer_than_six_hundred_lines() -> None:
    long = [p.name for p in MODULES if len(p.read_text(encoding="utf-8").splitlines()) > 600]
    assert long == []


def test_no_function_is_longer_than_eighty_lines() -> None:
    long = [
        f"{path.name}:{node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > 80
    ]
    assert long == []
