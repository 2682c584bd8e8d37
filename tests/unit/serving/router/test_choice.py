"""Which instance a request is given to."""

from dataclasses import dataclass

from heddle.serving.router.choice import least_delay


@dataclass
class Seat:
    name: str
    rate_rps: float = 100.0
    num_in_flight: int = 0
    capacity: int = 10
    shy_until_s: float = 0.0


def chosen(*seats: Seat, excluded: frozenset[str] = frozenset()) -> str | None:
    found = least_delay(seats, excluded, 1.0)
    return found.name if found else None


def test_the_faster_of_two_idle_instances_is_chosen() -> None:
    assert chosen(Seat("a", 100.0), Seat("b", 300.0)) == "b"


def test_a_busy_fast_instance_yields_to_an_idle_slow_one() -> None:
    assert chosen(Seat("a", 100.0), Seat("b", 300.0, num_in_flight=3)) == "a"


def test_ties_go_to_the_first_name_whatever_the_order() -> None:
    assert chosen(Seat("b"), Seat("a"), Seat("c")) == "a"


def test_full_and_excluded_instances_are_not_chosen() -> None:
    seats = (Seat("a", num_in_flight=10), Seat("b"))
    assert chosen(*seats) == "b"
    assert chosen(*seats, excluded=frozenset({"b"})) is None


def test_an_instance_that_could_not_be_reached_is_chosen_last() -> None:
    shy = Seat("a", 1000.0, shy_until_s=2.0)
    assert chosen(shy, Seat("b", 1.0, num_in_flight=9)) == "b"
    assert chosen(shy) == "a"
