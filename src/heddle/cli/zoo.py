"""``heddle zoo``: the networks that heddle can make itself, or the file of one of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.atomic_file import write_bytes
from heddle.cli.outputs import require_outputs
from heddle.cli.running import natural_number
from heddle.drawing.table import Column, number_column, table_text
from heddle.errors import InputError
from heddle.serving.zoo.build import load
from heddle.serving.zoo.catalogue import ENTRIES, PREFIX, entry_of


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``zoo``."""
    parser.add_argument("network", nargs="?", metavar="NAME", help="one of them; all if left out")
    parser.add_argument(
        "--seed", type=natural_number, default=0, metavar="N", help="of the weights (default: 0)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it as ONNX")


def run(arguments: argparse.Namespace) -> int:
    """Print the table of networks, describe one, or write it."""
    require_outputs([arguments.output])
    if arguments.network is None:
        if arguments.output is not None:
            raise InputError("-o writes one network: name it, as in heddle zoo resnet18 -o …")
        print(_table())
        return 0
    entry = entry_of(arguments.network.removeprefix(PREFIX))
    if arguments.output is None:
        print(f"{entry.name}: {entry.summary}, {entry.num_parameters:,} parameters")
        print(f"  input:  {entry.input_text}\n  output: {entry.output_text}")
        return 0
    content = load(entry.name, arguments.seed)
    write_bytes(arguments.output, content)
    print(f"{arguments.output}: {entry.summary}, {len(content) / 1e6:,.1f} MB")
    return 0


def _table() -> str:
    columns = (
        Column("name"), number_column("parameters"), Column("input"), Column("output"),
        Column("what it is"),
    )  # fmt: skip
    rows = [
        (e.name, f"{e.num_parameters:,}", e.input_text, e.output_text, e.summary) for e in ENTRIES
    ]
    return table_text(columns, rows)
