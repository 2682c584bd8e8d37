"""Questions and answers between the daemon and its planner survive the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon_cases import live, planned, served, snapshot
from executions import small_transition
from heddle.cluster.json_object import parse_json
from heddle.cluster.json_text import encode
from heddle.errors import InputError
from heddle.server.plan_message import Answer, Question, answer_of, question_of
from heddle.workload.serving_spec import Engine, Retry, ServingSpec

SERVING = ServingSpec(Engine.COMMAND, command=("serve", "{port}"), retry=Retry.NEVER, port=8101)


def question(**more: float) -> Question:
    runs = snapshot(live(planned("nap")), live(planned("doze", start=2), is_ready=False))
    return Question(
        Path("/w/wörkload.yaml"), runs, {"nap": served()}, {"nap": 0.0, "doze": 1.5}, **more
    )


@pytest.mark.parametrize("asked", [question(), question(unneeded_s=600.0)])
def test_a_question_is_read_as_it_was_written(asked: Question) -> None:
    assert question_of(parse_json(encode(asked.members()), Path("question"))) == asked


@pytest.mark.parametrize(
    "said",
    [
        Answer(small_transition(), "asked", "asked for", {"nap": (served(), SERVING)}, 60.0),
        Answer(None, "no_gain", "“stay”", {}, None),
    ],
)
def test_an_answer_is_read_as_it_was_written(said: Answer) -> None:
    assert answer_of(parse_json(encode(said.members()), Path("answer"))) == said


@pytest.mark.parametrize("missing", ["workload", "snapshot", "served", "rates_rps"])
def test_a_question_without_a_member_is_refused_by_its_name(missing: str) -> None:
    members = question().members()
    del members[missing]
    with pytest.raises(InputError, match=missing):
        question_of(parse_json(encode(members), Path("question")))
