"""A closed list of names and factories."""

from __future__ import annotations

import pytest

from heddle.errors import InputError
from heddle.registry import Registry

FRUIT: Registry[list[str]] = Registry("fruit", [("pear", list), ("apple", list)])


def test_names_keep_their_order() -> None:
    assert list(FRUIT) == ["pear", "apple"]


def test_each_call_makes_a_new_instance() -> None:
    assert FRUIT.create("pear") == []
    assert FRUIT.create("pear") is not FRUIT.create("pear")


def test_an_unknown_name_is_refused_with_the_nearest_and_all() -> None:
    with pytest.raises(InputError, match=r"unknown fruit 'aple' \(did you mean 'apple'\?\)") as e:
        FRUIT.create("aple")
    assert "known: pear, apple" in str(e.value)


def test_a_name_that_stands_twice_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="fruit 'pear' is registered twice"):
        Registry("fruit", [("pear", list), ("pear", dict)])
