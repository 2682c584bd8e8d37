"""Changes to a workload file before it is read."""

from pathlib import Path

import pytest

from heddle.errors import InputError
from heddle.workload.change import parse_change
from heddle.workload.files import load_workload

FLEET = Path(__file__).parents[3] / "examples" / "02-fleet-of-24" / "workload.yaml"


def changed(*words: str):  # type: ignore[no-untyped-def]  # read by its fields in the tests
    return load_workload(FLEET, [parse_change(word) for word in words])


def test_a_key_of_one_service_is_set() -> None:
    workload = changed("search-embed.latency_ms=80")
    assert workload.services[0].latency_ms == 80
    assert workload.services[1:] == load_workload(FLEET).services[1:]


def test_a_star_means_every_service() -> None:
    workload = changed("*.headroom=0.25")
    assert {service.headroom for service in workload.services} == {0.25}


def test_defaults_and_the_fleet_can_be_changed() -> None:
    workload = changed("defaults.percentile=95", "A100-80GB.price_per_hour=4.5")
    assert workload.fleet[0].price_per_hour == 4.5
    assert {service.percentile for service in workload.services} == {95.0}


def test_values_are_yaml() -> None:
    workload = changed("search-embed.profiles=[1g.10gb, 7g.80gb]", "search-embed.spread=node")
    assert workload.services[0].profiles == ("1g.10gb", "7g.80gb")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("search-embed=3", "expected service.key=value"),
        ("search-embed.latency_ms", "expected service.key=value"),
        ("search-embd.latency_ms=3", "did you mean 'search-embed'"),
        ("search-embed.latency=3", "did you mean 'latency_ms'"),
        ("search-embed.latency_ms=fast", "expected a number"),
        ("search-embed.latency_ms=[1", "not valid YAML"),
        ("search-embed.latency_ms=", "empty"),
        ("search-embed.rate_rps=.nan", "finite"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_its_words(words: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        changed(words)
    assert "--set" in str(caught.value)
