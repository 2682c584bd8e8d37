"""Questions and answers between the daemon and the process that plans, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heddle.cluster.deployment import ServedService
from heddle.cluster.deployment_file import service_members, service_of
from heddle.cluster.guest import Lodging, lodging_members, lodging_of
from heddle.cluster.json_object import JsonObject, parse_json
from heddle.cluster.node_wire import snapshot_members, snapshot_of
from heddle.cluster.snapshot import Snapshot
from heddle.transition.transition import Transition
from heddle.transition.transition_file import transition_of, transition_text
from heddle.workload.serving_spec import ServingSpec, serving_spec_of


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be planned.

    Attributes
    ----------
    workload
        The file.
    snapshot
        What runs.
    served
        Services that run now, as they are stated.
    rates_rps
        Instead of the file's, before headroom; 0 frees a service's instances.
    unneeded_s
        When demand is followed: for how long the rates are taken to hold. None plans
        because a user asked, without a decision whether it pays.
    """

    workload: Path
    snapshot: Snapshot
    served: Mapping[str, ServedService]
    rates_rps: Mapping[str, float] = field(default_factory=dict)
    unneeded_s: float | None = None

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`question_of` reads them."""
        return {
            "workload": str(self.workload),
            "snapshot": snapshot_members(self.snapshot),
            "served": {name: service_members(one) for name, one in self.served.items()},
            "rates_rps": dict(self.rates_rps),
            **({} if self.unneeded_s is None else {"unneeded_s": self.unneeded_s}),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """A plan, or the reason to stay.

    Attributes
    ----------
    transition
        None when nothing is to be done.
    reason, sentence
        Why; ``reason`` is a word of ``transition.hysteresis.Reason`` or ``asked``.
    services
        Every service of the workload with how it is run.
    replan_every_s
        As the workload says.
    lodgings
        Where the guests among them may run.
    """

    transition: Transition | None
    reason: str
    sentence: str
    services: Mapping[str, tuple[ServedService, ServingSpec]]
    replan_every_s: float | None = None
    lodgings: Mapping[str, Lodging] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        """Return it as JSON values; :func:`answer_of` reads them."""
        return {
            "transition": transition_text(self.transition) if self.transition else "",
            "reason": self.reason,
            "sentence": self.sentence,
            "services": {
                name: {"service": service_members(service), "serving": serving.members()}
                for name, (service, serving) in self.services.items()
            },
            **({} if self.replan_every_s is None else {"replan_every_s": self.replan_every_s}),
            "lodgings": {name: lodging_members(one) for name, one in self.lodgings.items()},
        }


def question_of(entry: JsonObject) -> Question:
    """Return the question that an object holds."""
    served, rates = entry.member("served"), entry.member("rates_rps")
    return Question(
        workload=Path(entry.text("workload")),
        snapshot=snapshot_of(entry.member("snapshot")),
        served={name: service_of(served.member(name)) for name in served},
        rates_rps={name: rates.number(name) for name in rates},
        unneeded_s=entry.number("unneeded_s") if "unneeded_s" in entry else None,
    )


def answer_of(entry: JsonObject) -> Answer:
    """Return the answer that an object holds."""
    text = entry.sentence("transition")
    services, lodgings = entry.member("services"), entry.member("lodgings")
    return Answer(
        transition=transition_of(parse_json(text, Path("transition"))) if text else None,
        reason=entry.text("reason"),
        sentence=entry.sentence("sentence"),
        services={
            name: (
                service_of(services.member(name).member("service")),
                serving_spec_of(services.member(name).member("serving")),
            )
            for name in services
        },
        replan_every_s=entry.number("replan_every_s") if "replan_every_s" in entry else None,
        lodgings={name: lodging_of(lodgings.member(name)) for name in lodgings},
    )
