"""How the cores of a machine are divided: a reserve, devices, units, instances.

Arithmetic only. ``discovery`` asks it once; every device has one :class:`CoreShare`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from heddle.errors import InputError

#: Units of the type ``CPU-8``.
NUM_UNITS = 8

#: The kernel takes no shorter quota, microseconds (``min_cfs_quota_period``).
_MIN_QUOTA_US = 1_000
#: Below this a unit would wait 50 ms for each millisecond of work.
_MIN_UNIT_CORES = 0.02
_MIN_RESERVE_CORES = 0.5
_RESERVE_PART = 1 / 16


class Lot(NamedTuple):
    """What one instance gets: an amount of cores, and whole processors where it is bound.

    ``processors`` are as many as fit into ``cores``, none when that is below one; no two
    instances of a machine have one in common.
    """

    cores: float
    processors: tuple[int, ...]

    @property
    def num_threads(self) -> int:
        """How many threads can work at a time."""
        return max(1, math.ceil(self.cores - 1e-9))


@dataclass(frozen=True, slots=True)
class CoreShare:
    """The part of the machine that is one device.

    Attributes
    ----------
    machine_cores, reserve_cores
        What the machine has, and what of it is left to routers, daemons and clients.
    cores_per_unit
        Of this device.
    processors
        The machine's processors from which whole ones are given.
    first_core
        Where this device begins among those, in cores; a fraction.
    """

    machine_cores: float
    reserve_cores: float
    cores_per_unit: float
    processors: tuple[int, ...]
    first_core: float = 0.0

    @property
    def cores(self) -> float:
        """Of all its units."""
        return self.cores_per_unit * NUM_UNITS

    def period_us(self, wanted_us: int) -> int:
        """Return a period, in microseconds, in which one unit is worth a quota."""
        return max(wanted_us, math.ceil(_MIN_QUOTA_US / self.cores_per_unit))

    def lot(self, start: int, size: int) -> Lot:
        """Return what ``size`` units from ``start`` on are worth.

        The whole processors begin at the next lower one: ``floor(a) + floor(b)`` is at most
        ``floor(a + b)``, so neighbours never meet.
        """
        cores = size * self.cores_per_unit
        first = math.floor(self.first_core + start * self.cores_per_unit + 1e-9)
        num_whole = math.floor(cores + 1e-9)
        return Lot(cores, self.processors[first : first + num_whole])


def divided(
    processors: tuple[int, ...], limit_cores: float, num_devices: int
) -> tuple[CoreShare, ...]:
    """Divide a machine into equal devices.

    Parameters
    ----------
    processors
        Those this process may use, ascending. The last ones are given to instances, since
        the first serve the machine's interrupts.
    limit_cores
        What this process may use of them at most, in cores.
    num_devices
        At least 1.

    Raises
    ------
    InputError
        The machine is too small for so many devices.
    """
    machine = min(float(len(processors)), limit_cores)
    reserve = max(_MIN_RESERVE_CORES, machine * _RESERVE_PART)
    per_unit = (machine - reserve) / num_devices / NUM_UNITS
    if per_unit < _MIN_UNIT_CORES:
        least = num_devices * NUM_UNITS * _MIN_UNIT_CORES
        raise InputError(
            f"{num_devices} CPU devices need {least + reserve:.2f} cores, and this machine has "
            f"{machine:g}, of which {reserve:g} are kept free; ask for fewer devices"
        )
    usable = math.floor(machine - reserve + 1e-9)
    given = processors[len(processors) - usable :]
    return tuple(
        CoreShare(machine, reserve, per_unit, given, index * per_unit * NUM_UNITS)
        for index in range(num_devices)
    )
