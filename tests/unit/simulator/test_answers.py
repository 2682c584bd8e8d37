"""What a cluster answers to lines that a controller sends, well-formed or not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.node_wire import command_members, line_of
from heddle.simulator.answers import PAGE, Answers
from heddle.simulator.driver import SimulatedDriver
from heddle.simulator.durations import Durations, Exact
from heddle.simulator.world import World
from simulated_clusters import CREATE_S, DEPLOYMENT, TIMES, create, start

HELLO = b'{"ask":"hello","version":1}'
COMMAND = command_members(start("x", "gpu-1"))


def small() -> tuple[Answers, SimulatedDriver]:
    cluster = SimulatedDriver(World.running(DEPLOYMENT), Durations(TIMES, Exact()))
    return Answers(cluster), cluster


def answered(answers: Answers, request: dict[str, Any]) -> dict[str, Any]:
    reply = json.loads(answers.reply(line_of(request)))
    assert isinstance(reply, dict)
    return reply


def test_every_answer_is_one_line_that_tells_the_time() -> None:
    answers, _ = small()
    answered(answers, {"ask": "submit", "command": command_members(create("a", "gpu-1"))})
    reply = answered(answers, {"ask": "wait", "until_s": 50})
    assert reply == {
        "now_s": CREATE_S,
        "events": [{"command": "a", "outcome": "done", "at_s": CREATE_S}],
    }
    line = answers.reply(HELLO)
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")


@pytest.mark.parametrize(
    ("request_line", "message"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe", "not a text: byte 0 is not UTF-8"),
        (b"[]", "expected an object"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"ask":1}', "ask: expected text"),
        (b'{"ask":"obserf"}', "unknown 'obserf' (did you mean 'observe'?)"),
        (b"{}", "missing key 'ask'"),
        (b'{"ask":"observe","ask":"wait"}', "key 'ask' stands twice"),
        (b'{"ask":"observe","now":1}', "unknown key 'now'"),
        (b'{"ask":"hello","version":2}', "version: expected a whole number from 1 to 1"),
        (b'{"ask":"wait"}', "missing key 'until_s'"),
        (b'{"ask":"wait","until_s":"soon"}', "until_s: expected a finite number"),
        (b'{"ask":"wait","until_s":Infinity}', "until_s: expected a finite number"),
        (b'{"ask":"wait","until_s":NaN}', "until_s: expected a finite number"),
        (b'{"ask":"wait","until_s":1e13}', "until_s: expected at most 1e+12 s"),
        (b'{"ask":"history","from":-1}', "from: expected a whole number"),
        (b'{"ask":"submit","command":[]}', "command: expected an object"),
        (line_of({"ask": "submit", "command": COMMAND | {"id": ""}}), "command.id: expected"),
        (line_of({"ask": "submit", "command": COMMAND | {"id": "a\nb"}}), "command.id: expected"),
        (line_of({"ask": "submit", "command": COMMAND | {"action": "burn"}}), "unknown 'burn'"),
        (line_of({"ask": "submit", "command": COMMAND | {"start": -1}}), "command.start"),
        (line_of({"ask": "submit", "command": COMMAND | {"at": 1}}), "unknown key 'at'"),
        (line_of({"ask": "submit", "command": COMMAND | {"serving": {}}}), "missing key 'profile'"),
    ],
)
def test_a_request_that_is_malformed_gets_an_error_and_harms_nothing(
    request_line: bytes, message: str
) -> None:
    answers, cluster = small()
    reply = json.loads(answers.reply(request_line))
    assert message in reply["error"]
    assert reply["error"].startswith("request")
    assert (cluster.clock.now_s(), cluster.history().entries) == (0.0, ())
    assert not answers.is_ending


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_garbage_does_anything(garbage: bytes) -> None:
    answers, cluster = small()
    before = cluster.observe()
    assert "error" in json.loads(answers.reply(garbage))
    assert cluster.observe() == before


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({*COMMAND, *COMMAND["serving"]})), _JSON)
def test_a_command_with_one_member_replaced_is_carried_out_refused_or_not_understood(
    key: str, value: Any
) -> None:
    answers, cluster = small()
    command = dict(COMMAND)
    if key in command:
        command[key] = value
    else:
        command["serving"] = COMMAND["serving"] | {key: value}
    line = json.dumps({"ask": "submit", "command": command}).encode()
    reply = json.loads(answers.reply(line))
    if "error" in reply:
        assert cluster.history().entries == ()
    waited = answered(answers, {"ask": "wait", "until_s": 100})
    assert len(waited["events"]) == (0 if "error" in reply else 1)


def test_history_comes_in_pages() -> None:
    answers, _ = small()
    line = line_of({"ask": "submit", "command": command_members(create("a", "gpu-1"))})
    for _ in range(PAGE + 10):
        answers.reply(line)
    firsts = (0, PAGE, PAGE + 10)
    pages = [answered(answers, {"ask": "history", "from": first}) for first in firsts]
    assert [len(page["entries"]) for page in pages] == [PAGE, 10, 0]
    assert {page["num_entries"] for page in pages} == {PAGE + 10}


def test_the_end_is_asked_for_in_so_many_words() -> None:
    answers, _ = small()
    answers.reply(HELLO)
    assert not answers.is_ending
    assert answered(answers, {"ask": "shutdown"}) == {"now_s": 0.0}
    assert answers.is_ending
