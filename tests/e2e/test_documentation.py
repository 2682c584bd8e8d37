"""What the documentation says to type works and prints what it shows; its links lead somewhere.

``documentation_pages`` says how commands, files and blocks to skip are marked.
"""

import ast
import importlib.util
import os
import re
import shlex
import shutil
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from documentation_pages import REPOSITORY, Block, Command, Page, page, pages
from heddle.cli.main import main
from heddle.runtime.compiled import HAS_COMPILER
from heddle.workload.files import load_workload

PAGES = pages()
HAS_CPU_DEVICE = HAS_COMPILER and len(os.sched_getaffinity(0)) > 1
MAX_PICTURE_KB = 200


def _named(some: list[Page]) -> list[object]:
    return [pytest.param(each, id=each.name) for each in some]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the root of the repository, to write into."""
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("each", _named([p for p in PAGES if any(b.is_run for b in p.blocks())]))
def test_commands_run_and_print_what_is_shown(
    each: Page, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for block in each.blocks():
        if block.file:
            (workplace / block.file).write_text(block.text, encoding="utf-8")
        if block.is_run and _has(block.needs):
            for command in block.commands():
                _run(each, block, command, capsys)


def _run(each: Page, block: Block, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"{each.name}:{block.line}: {command.words}"
    program, *arguments = shlex.split(command.words)
    assert program == "heddle", f"{place}: mark the block with <!-- skip: reason -->"
    try:
        code = main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    captured = capsys.readouterr()
    lines = [line.rstrip() for line in (captured.out + captured.err).splitlines()]
    assert code == command.exit_code, f"{place} ended with {code}:\n{captured.err}"
    following = iter(lines)
    for shown in command.shown:
        assert any(shown in line for line in following), f"{place} does not print {shown!r} there"


@pytest.mark.parametrize(
    "each", _named([p for p in PAGES if any(b.words == "python" for b in p.blocks())])
)
def test_python_that_is_shown_imports_what_there_is(each: Page) -> None:
    for block in each.blocks():
        if block.words == "python":
            for node in ast.walk(ast.parse(block.text)):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("heddle"):
                    _require_names(str(node.module), node.names, f"{each.name}:{block.line}")


def _require_names(module: str, names: list[ast.alias], place: str) -> None:
    for name in names:
        if not hasattr(importlib.import_module(module), name.name):
            assert importlib.util.find_spec(f"{module}.{name.name}"), f"{place}: {name.name}"


@pytest.mark.skipif(not HAS_CPU_DEVICE, reason="needs 2 cores and numba")
@pytest.mark.timeout(300)  # where nothing is compiled yet
@pytest.mark.parametrize(
    "each", _named([p for p in PAGES if any(b.words == "python" and b.needs for b in p.blocks())])
)
def test_python_that_is_shown_runs(each: Page) -> None:
    for block in each.blocks():
        if block.words == "python" and block.needs and _has(block.needs):
            exec(compile(block.text, f"{each.name}:{block.line}", "exec"), {})  # noqa: S102


def _has(need: str) -> bool:
    assert need in ("", "two cores and numba")
    return not need or HAS_CPU_DEVICE


@pytest.mark.parametrize(
    "each", _named([p for p in PAGES if any(b.words == "yaml workload" for b in p.blocks())])
)
def test_every_workload_that_is_shown_loads(each: Page, workplace: Path) -> None:
    for number, block in enumerate(each.blocks()):
        if block.words == "yaml workload":
            path = workplace / f"block-{number}.yaml"
            path.write_text(block.text, encoding="utf-8")
            assert load_workload(path).services


def test_blocks_that_are_skipped_say_why() -> None:
    for each in PAGES:
        for block in each.blocks():
            assert not block.skip or len(block.skip) > 8, f"{each.name}:{block.line}"


def test_plain_blocks_hold_no_commands() -> None:
    for each in PAGES:
        for block in each.blocks():
            is_console = block.words.split()[:1] in (["console"], ["bash"])
            starts = [line.split()[:2] for line in block.text.splitlines()]
            assert is_console or ["$", "heddle"] not in starts, f"{each.name}:{block.line}"
            assert is_console or not any(s[:1] == ["heddle"] for s in starts), (
                f"{each.name}:{block.line}: write commands as console blocks with a $"
            )


@pytest.mark.parametrize("each", _named(PAGES))
def test_links_lead_somewhere(each: Page) -> None:
    for link in each.links():
        target, _, anchor = link.partition("#")
        path = (each.path.parent / target).resolve() if target else each.path
        assert path.exists(), f"{each.name} links to {link}"
        if anchor and path.suffix == ".md":
            assert anchor in Page(path).anchors(), f"{each.name} links to {link}"


@pytest.mark.parametrize("each", _named(PAGES))
def test_files_that_are_named_exist(each: Page) -> None:
    roots = [REPOSITORY, *(REPOSITORY / "src/heddle" / part for part in ("", "optimizer"))]
    for word in each.code_words():
        is_python = re.fullmatch(r"[\w/]+\.py", word)
        is_path = re.fullmatch(r"(src|docs|examples|tests|scripts|benchmarks)/[\w./-]+", word)
        if is_python or is_path:
            is_made = word.startswith(("docs/_build", "benchmarks/results"))
            assert is_made or any((root / word).exists() for root in roots), (
                f"{each.name} names {word}"
            )


def test_every_page_of_the_docs_is_listed_once() -> None:
    docs = [each for each in PAGES if each.name.startswith("docs/")]
    listed = Counter(
        (each.path.parent / f"{entry}.md").resolve()
        for each in docs
        for block in each.blocks()
        if block.words == "{toctree}"
        for entry in block.text.splitlines()
        if entry and not entry.startswith(":")
    )
    assert [path.name for path, count in listed.items() if count > 1] == []
    to_list = {each.path for each in docs if not each.text.startswith("---\norphan: true\n")}
    assert to_list - {REPOSITORY / "docs" / "index.md"} == set(listed)


def test_make_targets_that_are_named_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for each in PAGES:
        spelled = [*each.code_words(), *(block.text for block in each.blocks())]
        for words in spelled:
            for named in re.findall(r"(?:^|\$ )make ((?:[a-z]+ ?)+)", words, re.MULTILINE):
                assert set(named.split()) <= targets, f"{each.name}: make {named}"


def test_pictures_are_small_and_shown() -> None:
    shown = {(each.path.parent / link).resolve() for each in PAGES for link in each.links()}
    for picture in (REPOSITORY / "docs" / "pictures").iterdir():
        assert picture.stat().st_size < MAX_PICTURE_KB * 1024, picture.name
        assert picture.resolve() in shown, f"no page shows {picture.name}"


def test_the_floors_that_are_drawn_are_those_of_the_contract() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    drawn = next(b for b in page("docs/architecture.md").blocks() if b.words == "text")
    assert drawn.text.splitlines() == layers
