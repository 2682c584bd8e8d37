"""The GPU types that are known: the built-in facts, and files of the user's own."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heddle.cluster.catalogue import (
    Catalogue,
    builtin_catalogue,
    load_gpu_types,
    load_sources,
)
from heddle.cluster.gpu_type import GpuType
from heddle.errors import InputError

ROOT = Path(__file__).parents[3]
GEOMETRY = Path(os.environ.get("HEDDLE_DATA", ROOT.parent / "shared" / "data")) / (
    "mig-geometry/geometry.json"
)
WITHOUT_MIG = {
    *("P100-16GB", "V100-16GB", "V100-32GB", "T4-16GB", "A2-16GB", "A10-24GB", "A40-48GB"),
    *("RTX-A6000-48GB", "L4-24GB", "L40-48GB", "L40S-48GB", "RTX-6000-Ada-48GB"),
}
UNPUBLISHED = {"RTX-PRO-5000-Blackwell-48GB", "RTX-PRO-4500-Blackwell-32GB", "Thor-iGPU"}

TYPE = """
version: 1
gpu_types:
  - name: X1
    aliases: [X-1]
    memory_gb: 8
    memory_units: 4
    engines: {me: 1}
    profiles:
      - {name: half, size: 2, starts: [2, 0], compute_slices: 2}
      - {name: half+me, size: 2, starts: [0, 2], uses: {me: 1}}
"""


def read(tmp_path: Path, text: str) -> tuple[GpuType, ...]:
    path = tmp_path / "types.yaml"
    path.write_text(text)
    return load_gpu_types(path)


def test_seventeen_types_have_mig_and_the_others_are_whole() -> None:
    with_mig = [t.name for t in builtin_catalogue() if t.has_mig and t.name != "CPU-8"]
    assert len(with_mig) == 17
    assert set(builtin_catalogue().names) - set(with_mig) == WITHOUT_MIG | {"CPU-8"}


def test_the_processors_of_a_machine_are_cut_into_eighths() -> None:
    profiles = builtin_catalogue().get("CPU-8").profiles
    assert [(p.name, p.size, p.starts) for p in profiles] == [
        ("1c", 1, tuple(range(8))),
        ("2c", 2, (0, 2, 4, 6)),
        ("4c", 4, (0, 4)),
        ("8c", 8, (0,)),
    ]


def test_types_without_published_starts_are_listed_and_refused_by_name() -> None:
    unplannable = [gpu_type for gpu_type in builtin_catalogue() if not gpu_type.is_plannable]
    assert {gpu_type.name for gpu_type in unplannable} == UNPUBLISHED
    for gpu_type in unplannable:
        with pytest.raises(InputError, match=f"{gpu_type.name} cannot be planned"):
            gpu_type.require_plannable()


def test_every_fact_cites_a_source_that_the_file_explains() -> None:
    sources = load_sources()
    for gpu_type in builtin_catalogue():
        assert gpu_type.sources
        assert set(gpu_type.sources) <= set(sources)


def test_the_built_in_types_are_the_geometry_table() -> None:
    if not GEOMETRY.exists():
        pytest.skip("no geometry.json: set HEDDLE_DATA to the folder of public data")
    listed: list[dict[str, Any]] = json.loads(GEOMETRY.read_text())["gpus"]
    assert [gpu["gpu"] for gpu in listed] == [
        t.name for t in builtin_catalogue() if t.has_mig and t.name != "CPU-8"
    ]
    for gpu in listed:
        ours = builtin_catalogue().get(gpu["gpu"])
        assert (ours.memory_gb, ours.memory_units, ours.compute_slices, ours.sms) == (
            gpu["memory_gb"],
            gpu["memory_units"],
            gpu["compute_slices"],
            gpu["total_sm_mig_off"],
        )
        assert [
            (p.name, p.compute_slices, p.size, p.starts, p.max_instances, p.sms, p.memory_mib)
            for p in ours.profiles
        ] == [
            (
                p["name"],
                p["compute_slices"],
                p["size"],
                tuple(p["starts"]) if p["starts"] is not None else None,
                p["max_instances"],
                p["sm"],
                p["memory_mib"],
            )
            for p in gpu["profiles"]
        ]


def test_a_type_is_found_by_name_and_alias_whatever_the_case() -> None:
    catalogue = builtin_catalogue()
    assert catalogue.get("a100-80gb").name == "A100-80GB"
    assert catalogue.get("A100-SXM4-80GB").name == "A100-80GB"
    assert catalogue.get("t4").name == "T4-16GB"


def test_an_unknown_type_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown GPU type 'A100-80' \(did you mean 'A100-80GB'"):
        builtin_catalogue().get("A100-80")


def test_a_profile_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"A100-80GB has no profile '3g\.20gb' \(did you mean"):
        builtin_catalogue().get("A100-80GB").profile("3g.20gb")


def test_a_type_of_ones_own_is_read(tmp_path: Path) -> None:
    (gpu_type,) = read(tmp_path, TYPE)
    assert gpu_type.profile_names == ("half", "half+me")
    assert gpu_type.profile("half").starts == (0, 2)
    assert gpu_type.profile("half").max_instances == 2
    assert gpu_type.compute_slices == 2
    assert gpu_type.is_plannable
    assert builtin_catalogue().with_types([gpu_type]).get("x-1") is gpu_type


def test_a_catalogue_is_not_changed_by_the_one_made_from_it(tmp_path: Path) -> None:
    larger = builtin_catalogue().with_types(read(tmp_path, TYPE))
    assert set(larger.names) - set(builtin_catalogue().names) == {"X1"}


@pytest.mark.parametrize("word", ["A100-80GB", "a100-80gb", "L4"])
def test_a_name_that_exists_is_refused(tmp_path: Path, word: str) -> None:
    types = read(tmp_path, TYPE.replace("X-1", word))
    with pytest.raises(InputError, match=f"GPU type '{word}' exists already"):
        builtin_catalogue().with_types(types)
    with pytest.raises(InputError, match="exists already"):
        Catalogue([*types, *types])


@pytest.mark.parametrize(
    ("edit", "line", "message"),
    [
        (lambda t: t.replace("version: 1", "version: 2"), 2, "reads version 1, found 2"),
        (lambda t: t.replace("name: X1", "nam: X1"), 4, "unknown key 'nam'"),
        (lambda t: t.replace("    memory_gb: 8\n", ""), 4, "missing key 'memory_gb'"),
        (lambda t: t.replace("memory_units: 4", "memory_units: 65"), 7, "from 1 to 64"),
        (lambda t: t.replace("[2, 0]", "[3, 0]"), 10, "start 3 with size 2 ends beyond"),
        (lambda t: t.replace("[2, 0]", "[]"), 10, "found an empty list"),
        (lambda t: t.replace("half+me", "half"), 9, "profile 'half' stands twice"),
        (lambda t: t.replace("uses: {me: 1}", "uses: {mee: 1}"), 11, "no engine 'mee'"),
        (lambda t: t + "    excludes: [[half]]\n", 12, "expected two different profiles"),
        (lambda t: t + "    excludes: [[half, hal]]\n", 12, "did you mean 'half'"),
        (lambda t: t[: t.index("gpu_types")] + "gpu_types: []", 3, "found an empty list"),
        (lambda t: t.replace("size: 2, starts: [2, 0]", "size: 2.5, starts: [0]"), 10, "whole"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_its_line(
    tmp_path: Path, edit: Callable[[str], str], line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, edit(TYPE))
    assert message in caught.value.message
    assert caught.value.location.line == line
    assert caught.value.location.file == tmp_path / "types.yaml"
