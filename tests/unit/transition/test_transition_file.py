"""Reading and writing transition.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from heddle.benchmarks.random_pairs import Sizes, random_pair
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.partition import Placement
from heddle.errors import InputError
from heddle.transition import transition_file
from heddle.transition.action_times import find_times
from heddle.transition.plan import plan_transition
from heddle.transition.request import TransitionRequest
from heddle.transition.transition import Transition
from heddle.transition.transition_file import (
    read_transition,
    transition_text,
    write_transition,
)

SCHEMA = json.loads(
    Path(transition_file.__file__).with_name("transition.schema.json").read_text(encoding="utf-8")
)


def samples() -> list[Transition]:
    return [planned(seed) for seed in range(8)]


def planned(seed: int) -> Transition:
    pair = random_pair(np.random.default_rng(seed), Sizes(2, 6, 2, 5))
    return plan_transition(
        TransitionRequest(
            pair.origin, pair.wanted, builtin_catalogue().get, find_times("kubernetes")
        )
    )


SAMPLE = samples()[0]


def written(tmp_path: Path, document: object) -> Path:
    path = tmp_path / "transition.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def sample_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(transition_text(SAMPLE))
    return document


@pytest.mark.parametrize("transition", samples())
def test_what_is_written_is_read_back_unchanged(transition: Transition, tmp_path: Path) -> None:
    path = tmp_path / "transition.json"
    write_transition(path, transition)
    assert read_transition(path) == transition
    assert transition_text(read_transition(path)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("transition", samples())
def test_the_schema_accepts_what_is_written(transition: Transition) -> None:
    jsonschema.validate(json.loads(transition_text(transition)), SCHEMA)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_file_with_the_stated_members_only_is_read(tmp_path: Path) -> None:
    document = sample_document()
    for key in ("borrowed", "strategy", "times"):
        del document[key]
    assert read_transition(written(tmp_path, document)).steps == SAMPLE.steps


def test_instances_without_a_service_are_kept(tmp_path: Path) -> None:
    left = replace(SAMPLE, unserved={"gpu-9": (Placement(4, "3g.40gb"),)})
    write_transition(tmp_path / "transition.json", left)
    assert read_transition(tmp_path / "transition.json").unserved == left.unserved
    jsonschema.validate(json.loads(transition_text(left)), SCHEMA)


def in_a_circle(document: dict[str, Any]) -> None:
    document["steps"][0]["after"] = [2]
    document["steps"][2]["after"] = [1]
    document["steps"][1]["after"] = [0]


def late(document: dict[str, Any]) -> None:
    document["steps"][0]["after"] = [2]
    document["steps"][1]["after"] = document["steps"][2]["after"] = []


def with_unknown_kind(document: dict[str, Any]) -> None:
    document["steps"][0]["kind"] = "crate"


def with_a_service_on_a_create(document: dict[str, Any]) -> None:
    document["steps"][0].update(kind="create", service="x")


def without_floors(document: dict[str, Any]) -> None:
    del document["floors"]


def with_a_step_that_is_not_there(document: dict[str, Any]) -> None:
    document["steps"][0]["after"] = [99]


def with_ids_that_jump(document: dict[str, Any]) -> None:
    document["steps"][1]["id"] = 5


def of_another_version(document: dict[str, Any]) -> None:
    document["version"] = 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_a_circle, r"steps\[\d\]\.after: steps wait for each other in a circle: \d -> \d"),
        (late, r"steps\[0\]\.after: waits for step 2, which stands later"),
        (with_unknown_kind, r"steps\[0\]\.kind: unknown 'crate' \(did you mean 'create'\?\)"),
        (with_a_service_on_a_create, r"steps\[0\]\.[a-z_]+: unknown key"),
        (without_floors, "missing key 'floors'"),
        (with_a_step_that_is_not_there, r"steps\[0\]\.after\[0\]: expected a whole number from 0"),
        (with_ids_that_jump, r"steps\[1\]\.id: expected a whole number from 1 to 1, found 5"),
        (of_another_version, "version: expected a whole number from 1 to 1, found 2"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    document = sample_document()
    change(document)
    with pytest.raises(InputError, match=message):
        read_transition(written(tmp_path, document))
