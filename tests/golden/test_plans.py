"""The plan of scenario S1 is the same, byte for byte, as when somebody last looked at it."""

from __future__ import annotations

import pytest

from command_line import scenario
from golden.plans import FOLDER, KEPT, rendered
from heddle.cluster.deployment_file import read_deployment
from heddle.verification.verifier import verify
from heddle.workload.files import load_workload


@pytest.mark.parametrize("name", KEPT)
def test_the_plan_is_as_it_was_kept(name: str) -> None:
    kept = (FOLDER / name).read_text(encoding="utf-8")
    assert rendered(name) == kept, "run scripts/regenerate-golden, look, and keep it"


def test_no_kept_plan_is_left_over() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(KEPT)


def test_the_kept_plan_is_accepted() -> None:
    report = verify(load_workload(scenario(1)), read_deployment(FOLDER / "s1.json"))
    assert report.findings == ()
