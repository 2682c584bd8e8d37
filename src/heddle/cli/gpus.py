"""``heddle gpus``: the GPU types, or one of them drawn."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.cli.outputs import require_outputs
from heddle.cluster.catalogue import builtin_catalogue, load_gpu_types, load_sources
from heddle.drawing.gpu_type import gpu_type_svg
from heddle.drawing.gpu_type_text import gpu_type_text, gpu_types_table
from heddle.errors import InputError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpus``."""
    parser.add_argument("type", nargs="?", metavar="TYPE", help="name or alias; all if left out")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="also know the GPU types of this YAML file"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the type")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of types, or the profiles, starts and partitions of one."""
    require_outputs([arguments.svg], [arguments.file])
    catalogue = builtin_catalogue()
    if arguments.file is not None:
        catalogue = catalogue.with_types(load_gpu_types(arguments.file))
    if arguments.type is None:
        if arguments.svg is not None:
            raise InputError("--svg draws one type: name it, as in heddle gpus A100-80GB --svg …")
        print(gpu_types_table(catalogue))
        return 0
    gpu_type = catalogue.get(arguments.type)
    if arguments.svg is not None:
        write_text(arguments.svg, gpu_type_svg(gpu_type))
    print(gpu_type_text(gpu_type))
    sources = load_sources()
    if arguments.file is not None:
        sources |= load_sources(arguments.file)
    for key in gpu_type.sources:
        if key in sources:
            print(f"  {key}: {sources[key]}")
    return 0
