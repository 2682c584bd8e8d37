"""What an importer brings: operating points, and what became of the rows.

Returned by every importer; ``write_table`` puts the points where a workload finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heddle.atomic_file import write_text
from heddle.units import plural
from heddle.workload.performance import OperatingPoint
from heddle.workload.workload_writer import performance_csv


@dataclass(frozen=True, slots=True)
class ImportedTable:
    """Operating points that were read from another program's files.

    Attributes
    ----------
    points
        Each operating point once, in a fixed order.
    num_rows
        Rows that were read.
    notes
        Why ``num_rows`` and the number of points differ: one sentence a reason.
    """

    points: tuple[OperatingPoint, ...]
    num_rows: int
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What was read and kept, for people."""
        kept = f"{plural(self.num_rows, 'row')} read, {plural(len(self.points), 'point')} kept"
        return "; ".join((kept, *self.notes))


def write_table(table: ImportedTable, path: Path, comments: Sequence[str] = ()) -> None:
    """Write the points as a performance table, atomically.

    Raises
    ------
    InputError
        The folder does not exist or may not be written to.
    """
    write_text(path, performance_csv(table.points, comments))
