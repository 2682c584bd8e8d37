"""What services are promised."""

from heddle.transition.floors import floors_micro
from heddle.units import MICRO
from transition_cases import deployment, instance

ANT, BEE = instance("3g.20gb", 0, "ant", 100.0), instance("3g.20gb", 4, "bee", 50.0)


def test_the_floor_is_the_smaller_requirement() -> None:
    before = deployment({"ant": 90.0}, {"gpu-0": [ANT]})
    after = deployment({"ant": 70.0}, {"gpu-0": [ANT]})
    assert floors_micro(before, after) == {"ant": 70 * MICRO}
    assert floors_micro(after, before) == {"ant": 70 * MICRO}


def test_a_service_of_one_side_is_promised_nothing() -> None:
    before = deployment({"ant": 90.0}, {"gpu-0": [ANT]})
    after = deployment({"bee": 40.0}, {"gpu-0": [BEE]})
    assert floors_micro(before, after) == {"ant": 0, "bee": 0}


def test_a_side_promises_no_more_than_it_serves() -> None:
    before = deployment({"ant": 300.0}, {"gpu-0": [ANT]})
    after = deployment({"ant": 200.0}, {"gpu-0": [ANT], "gpu-1": [ANT]})
    assert floors_micro(before, after) == {"ant": 100 * MICRO}
