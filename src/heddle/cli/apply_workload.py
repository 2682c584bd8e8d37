"""``heddle apply`` with a workload: plan it, move to it, on the machine of a daemon."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path

from heddle.cli.daemon_arguments import daemon_of
from heddle.cli.move_view import told_move
from heddle.cli.transition_text import transition_report
from heddle.cluster.deployment import PlannedInstance
from heddle.cluster.json_object import parse_json
from heddle.documents import Value, load_yaml, read_text
from heddle.drawing.figures import rate_text
from heddle.errors import InputError
from heddle.transition.transition_file import transition_of
from heddle.workload.files import load_workload
from heddle.workload.serving_spec_reader import ZOO

_MAX_MIB = 64


def apply_workload(arguments: argparse.Namespace) -> int:
    """Apply the workload file; with ``--dry-run`` only show what would be done."""
    path: Path = arguments.transition
    # Errors with file and line come from here: the daemon knows the files by other names.
    workload = load_workload(path)
    for service in workload.every_service:
        if service.serving is None:
            raise InputError(
                f"service {service.name!r} does not say how it is run; add a serve part",
                service.location,
            )
    name, files, links = _bundle(path)
    daemon = daemon_of(arguments)
    accepted = daemon.apply(files, name, links, is_dry_run=arguments.dry_run)
    if arguments.dry_run:
        return _shown(accepted)
    return told_move(daemon, accepted, is_waiting=not arguments.no_wait)


def _shown(planned: dict[str, object]) -> int:
    if planned["transition"] is None:
        print(f"{planned['sentence']}; nothing would move")
        return 0
    transition = transition_of(parse_json(json.dumps(planned["transition"]), Path("transition")))
    for entry in transition.target.configurations:
        print(f"{entry.gpu}: {', '.join(map(_spelled, entry.instances))}")
    print()
    print(transition_report(transition, math.inf))
    return 0


def _spelled(one: PlannedInstance) -> str:
    rate = rate_text(one.rate_rps)
    return f"{one.profile} at {one.start} {one.service} (batch {one.batch}, {rate}/s)"


def _bundle(path: Path) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return the workload's name, the files that it names, and where its networks lie.

    Names are relative to the folder that holds all of them. A file that is named by an
    absolute path is found by the daemon where it is.
    """
    keys = load_yaml(path).raw
    tables = [item for key in ("performance", "gpu_types") if key in keys for item in keys[key].raw]
    networks = [
        entry.raw["serve"].raw["path"]
        for entry in keys["services"].raw
        if "serve" in entry.raw and "path" in entry.raw["serve"].raw
    ]
    networks = [value for value in networks if not value.raw.startswith(ZOO)]
    beside = {_place(path, value): value for value in (*tables, *networks)}
    near = {place: value for place, value in beside.items() if not Path(value.raw).is_absolute()}
    own = Path(os.path.normpath(path.absolute()))
    base = Path(os.path.commonpath([own.parent, *(place.parent for place in near)]))
    is_network = {_place(path, value) for value in networks}
    files = {
        str(place.relative_to(base)): read_text(place, _MAX_MIB)
        for place in (own, *near)
        if place not in is_network
    }
    links = {str(place.relative_to(base)): str(place) for place in near if place in is_network}
    return str(own.relative_to(base)), files, links


def _place(path: Path, value: Value) -> Path:
    """Return where a file that a workload names lies, without looking through links."""
    return Path(os.path.normpath(path.absolute().parent / value.raw))
