"""Networks of the library: equal to float64, with recycled buffers, found by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from heddle.errors import InputError
from heddle.runtime.core.constants import EXACT_RESUME
from heddle.runtime.library.networks import (
    NETWORKS,
    STAND_INS,
    build,
    network_names,
    stand_in,
)
from heddle.runtime.library.networks.bert import EncoderShape, bert_like
from heddle.runtime.library.networks.bound_network import BoundNetwork
from heddle.runtime.library.networks.mlp import mlp
from heddle.runtime.library.networks.resnet import resnet_like
from heddle.runtime.library.networks.separable import separable_like
from heddle.runtime.library.networks.vgg import vgg_like

pytest.importorskip("numba", reason="needs numba: pip install 'heddle-gpu[runtime]'")

TINY: dict[str, Callable[[int], BoundNetwork]] = {
    "resnet": lambda seed: resnet_like(seed, size=32, bottlenecks=(1, 2, 1, 1), width=8),
    "resnext": lambda seed: resnet_like(seed, 32, bottlenecks=(1, 1, 1, 1), width=8, groups=4),
    "bert": lambda seed: bert_like(seed, EncoderShape(layers=2, width=48, heads=3, tokens=20)),
    "vgg": lambda seed: vgg_like(seed, size=32, width=16),
    "separable": lambda seed: separable_like(seed, size=32, width=4),
    "mlp": lambda seed: mlp(seed, (30, 50, 40, 9), batch=7),
}


@pytest.mark.parametrize("name", TINY)
def test_a_network_matches_its_float64_reference(name: str) -> None:
    network = TINY[name](3)
    output = network.run_here()
    assert network.error() <= network.tolerance
    assert np.isfinite(output).all()
    assert np.ptp(output) > 0


@pytest.mark.parametrize("name", TINY)
def test_running_again_gives_the_same_bits_and_leaves_the_input(name: str) -> None:
    network = TINY[name](3)
    example = network.input.copy()
    first = network.run_here()
    assert network.run_here().tobytes() == first.tobytes()
    assert np.array_equal(network.input, example)


@pytest.mark.parametrize("name", TINY)
def test_the_same_seed_gives_the_same_network_and_another_seed_another(name: str) -> None:
    output = TINY[name](5).run_here()
    assert TINY[name](5).run_here().tobytes() == output.tobytes()
    assert TINY[name](6).run_here().tobytes() != output.tobytes()


@pytest.mark.parametrize("name", TINY)
def test_stopping_at_random_block_edges_for_another_network_leaves_the_bits(name: str) -> None:
    rng = np.random.default_rng(11)
    network, other = TINY[name](3), TINY["mlp"](4)
    expected, expected_other = network.run_here(), other.run_here()
    for bound in network.bound_kernels:
        edge = int(rng.integers(0, bound.kernel.blocks + 1))
        bound.run(0, edge)
        assert other.run_here().tobytes() == expected_other.tobytes()
        bound.run(edge)
    assert network.output.tobytes() == expected.tobytes()


def test_a_new_input_gives_the_output_of_that_input() -> None:
    network = TINY["resnet"](3)
    before = network.run_here()
    network.input[:] = np.random.default_rng(9).standard_normal(network.input.shape)
    assert network.run_here().tobytes() != before.tobytes()
    assert network.error() <= network.tolerance


@pytest.mark.parametrize("name", ["resnet", "vgg", "bert", "separable"])
def test_far_layers_share_buffers(name: str) -> None:
    network = TINY[name](3)
    outputs = {bound.arrays[0].ctypes.data for bound in network.bound_kernels}
    assert 3 * len(outputs) <= len(network.kernels)


@pytest.mark.parametrize("name", ["resnet", "bert"])
def test_sums_in_place_are_exact_resume_only(name: str) -> None:
    kernels = TINY[name](3).kernels
    assert any(kernel.contract == EXACT_RESUME and kernel.name == "add" for kernel in kernels)


@pytest.mark.parametrize("name", ["resnet", "bert"])
def test_a_sum_that_runs_twice_shows_in_the_output(name: str) -> None:
    network = TINY[name](3)
    expected = network.run_here()
    twice = next(bound for bound in network.bound_kernels if bound.kernel.name == "add")
    for bound in network.bound_kernels:
        bound.run()
        if bound is twice:
            bound.run(0, 1)
    assert network.output.tobytes() != expected.tobytes()


@pytest.mark.parametrize("name", TINY)
def test_a_kernel_left_out_shows_in_the_output(name: str) -> None:
    network = TINY[name](3)
    expected = network.run_here()
    network.input[:] = 1 - network.input
    for bound in network.bound_kernels[1:]:
        bound.run()
    assert network.error() > network.tolerance
    assert expected.shape == network.output.shape


def test_every_name_of_disb_has_a_network_that_is_labelled_as_a_stand_in() -> None:
    assert set(STAND_INS.values()) <= set(NETWORKS)
    assert network_names() == (*NETWORKS, *STAND_INS)
    assert stand_in("distilbert") == "bert-small"
    assert stand_in("bert-small") is None
    assert build("mlp-small").name == "mlp-small"
    assert build("vgg19-imagenet").name == "vgg19-small for vgg19-imagenet"


def test_an_unknown_network_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"unknown network 'resnet-smal'.*'resnet-small'"):
        build("resnet-smal")
