"""First runs of an engine, and what they show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import small_networks
from heddle.errors import HostError, InputError
from heddle.serving.engines.engine import OPEN, Signature, Tensors, TensorSpec
from heddle.serving.engines.onnx import open_network
from heddle.serving.instance.opening import open_engines
from heddle.serving.instance.warm_up import warm_up
from instance_process import onnx_of, order_of_one
from scripted_engine import ScriptedEngine


def signature_of(folder: Path, network: bytes, batch: int = 4) -> Signature:
    return warm_up(open_network(onnx_of(folder, network).path), batch)


class PickyEngine(ScriptedEngine):
    """Takes one length only, as networks with fixed strides do."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._length = length

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        if inputs["x"].shape[1] != self._length:
            raise HostError(f"expected the length {self._length}")
        return super().run(inputs, outputs)


class TextEngine(ScriptedEngine):
    """Takes texts and gives how many there are in the row."""

    @property
    def signature(self) -> Signature:
        inputs = (TensorSpec("x", "BYTES", (OPEN, OPEN)), TensorSpec("is", "BOOL", (OPEN,)))
        return Signature("scripted", inputs, (TensorSpec("y", "INT64", (OPEN,)),), is_batched=True)

    def run(self, inputs: Tensors, outputs: Sequence[str]) -> Tensors:
        x = inputs["x"]
        return dict.fromkeys(outputs, np.full(x.shape[0], x.shape[1]))


def test_the_engine_has_run_at_its_batch() -> None:
    engine = ScriptedEngine()

    assert warm_up(engine, 6) == engine.signature
    assert engine.rows == [6, 1, 1]


def test_without_batches_one_run_is_enough() -> None:
    engine = ScriptedEngine()
    warm_up(engine, 1)

    assert engine.rows == [1]


@pytest.mark.parametrize(
    "network",
    [small_networks.doubling(), small_networks.doubling(width="w"), small_networks.looking_up()],
)
def test_independent_rows_are_seen_to_be(tmp_path: Path, network: bytes) -> None:
    assert signature_of(tmp_path, network).is_batched


def test_rows_that_depend_on_each_other_end_batching(tmp_path: Path) -> None:
    signature = signature_of(tmp_path, small_networks.centring())

    assert not signature.is_batched
    assert "rows of a batch are not independent" in signature.notes[-1]


def test_a_fixed_first_axis_is_run_as_it_is(tmp_path: Path) -> None:
    assert not signature_of(tmp_path, small_networks.doubling(batch=1)).is_batched


def test_other_lengths_are_tried_where_the_network_leaves_one_open() -> None:
    assert warm_up(PickyEngine(64), 2).is_batched


def test_a_network_that_runs_on_nothing_is_refused_with_its_first_reason() -> None:
    with pytest.raises(InputError, match="does not run on made-up inputs: expected the length 7"):
        warm_up(PickyEngine(7), 2)


def test_texts_and_truths_are_made_up_too() -> None:
    assert warm_up(TextEngine(), 2).is_batched


def test_every_worker_has_an_engine_and_the_batch_is_what_is_run(tmp_path: Path) -> None:
    order = order_of_one(onnx_of(tmp_path, small_networks.centring()), batch=4, processes=2)
    opened = open_engines(order)

    assert len(opened.engines) == 2
    assert opened.engines[0] is not opened.engines[1]
    assert opened.batch == 1
