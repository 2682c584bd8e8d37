"""Files of scripted faults: what they say, and what they may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from documentation_pages import page
from heddle.cluster.event import Outcome
from heddle.errors import InputError
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.fault_file import FAULT_KEYS, FILE_KEYS, load_faults
from heddle.simulator.faults import (
    CommandFault,
    Delivery,
    EventFault,
    FaultScript,
    Loss,
    NodeFault,
    Which,
)
from heddle.simulator.world import World
from simulated_clusters import DEPLOYMENT

NODES = ("node-0", "node-1")


def loaded(folder: Path, text: str) -> FaultScript:
    path = folder / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    return load_faults(path, NODES)


def objection(folder: Path, fault: str) -> str:
    with pytest.raises(InputError) as caught:
        loaded(folder, f"version: 1\nfaults:\n  - {fault}\n")
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_file_says_what_befalls_steps_commands_events_and_nodes(tmp_path: Path) -> None:
    script = loaded(
        tmp_path,
        """\
version: 1
faults:
  - {step: 7, fail: once, retryable: false, message: "the driver is wedged"}
  - {step: 8, fail: 3, retry_after_s: 2.5}
  - {step: 0, refuse: always}
  - {command: 12, refuse: once}
  - {node: node-1, vanishes_at_s: 30, for_s: 15, loses: servers}
  - {node: node-0, vanishes_at_s: 0, for_s: 1}
  - {event: 12, deliver: lost}
  - {step: 3, deliver: twice}
  - {command: 4, deliver: late, late_s: 5}
""",
    )
    wedged = "the driver is wedged"
    assert script.commands == (
        CommandFault(Which(step=7), message=wedged, is_retryable=False),
        CommandFault(Which(step=8), num_times=3, retry_after_s=2.5),
        CommandFault(Which(step=0), Outcome.REFUSED, num_times=None),
        CommandFault(Which(command=12), Outcome.REFUSED),
    )
    assert script.nodes == (
        NodeFault("node-1", 30.0, 15.0, Loss.SERVERS),
        NodeFault("node-0", 0.0, 1.0),
    )
    assert script.events == (
        EventFault(Which(event=12), Delivery.LOST),
        EventFault(Which(step=3), Delivery.TWICE),
        EventFault(Which(command=4), Delivery.LATE, 5.0),
    )


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("{fail: once}", "expected one of the keys step, command, event, node, found none"),
        ("{step: 1, command: 2, fail: once}", "found step, command"),
        ("{step: 1}", "expected one of the keys fail, refuse, deliver, found none"),
        ("{step: 1, fail: once, refuse: once}", "found fail, refuse"),
        ("{step: -1, fail: once}", "faults[0].step: expected a whole number from 0"),
        ("{command: 0, fail: once}", "faults[0].command: expected a whole number"),
        ("{step: 1, fail: twice}", "faults[0].fail: unknown 'twice'"),
        ("{step: 1, fail: 0}", "faults[0].fail: expected a whole number"),
        ("{step: 1, fail: once, retryabel: true}", "unknown key 'retryabel' (did you mean"),
        ("{step: 1, fail: once, retryable: 1}", "expected true or false"),
        ("{step: 1, fail: once, retry_after_s: -1}", "faults[0].retry_after_s: expected a number"),
        ("{step: 1, fail: once, late_s: 1}", "unknown key 'late_s'"),
        ("{command: 3, fail: always}", "a command is tried once; name a step"),
        ("{command: 3, fail: 2}", "a command is tried once; name a step"),
        ("{event: 3, fail: once}", "expected one of the keys deliver, found none"),
        ("{event: 3, deliver: never}", "faults[0].deliver: unknown 'never'"),
        ("{event: 3, deliver: late}", "missing key 'late_s'"),
        ("{event: 3, deliver: lost, late_s: 3}", "an event that is lost does not come later"),
        ("{node: node-1, vanishes_at_s: 3}", "missing key 'for_s'"),
        ("{node: node-2, vanishes_at_s: 3, for_s: 1}", "unknown 'node-2' (did you mean"),
        ("{node: node-1, vanishes_at_s: 3, for_s: 1, loses: all}", "unknown 'all'"),
        ("{node: node-1, vanishes_at_s: .inf, for_s: 1}", "expected a finite number"),
        ("{node: node-1, step: 1, fail: once}", "found step, node"),
        ("step 7", "expected keys and values"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_where_it_stands(
    tmp_path: Path, fault: str, message: str
) -> None:
    said = objection(tmp_path, fault)
    assert said.startswith("faults.yaml:3: faults[0]")
    assert message in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\nfaults: [{step: 1, fail: once}]\n", "version: expected a whole number"),
        ("faults: [{step: 1, fail: once}]\n", "missing key 'version'"),
        ("version: 1\nfaults: []\n", "expected at least one of faults"),
        ("version: 1\nfalts: []\n", "unknown key 'falts' (did you mean 'faults'?)"),
        ("[]\n", "expected keys and values"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)
    assert message in str(caught.value)


def test_a_script_that_names_no_node_of_the_cluster_is_refused() -> None:
    script = FaultScript(nodes=(NodeFault("node-11", 1.0, 1.0),))
    with pytest.raises(InputError, match=r"unknown node 'node-11' \(did you mean 'node-1'\?\)"):
        SimulatedDriver(World.running(DEPLOYMENT), script=script)


def test_every_key_has_a_row_on_its_page_and_its_example_loads(tmp_path: Path) -> None:
    reference = page("docs/reference/simulator.md")
    rows = [line.split("|")[1] for line in reference.prose().splitlines() if line.startswith("| `")]
    assert {*FILE_KEYS, *FAULT_KEYS} <= {row.strip().strip("`") for row in rows}
    [example] = [block for block in reference.blocks() if block.file == "faults.yaml"]
    path = tmp_path / "faults.yaml"
    path.write_text(example.text, encoding="utf-8")
    script = load_faults(path, ("node-2",))
    assert (len(script.commands), len(script.events), len(script.nodes)) == (3, 2, 1)
