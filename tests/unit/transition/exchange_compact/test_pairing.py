"""Pairs of new and unneeded replicas."""

from heddle.transition.exchange_compact.pairing import pair


def test_a_new_replica_replaces_several_of_less_rate_in_total() -> None:
    pairing = pair([100], [60, 30, 20])
    assert pairing.paired == ((0, 1),)
    assert pairing.left == (2,)


def test_an_unneeded_replica_of_more_rate_is_in_no_pair() -> None:
    pairing = pair([100, 50], [101, 51])
    assert pairing.paired == ((1,), ())
    assert pairing.left == (0,)


def test_equal_rates_make_a_pair() -> None:
    assert pair([7, 7], [7, 7]).paired == ((0,), (1,))


def test_the_largest_new_replica_chooses_first() -> None:
    assert pair([40, 90], [40, 80]).paired == ((0,), (1,))


def test_without_anything_new_all_are_left() -> None:
    assert pair([], [3, 1]) == ((), (0, 1))
