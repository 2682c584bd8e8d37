"""The simulated GPU as a backend: a board, a machine, and virtual time.

Opened by ``heddle run --device sim:NAME``, ``heddle bench runtime`` and the conformance suite.
"""

from __future__ import annotations

from typing import Final

from heddle.runtime.core.backend import BackendOptions, Span
from heddle.runtime.core.board import Board, Device, new_board
from heddle.runtime.core.policies import limits_of
from heddle.runtime.core.registration import add_kernel, add_program
from heddle.runtime.simulated.engine import advance
from heddle.runtime.simulated.facts import DeviceType, Network, device_type, network, networks
from heddle.runtime.simulated.machine import Costs, new_machine
from heddle.runtime.simulated.profiles import kernel_of

PREFIX: Final = "sim:"
MAX_SPANS: Final = 1 << 18


class SimulatedGpu:
    """A GPU at block level in virtual time, which begins at 1 ns.

    Parameters
    ----------
    device
        A type's facts, or its name with or without ``sim:``.
    options
        Policy, level and recording.

    Raises
    ------
    InputError
        There is no such type, or the policy needs a power that it has not.
    """

    def __init__(self, device: DeviceType | str, options: BackendOptions | None = None) -> None:
        chosen = options or BackendOptions()
        self.type = device if isinstance(device, DeviceType) else _named(device)
        powers = _device_of(self.type, chosen.level)
        self.board: Board = new_board(powers, limits_of(chosen.policy, powers), chosen.sizes)
        window_ns = (chosen.record_from_ns, chosen.record_until_ns)
        spans = MAX_SPANS if chosen.is_recording else 0
        self._machine = new_machine(self.board, _costs_of(self.type), window_ns, spans)
        self._machine.clock.now_ns[0] = 1
        self._programs: dict[str, int] = {}

    @classmethod
    def open(cls, name: str, options: BackendOptions) -> SimulatedGpu:
        """The device of a type's name."""
        return cls(name, options)

    @property
    def name(self) -> str:
        """``sim:`` and the type."""
        return PREFIX + self.type.name

    @property
    def label(self) -> str:
        """``simulated`` or ``extrapolated``."""
        return self.type.label

    def networks(self) -> tuple[str, ...]:
        """The networks that it can run."""
        return tuple(networks())

    def add_network(self, name: str) -> int:
        """The program of a network; clients of one network share it."""
        found = network(name)
        if found.name not in self._programs:
            self._programs[found.name] = self._add(found)
        return self._programs[found.name]

    def now_ns(self) -> int:
        """Virtual time."""
        return int(self._machine.clock.now_ns[0])

    def advance(self, until_ns: int) -> None:
        """Jumps until a task is over or to the given time."""
        advance(self.board, self._machine, until_ns)

    def spans(self) -> list[Span]:
        """What was recorded, by start; ``MAX_SPANS`` at most."""
        rows = self._machine.spans[: self._machine.clock.spans[0]].tolist()
        return sorted(Span(*[*row[:-1], bool(row[-1])]) for row in rows)

    def busy_ns(self) -> tuple[int, int, int]:
        """Slot time so far of real-time, best-effort and padding blocks.

        One nanosecond is a multiprocessor full for a nanosecond: the device's room is their number
        times the time.
        """
        clock = self._machine.clock
        return int(clock.rt_busy_ns[0]), int(clock.be_busy_ns[0]), int(clock.pad_busy_ns[0])

    def close(self) -> None:
        """Nothing is left behind."""

    def _add(self, found: Network) -> int:
        rows = [add_kernel(self.board, kernel_of(one, self.type)) for one in found.kernels]
        return add_program(self.board, [rows[place] for place in found.program])


def _named(name: str) -> DeviceType:
    return device_type(name.removeprefix(PREFIX))


def _device_of(found: DeviceType, level: int) -> Device:
    return Device(
        level=min(level, found.level) if level else found.level,
        can_kill=int(found.can_kill),
        multiprocessors=found.multiprocessors,
        blocks_per_multiprocessor=found.blocks_per_multiprocessor,
        threads_per_multiprocessor=found.threads_per_multiprocessor,
        registers_per_multiprocessor=found.registers_per_multiprocessor,
        shared_bytes_per_multiprocessor=found.shared_bytes_per_multiprocessor,
    )


def _costs_of(found: DeviceType) -> Costs:
    return Costs(*(getattr(found, name) for name in Costs._fields))
