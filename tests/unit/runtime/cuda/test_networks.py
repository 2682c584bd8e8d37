"""Networks of the cuda device: layers become kernels with grids, parameters and forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from heddle.benchmarks.gpu_runtime_rig import trial_rig
from heddle.errors import InputError
from heddle.runtime.cuda.backend import CudaBackend
from heddle.runtime.cuda.networks.layers import SOURCES, Layer, Places, arguments, code_of
from heddle.runtime.cuda.networks.spin import SpinBlock
from heddle.runtime.cuda.networks.topologies import TOPOLOGIES
from heddle.runtime.rewriter.assemble import assemble
from heddle.runtime.rewriter.ptx_reader import read_ptx

pytest.importorskip("triton", reason="needs Triton: pip install 'heddle-gpu[rewriter]'")


@pytest.fixture
def device() -> Iterator[CudaBackend]:
    opened = trial_rig().open("block-edge")
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", [*SOURCES, "spin"])
def test_every_kind_of_layer_has_all_forms_for_the_h200(device: CudaBackend, kind: str) -> None:
    loaded = device.catalogue.load(kind)
    functions = loaded.functions
    assert functions.plain
    assert functions.checked
    assert functions.persistent, loaded.remarks


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kernel_is_machine_code_for_the_h200(kind: str) -> None:
    code = code_of(kind, 90)
    assert code.entry in assemble(read_ptx(code.ptx), "sm_90a").usages


def test_a_product_has_a_block_a_tile_and_arguments_in_the_order_of_the_kernel() -> None:
    layer = Layer("matmul", (100, 128, 64))
    assert layer.grid == (4, 1, 1)
    found = arguments(layer, Places(16, 32, 48, 64))
    assert [int.from_bytes(each, "little") for each in found] == [16, 48, 32, 100, 128, 64]


def test_clients_of_one_network_share_code_and_not_buffers(device: CudaBackend) -> None:
    first, second = (device.catalogue.network([Layer("add", (4096,))])[0] for _ in range(2))
    assert first.functions == second.functions
    assert first.parameters[0] != second.parameters[0]


def test_networks_have_as_many_kernels_as_their_originals_have_layers() -> None:
    counts = {name: len(make()) for name, make in TOPOLOGIES.items()}
    assert counts["resnet152"] == 2 + 50 * 5 + 1
    assert counts["densenet"] == 2 + 98 * 2 + 1
    assert counts["bert"] == 6 * 7


def test_a_strange_network_is_refused_with_those_that_there_are(device: CudaBackend) -> None:
    with pytest.raises(InputError, match=r"no network 'vg'.*did you mean 'vgg'"):
        device.add_network("vg")


def test_spin_blocks_carry_their_time_and_where_they_count_themselves(device: CudaBackend) -> None:
    kernel = device.catalogue.spinning([SpinBlock("spin", 7, 20_000)], counters=4096)[0]
    assert kernel.blocks == 7
    assert [int.from_bytes(each, "little") for each in kernel.parameters] == [4096, 20_000]
