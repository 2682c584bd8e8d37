"""The reference pages are complete: every verb, option, key, column, solver and error."""

import argparse
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

from documentation_pages import REPOSITORY, page
from heddle import errors
from heddle.benchmarks.benches import BENCHES
from heddle.benchmarks.runtime import TYPES
from heddle.cli.main import VERBS
from heddle.cluster import catalogue
from heddle.cluster.command import Action
from heddle.optimizer.cms import file as cms_file
from heddle.optimizer.cms import result_file as cms_result_file
from heddle.optimizer.cms.algorithms import ALGORITHMS
from heddle.optimizer.problem import Feature
from heddle.optimizer.solvers import SOLVERS
from heddle.runtime.core.policies import POLICIES
from heddle.transition.action_times import builtin_times, find_times
from heddle.transition.transition_file import read_transition
from heddle.workload import files, performance_file, service_reader

#: The columns of the table of features in solvers.md, in order.
FEATURE_COLUMNS = (
    Feature.MIN_REPLICAS,
    Feature.SPREAD,
    Feature.MAX_SHARE,
    Feature.KEEP_APART,
    Feature.STOCK,
    Feature.MIXED_FLEET,
)


def _first_cells(name: str) -> list[str]:
    """Return the code words in the first cells of a page's tables."""
    rows = [line for line in page(name).prose().splitlines() if line.startswith("| ")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])]


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a verb's parser and of the parsers below it."""
    found: set[str] = set()
    for action in parser._actions:
        found.update(word for word in action.option_strings if word.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                found |= _options(below)
    return found - {"--help"}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.name))
def test_every_verb_and_option_is_on_the_page_of_the_command_line(verb: object) -> None:
    name, module = verb.name, verb.module  # type: ignore[attr-defined]  # a NamedTuple
    parser = argparse.ArgumentParser()
    importlib.import_module(f"heddle.cli.{module}").configure(parser)
    text = page("docs/reference/cli.md").text
    assert f"\n## {name}\n" in text
    assert {option for option in _options(parser) if f"{option}" not in text} == set()


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("workload", {*files.KEYS, *files.POOL_KEYS, *service_reader.SERVICE_KEYS}),
        ("performance-csv", {*performance_file.COLUMNS, *performance_file.OPTIONAL_COLUMNS}),
        ("gpu-types", {*catalogue._FILE_KEYS, *catalogue._TYPE_KEYS, *catalogue._PROFILE_KEYS}),
        ("cms-json", {*cms_file._FILE_KEYS, *cms_result_file._FILE_KEYS}),
    ],
)
def test_every_key_has_a_row(name: str, keys: set[str]) -> None:
    assert keys - set(_first_cells(f"docs/reference/{name}.md")) == set()


def test_every_key_of_a_deployment_has_a_row() -> None:
    path = REPOSITORY / "src/heddle/cluster/deployment.schema.json"
    kinds = json.loads(path.read_text(encoding="utf-8"))["$defs"]
    keys = {key for kind in kinds.values() for key in kind.get("properties", {})}
    assert keys - set(_first_cells("docs/reference/deployment.md")) == set()


def test_every_key_of_a_transition_has_a_row() -> None:
    words = set(_first_cells("docs/reference/transition.md"))
    schema = json.loads(
        (REPOSITORY / "src/heddle/transition/transition.schema.json").read_text(encoding="utf-8")
    )
    keys = {*schema["properties"], *schema["$defs"]["step"]["properties"]}
    assert keys - words == {"version"}


def test_the_transition_that_is_shown_is_one(tmp_path: Path) -> None:
    shown = next(b for b in page("docs/reference/transition.md").blocks() if b.words == "json")
    path = tmp_path / "shown.json"
    path.write_text(shown.text, encoding="utf-8")
    assert [step.id for step in read_transition(path).steps] == [0, 1, 2]


def test_the_action_times_that_are_shown_are_a_table_and_those_of_the_package(
    tmp_path: Path,
) -> None:
    reference = page("docs/reference/action-times.md")
    shown = next(b for b in reference.blocks() if b.words == "yaml")
    path = tmp_path / "times.yaml"
    path.write_text(shown.text, encoding="utf-8")
    assert find_times(str(path)).sources
    rows = [line for line in reference.prose().splitlines() if line.startswith("| `")]
    cells = {row.split("|")[1].split("`")[1]: row.split("|")[2:6] for row in rows}
    for name, table in builtin_times().items():
        assert [float(cell) for cell in cells[name]] == [table.default[a] for a in Action]


def test_every_policy_has_a_row() -> None:
    rows = page("docs/real-time.md").prose().split("\n## Policies\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", rows, re.MULTILINE) == list(POLICIES)


def test_every_benchmark_and_its_options_are_on_the_page_of_the_command_line() -> None:
    text = page("docs/reference/cli.md").text
    named = {name for name in BENCHES if f"`{name}`" in text}
    assert {name for name in BENCHES if not name.startswith("runtime_")} <= named


def test_every_simulated_type_is_named_on_its_page() -> None:
    text = page("docs/simulated-devices.md").text
    assert {name for name in TYPES if f"`sim:{name}`" not in text} == set()


def test_every_cms_algorithm_has_a_row() -> None:
    assert set(ALGORITHMS) <= set(_first_cells("docs/reference/cms-json.md"))


def test_the_table_of_solvers_is_what_their_classes_say() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page("docs/reference/solvers.md").prose().splitlines()
        if line.startswith("| `")
    ]
    features = {row[0].strip("`"): row[1:] for row in rows if len(row) == 7}
    described = [row[0].strip("`") for row in rows if len(row) == 4]
    written = {
        name: [
            "yes" if feature in SOLVERS.create(name).features else "–"
            for feature in FEATURE_COLUMNS
        ]
        for name in SOLVERS
    }
    assert features == written
    assert sorted(described) == sorted(SOLVERS)


def test_every_error_and_its_code_is_listed() -> None:
    text = page("docs/reference/errors.md").text
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, errors.HeddleError) and kind is not errors.HeddleError:
            assert f"| `{name}` | {kind.exit_code} |" in text
