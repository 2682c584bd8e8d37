"""Which step a command is an attempt at."""

from __future__ import annotations

import pytest

from heddle.simulator.step_name import StepName, step_of


def test_the_id_of_a_command_says_its_step() -> None:
    assert step_of("0123456789ab/17/2") == StepName("0123456789ab", 17, 2)


@pytest.mark.parametrize(
    "other",
    ["", "a", "0123456789ab/17", "0123456789ab/17/2/3", "0123456789AB/1/1", "0123456789ab/-1/0",
     "0123456789ab/1/1\n", "0123456789ab/1234567890/1", "0123456789ab/١/1"],
)  # fmt: skip
def test_an_id_of_another_form_is_no_step(other: str) -> None:
    assert step_of(other) is None
