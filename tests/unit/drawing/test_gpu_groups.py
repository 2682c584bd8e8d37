"""Identical GPUs form one group, and no GPU is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawing_cases import Case, deployment
from heddle.cluster.deployment import Deployment
from heddle.drawing.gpu_groups import gpu_groups, id_ranges


@pytest.mark.parametrize("seed", range(5))
def test_groups_hold_every_gpu_once_and_only_equal_ones(seed: int) -> None:
    plan = deployment(Case(90, 6, ("A100-80GB", "T4-16GB", "A30-24GB"), num_distinct=9, seed=seed))
    groups = gpu_groups(plan)
    by_id = {c.gpu: c for c in plan.configurations}
    assert sorted(gpu for group in groups for gpu in group.gpus) == sorted(by_id)
    assert sum(group.count for group in groups) == plan.num_gpus
    for group in groups:
        for gpu in group.gpus:
            assert (by_id[gpu].gpu_type, by_id[gpu].instances) == (group.gpu_type, group.instances)
    keys = [(group.gpu_type, group.instances) for group in groups]
    assert len(set(keys)) == len(keys)


def test_types_stay_together_in_order_of_appearance_and_large_groups_come_first() -> None:
    plan = deployment(Case(60, 5, ("T4-16GB", "A100-80GB"), num_distinct=7))
    groups = gpu_groups(plan)
    names = [group.gpu_type for group in groups]
    assert names == sorted(names, key=["T4-16GB", "A100-80GB"].index)
    for name in set(names):
        counts = [group.count for group in groups if group.gpu_type == name]
        assert counts == sorted(counts, reverse=True)


def test_a_group_knows_its_distinct_reasons() -> None:
    plan = deployment(Case(4, 2, num_distinct=1))
    reasons = ("b", "", "a", "b")
    configurations = tuple(
        replace(c, reason=reason) for c, reason in zip(plan.configurations, reasons, strict=True)
    )
    (group,) = gpu_groups(replace(plan, configurations=configurations))
    assert group.reasons == ("b", "a")


def test_an_empty_deployment_has_no_groups() -> None:
    assert gpu_groups(Deployment({}, ())) == ()


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([], ""),
        (["gpu-0"], "gpu-0"),
        (["gpu-0", "gpu-1"], "gpu-0, gpu-1"),
        (["gpu-8", "gpu-9", "gpu-10", "gpu-12"], "gpu-8 to gpu-10, gpu-12"),
        (["a", "b"], "a, b"),
        (["a-1", "b-2", "b-3", "b-4"], "a-1, b-2 to b-4"),
        (["gpu-09", "gpu-10"], "gpu-09, gpu-10"),
    ],
)
def test_consecutive_ids_are_joined(ids: list[str], text: str) -> None:
    assert id_ranges(ids) == text


@given(st.sets(st.integers(0, 300)), st.integers(1, 6))
def test_ranges_and_the_rest_count_every_id(numbers: set[int], max_ranges: int) -> None:
    text = id_ranges([f"gpu-{n}" for n in sorted(numbers)], max_ranges)
    counted = 0
    for part in text.split(", ") if text else []:
        if part.startswith("…"):
            counted += int(part.split()[2].replace(",", ""))
        else:
            ends = [int(end.removeprefix("gpu-")) for end in part.split(" to ")]
            counted += ends[-1] - ends[0] + 1
    assert counted == len(numbers)
