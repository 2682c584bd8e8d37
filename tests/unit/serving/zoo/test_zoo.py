"""The zoo: valid, reproducible networks whose outputs depend on their inputs."""

from functools import cache

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from float64_networks import Array, float64_outputs
from heddle.errors import InputError
from heddle.serving.engines.onnx import OnnxEngine, open_network
from heddle.serving.zoo.build import load, names
from heddle.serving.zoo.catalogue import ENTRIES, entry_of

SMALL = ("bert-tiny", "mobilenet-tiny", "resnet8-32")
#: Of the topologies, those that are built in well under a second.
LIGHT = ("densenet121", "inception-v1", "shufflenet", "squeezenet")


@cache
def content(name: str) -> bytes:
    return load(name)


@cache
def engine(name: str) -> OnnxEngine:
    return open_network(f"zoo:{name}")


def inputs(name: str, num_rows: int, seed: int = 1) -> dict[str, Array]:
    """Return random inputs of the shape that the catalogue states."""
    generator = np.random.default_rng(seed)
    title, kind, shape = entry_of(name).input_text.split()
    sides = (num_rows, *map(int, shape.split("x")))
    if kind == "int64":
        return {title: generator.integers(0, 30_000, sides)}
    return {title: generator.standard_normal(sides).astype(np.float32)}


def output(name: str, given: dict[str, Array]) -> NDArray[np.float32]:
    title = entry_of(name).output_text.split()[0]
    return np.asarray(engine(name).run(given, [title])[title])


@pytest.mark.parametrize("name", [*SMALL, *LIGHT, "resnet18"])
def test_a_network_is_valid_and_is_what_the_catalogue_says(name: str) -> None:
    network = onnx.load_from_string(content(name))
    onnx.checker.check_model(network, full_check=True)
    floats = [t for t in network.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    num_parameters = sum(int(np.prod(tensor.dims)) for tensor in floats if tensor.dims)
    assert num_parameters == entry_of(name).num_parameters
    title, _, shape = entry_of(name).output_text.split()
    found = output(name, inputs(name, 2))
    assert found.shape == (2, *map(int, shape.split("x")))
    assert [each.name for each in network.graph.output] == [title]


@pytest.mark.parametrize("name", SMALL)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name: str) -> None:
    assert load(name, seed=3) == load(name, seed=3)
    assert load(name, seed=3) != load(name, seed=4)


def test_a_topology_has_the_same_bytes_for_the_same_seed() -> None:
    assert load("squeezenet", seed=3) == load("squeezenet", seed=3)
    assert load("squeezenet", seed=3) != load("squeezenet", seed=4)


@pytest.mark.parametrize("name", [*SMALL, "resnet18"])
def test_the_runtime_agrees_with_numpy_in_64_bits(name: str) -> None:
    given = inputs(name, 2)
    (expected,) = float64_outputs(content(name), given).values()
    np.testing.assert_allclose(output(name, given), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [*SMALL, *LIGHT, "resnet18"])
def test_outputs_are_finite_and_depend_on_the_input(name: str) -> None:
    found = output(name, inputs(name, 2))
    assert np.isfinite(found).all()
    assert np.abs(found[0] - found[1]).max() > 1e-3 * np.abs(found).max()


@pytest.mark.parametrize("name", [*SMALL, *LIGHT])
def test_rows_of_a_batch_do_not_depend_on_each_other(name: str) -> None:
    assert engine(name).signature.is_batched
    given = inputs(name, 3)
    together = output(name, given)
    alone = output(name, {title: tensor[1:2] for title, tensor in given.items()})
    np.testing.assert_allclose(together[1:2], alone, rtol=1e-3, atol=1e-5)


def test_tokens_outside_the_vocabulary_are_taken_for_its_ends() -> None:
    given = {"tokens": np.full((1, 128), -5, np.int64)}
    nearest = {"tokens": np.zeros((1, 128), np.int64)}
    np.testing.assert_array_equal(output("bert-tiny", given), output("bert-tiny", nearest))


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"no network 'resnet19'.*did you mean 'resnet18'"):
        load("resnet19")


def test_every_name_is_listed_once_and_the_small_ones_come_first() -> None:
    assert len(set(names())) == len(ENTRIES) == 15
    assert names()[:3] == SMALL
