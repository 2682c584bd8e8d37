"""Which GPU type of the catalogue a card is, by the name and the memory that NVML reports.

NVML says ``NVIDIA A100-SXM4-80GB`` or ``NVIDIA H200``; the catalogue says ``A100-80GB``
and ``H200-141GB``. A card that the catalogue does not have is still a whole GPU.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from heddle.cluster.catalogue import Catalogue
from heddle.cluster.gpu_type import UNCUT, GpuType
from heddle.cluster.profile import WHOLE, Profile

#: How far the memory that NVML reports may be from the nominal one. An A10 of "24 GB" shows
#: 22.5 GiB with ECC on, 6 % less; the nearest types of one model are 18 % apart (H100 80, 94).
_MEMORY_TOLERANCE = 0.10
_MIB_PER_GIB = 1024
_MEMORY_WORD = re.compile(r"(\d+)GB")
#: Words of a product's name that say nothing about the model.
_MAKERS = {"NVIDIA", "TESLA", "GEFORCE", "QUADRO"}


def known_type(catalogue: Catalogue, product: str, memory_mib: int | None) -> GpuType | None:
    """Return the type of a product, or None when the catalogue does not have it.

    Parameters
    ----------
    catalogue
        The types that are known.
    product
        What ``nvmlDeviceGetName`` says.
    memory_mib
        What ``nvmlDeviceGetMemoryInfo`` says, MiB; None where it may not be asked.
    """
    words = _words(product)
    memory_gb = memory_mib / _MIB_PER_GIB if memory_mib else _stated_memory_gb(words)
    best: tuple[int, float] | None = None
    found = None
    for gpu_type in catalogue:
        for model in _models(gpu_type):
            distance = abs(memory_gb / gpu_type.memory_gb - 1) if memory_gb else 0.0
            if not model <= words or distance > _MEMORY_TOLERANCE:
                continue
            rank = (len(model), -distance)
            if best is None or rank > best:
                best, found = rank, gpu_type
    return found


def unknown_type(product: str, memory_mib: int | None) -> GpuType:
    """Return a type for a product that the catalogue does not have; it is not cut."""
    model = "-".join(w for w in re.split(r"[^\w]+", product) if w.upper() not in _MAKERS)
    memory_gb = round((memory_mib or 0) / _MIB_PER_GIB)
    return GpuType(
        name=f"{model or 'GPU'}-{memory_gb}GB{UNCUT}",
        profiles=(Profile(WHOLE, 1, 1, (0,), 1, memory_mib=memory_mib),),
        compute_slices=1,
        memory_units=1,
        memory_gb=memory_gb,
        evidence="read from the card",
    )


def uncut(gpu_type: GpuType) -> GpuType:
    """Return how a card of a type is described where it is not cut."""
    return gpu_type.uncut() if gpu_type.has_mig else gpu_type


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[^\w]+", name.upper())) - {""}


def _stated_memory_gb(words: frozenset[str]) -> int | None:
    stated = [int(match[1]) for word in words if (match := _MEMORY_WORD.fullmatch(word))]
    return stated[0] if len(stated) == 1 else None


def _models(gpu_type: GpuType) -> Iterator[frozenset[str]]:
    """Yield the words of a type's name and aliases, without makers and memory."""
    if not gpu_type.memory_gb:
        return
    for name in (gpu_type.name, *gpu_type.aliases):
        words = _words(name) - _MAKERS
        model = frozenset(word for word in words if not _MEMORY_WORD.fullmatch(word))
        if model:
            yield model
