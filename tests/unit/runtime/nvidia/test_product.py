"""Products by the names that NVML gives them."""

from __future__ import annotations

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.runtime.nvidia.product import known_type, uncut, unknown_type

#: Product and memory as nvidia-smi shows them, MiB.
SEEN = [
    ("NVIDIA A30", 24_576, "A30-24GB"),
    ("NVIDIA A100-SXM4-40GB", 40_960, "A100-40GB"),
    ("NVIDIA A100-PCIE-40GB", 40_960, "A100-40GB"),
    ("NVIDIA A100 80GB PCIe", 81_920, "A100-80GB"),
    ("NVIDIA A800-SXM4-80GB", 81_920, "A100-80GB"),
    ("NVIDIA H100 80GB HBM3", 81_559, "H100-80GB"),
    ("NVIDIA H100 PCIe", 81_559, "H100-80GB"),
    ("NVIDIA H100 NVL", 95_830, "H100-94GB"),
    ("NVIDIA GH200 480GB", 97_871, "H100-96GB"),
    ("NVIDIA H20", 97_871, "H100-96GB"),
    ("NVIDIA H200", 143_771, "H200-141GB"),
    ("NVIDIA H200 NVL", 143_771, "H200-141GB"),
    ("NVIDIA B200", 183_359, "B200-180GB"),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", 97_887, "RTX-PRO-6000-Blackwell-96GB"),
    ("NVIDIA RTX 6000 Ada Generation", 49_140, "RTX-6000-Ada-48GB"),
    ("NVIDIA RTX A6000", 49_140, "RTX-A6000-48GB"),
    ("NVIDIA L4", 23_034, "L4-24GB"),
    ("NVIDIA L40", 46_068, "L40-48GB"),
    ("NVIDIA L40S", 46_068, "L40S-48GB"),
    ("NVIDIA A10", 23_028, "A10-24GB"),
    ("NVIDIA A2", 15_356, "A2-16GB"),
    ("NVIDIA A40", 46_068, "A40-48GB"),
    ("Tesla T4", 15_360, "T4-16GB"),
    ("Tesla V100-SXM2-16GB", 16_384, "V100-16GB"),
    ("Tesla V100-SXM2-32GB", 32_768, "V100-32GB"),
    ("Tesla P100-PCIE-16GB", 16_384, "P100-16GB"),
]


@pytest.mark.parametrize(("product", "memory_mib", "name"), SEEN)
def test_a_product_is_known_by_its_name_and_its_memory(
    product: str, memory_mib: int, name: str
) -> None:
    found = known_type(builtin_catalogue(), product, memory_mib)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("product", "memory_mib"),
    [
        ("NVIDIA GeForce RTX 4090", 24_564),
        ("NVIDIA A1000", 8_192),
        ("NVIDIA A100-SXM-64GB", 65_536),
        ("", None),
    ],
)
def test_a_product_that_is_not_in_the_catalogue_is_not_taken_for_another(
    product: str, memory_mib: int | None
) -> None:
    assert known_type(builtin_catalogue(), product, memory_mib) is None


def test_where_memory_may_not_be_asked_the_name_says_it() -> None:
    found = known_type(builtin_catalogue(), "NVIDIA A100-SXM4-80GB", None)
    assert found is not None
    assert found.name == "A100-80GB"


def test_an_unknown_product_is_a_whole_gpu_with_a_name_of_its_own() -> None:
    gpu_type = unknown_type("NVIDIA GeForce RTX 4090", 24_564)
    assert gpu_type.name == "RTX-4090-24GB-whole"
    assert not gpu_type.has_mig
    assert gpu_type.is_plannable


def test_a_card_with_mig_off_is_a_type_of_its_own_that_the_catalogue_knows() -> None:
    h200 = builtin_catalogue().get("H200-141GB")
    assert uncut(h200) == builtin_catalogue().get("h200-141gb-whole")
    assert uncut(h200).profile_names == ("whole",)
    assert uncut(h200).profile("whole").sms == 132


def test_a_card_without_mig_keeps_its_type() -> None:
    l4 = builtin_catalogue().get("L4-24GB")
    assert uncut(l4) is l4
