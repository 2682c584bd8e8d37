"""The engine for tests, and the choice of engines."""

from __future__ import annotations

import numpy as np
import pytest

from heddle.clock import WallClock
from heddle.errors import InputError
from heddle.serving.engines.opening import open_engine
from heddle.serving.engines.sleep import SleepEngine
from heddle.workload.serving_spec import Engine, ServingSpec


def test_its_output_is_its_input() -> None:
    x = np.ones((2, 3), dtype=np.float32)

    assert SleepEngine(0.0).run({"INPUT": x}, ("OUTPUT",))["OUTPUT"] is x


def test_it_holds_its_worker_for_the_time_and_only_zero_is_instant() -> None:
    engine, clock = SleepEngine(5.0), WallClock()
    begin_s = clock.now_s()
    engine.run({"INPUT": np.ones((1, 1), dtype=np.float32)}, ("OUTPUT",))

    assert clock.now_s() - begin_s >= 0.005
    assert not engine.is_instant
    assert SleepEngine(0.0).is_instant


def test_it_says_that_it_is_for_tests() -> None:
    assert any("for tests" in note for note in SleepEngine(0.0).signature.notes)


def test_a_program_of_its_own_is_not_an_engine_here() -> None:
    with pytest.raises(InputError, match="'command' is a program of its own"):
        open_engine(ServingSpec(Engine.COMMAND, command=("serve",)), 1)
