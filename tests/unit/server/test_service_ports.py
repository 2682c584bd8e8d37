"""A service has one address for good: stated, kept, or the first that is free."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from daemon_cases import served
from heddle.cluster.deployment import ServedService
from heddle.errors import InputError
from heddle.server.service_ports import FIRST_PORT, with_ports
from heddle.workload.serving_spec import Engine, ServingSpec
from one_machine import free_port


def wanted(**ports: int | None) -> dict[str, tuple[ServedService, ServingSpec]]:
    return {
        name: (served(name), ServingSpec(Engine.SLEEP, port=port)) for name, port in ports.items()
    }


def ports_of(known: dict[str, int], **ports: int | None) -> dict[str, int]:
    return {spec.name: spec.port for spec in with_ports(wanted(**ports), known)}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_services_without_a_port_get_different_free_ones() -> None:
    found = ports_of({}, nap=None, doze=None)
    assert len(set(found.values())) == 2
    assert min(found.values()) >= FIRST_PORT


def test_a_service_keeps_the_port_that_it_had() -> None:
    assert ports_of({"nap": 8765, "gone": 8101}, nap=None)["nap"] == 8765


def test_the_port_of_a_service_that_is_gone_is_not_given_to_another() -> None:
    first = ports_of({}, nap=None)["nap"]
    assert ports_of({"gone": first}, nap=None)["nap"] != first


def test_a_stated_port_is_taken_though_the_service_had_another() -> None:
    port = free_port()
    assert ports_of({"nap": 8765}, nap=port) == {"nap": port}


def test_a_service_yields_its_kept_port_to_one_that_states_it() -> None:
    port = free_port()
    found = ports_of({"nap": port}, nap=None, doze=port)
    assert found["doze"] == port
    assert found["nap"] != port


def test_two_services_that_state_one_port_are_refused_by_name() -> None:
    port = free_port()
    with pytest.raises(InputError, match=f"'nap' and 'doze' both state port {port}"):
        ports_of({}, nap=port, doze=port)


def test_a_stated_port_that_somebody_listens_at_is_refused(taken: int) -> None:
    with pytest.raises(InputError, match=f"port {taken}, which is in use"):
        ports_of({}, nap=taken)


def test_a_service_may_state_the_port_at_which_it_is_served_already(taken: int) -> None:
    assert ports_of({"nap": taken}, nap=taken) == {"nap": taken}
