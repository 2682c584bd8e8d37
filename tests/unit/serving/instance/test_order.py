"""The file that an instance is started with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from heddle.errors import InputError
from heddle.serving.instance.__main__ import main
from heddle.serving.instance.order import load_order
from instance_process import SLEEP, order_of_one


def test_an_order_comes_back_as_it_was_written(tmp_path: Path) -> None:
    order, file = order_of_one(SLEEP), tmp_path / "instance.json"
    file.write_text(json.dumps(order.members()), encoding="utf-8")

    assert load_order(file) == order


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"port": 0}, r"instance\.json: port: expected a whole number from 1 to 65535"),
        ({"num_threads": 0}, "num_threads"),
        ({"surplus": 1}, "unknown key 'surplus'"),
        ({"service": {}}, "service: missing key 'name'"),
    ],
)
def test_a_wrong_order_is_named(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    file = tmp_path / "instance.json"
    file.write_text(json.dumps({**order_of_one(SLEEP).members(), **change}), encoding="utf-8")

    with pytest.raises(InputError, match=reason):
        load_order(file)


@pytest.mark.parametrize("words", [[], ["a", "b"], ["/absent/instance.json"]])
def test_without_an_order_it_ends_with_2_and_a_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("heddle: ")
