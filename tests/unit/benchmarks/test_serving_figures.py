"""What the serving benchmark makes of what it saw, without a machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heddle.benchmarks import serving_day, serving_moves, serving_networks, serving_router
from heddle.benchmarks.serving_moves import least_part
from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.route import Route
from heddle.errors import HostError
from heddle.serving.load.open_loop import Sent
from heddle.workload.performance_file import load_performance


def _sent(due_s: float, latency_ms: float = 10.0, *, is_right: bool = True) -> Sent:
    return Sent(due_s, due_s + latency_ms / 1000, 200 if is_right else 503, is_right)


def _route(number: int, service: str, rate_rps: float) -> dict[str, Any]:
    return Route(f"cpu-0.{number}-1", service, 9000 + number, rate_rps, 100.0, 1).members()


class TestLeastPart:
    def test_it_is_that_of_the_worst_window(self) -> None:
        sent = [_sent(0.1 * number, 900.0 if 50 <= number < 55 else 10.0) for number in range(100)]
        assert least_part(sent, 2.0, 500.0) == 0.75

    def test_a_wrong_answer_is_not_served(self) -> None:
        sent = [_sent(0.1 * number, is_right=number != 50) for number in range(100)]
        assert least_part(sent, 2.0, 500.0) == 0.95

    def test_windows_in_which_nothing_was_due_do_not_count(self) -> None:
        assert least_part([_sent(0.0), _sent(60.0)], 2.0, 500.0) == 1.0
        assert least_part([], 2.0, 500.0) == 1.0


class TestWatch:
    def test_it_keeps_the_least_rate_that_the_router_had(self, tmp_path: Path) -> None:
        path = tmp_path / "routes.json"
        watch = serving_moves._Watch(path, {"red": float("inf"), "blue": float("inf")})
        for number, routes in enumerate(
            (
                [_route(0, "red", 20.0), _route(1, "red", 40.0), _route(2, "blue", 20.0)],
                [_route(0, "red", 20.0), _route(2, "blue", 20.0)],
                [_route(0, "red", 20.0), _route(2, "blue", 20.0), _route(3, "blue", 80.0)],
            )
        ):
            table = {"version": 1, "services": [], "routes": routes}
            fresh = tmp_path / f"routes-{number}.json"
            fresh.write_text(json.dumps(table))
            fresh.replace(path)
            watch.look()
            watch.look()
        assert watch.least_rps == {"red": 20.0, "blue": 20.0}

    def test_a_service_without_a_route_has_no_rate(self, tmp_path: Path) -> None:
        path = tmp_path / "routes.json"
        path.write_text(json.dumps({"version": 1, "services": [], "routes": []}))
        watch = serving_moves._Watch(path, {"red": 20.0})
        watch.look()
        assert watch.least_rps == {"red": 0.0}


def test_the_figures_of_moves_are_those_of_the_worst_service() -> None:
    sent = {
        name: [_sent(0.1 * n, is_right=name != "blue" or n != 50) for n in range(100)]
        for name in ("red", "green", "blue")
    }
    watch = serving_moves._Watch(Path(), {"red": 20.0, "green": 80.0, "blue": 10.0})
    values = [figure.value for figure in serving_moves._figures(sent, watch, 20)]
    assert values == [1, 0.5, 0.95]


def test_the_services_of_moves_fill_the_machine_by_day_and_by_night() -> None:
    for rates in (serving_moves._BY_DAY, serving_moves._BY_NIGHT):
        assert sum(rates.values()) == 8 * 20


def test_the_router_is_held_against_the_instance_round_by_round() -> None:
    found = {"instance": [1.0, 2.0, 1.5], "router": [1.5, 2.2, 1.9]}
    full = serving_router._Full([_sent(0.001 * n) for n in range(20_000)], used_s=2.0)
    figures = {one.name: one for one in serving_router._figures(found, full)}
    assert figures["the router adds, p50"].value == 0.4
    assert figures["requests/s through the router"].value == 2000
    assert figures["the router used for that"].value == 20
    assert all(one.is_met for one in figures.values())
    assert serving_router._full_row(full)["per_router_core_rps"] == 10_000


class TestTable:
    @pytest.fixture
    def table(self, tmp_path: Path) -> Path:
        path = tmp_path / "table.csv"
        lines = [
            "# neighbour: nap on 1c keeps 95% of its rate (1,200.0 alone, 1,140.0 beside)",
            "gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile",
        ]
        for network in serving_networks._NETWORKS:
            lines += [f"CPU-8,2c,{network},1,1,100,20,99", f"CPU-8,2c,{network},8,1,180,250,99"]
            lines += [f"CPU-8,4c,{network},1,1,200,10,99", f"CPU-8,4c,{network},8,1,300,50,99"]
        path.write_text("\n".join(lines) + "\n")
        return path

    def test_what_a_neighbour_leaves_is_read_from_the_comments(self, table: Path) -> None:
        assert serving_networks._kept_part(table) == pytest.approx(0.95)

    def test_a_table_without_a_neighbour_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_text("# neighbour: not measured: not asked for\n")
        with pytest.raises(HostError, match="measured no neighbour"):
            serving_networks._kept_part(path)

    def test_services_ask_for_what_is_within_half_of_the_limit(self, table: Path) -> None:
        points = load_performance(table, builtin_catalogue())
        assert [one.rate_rps for one in serving_networks._offered(points)] == [95.0] * 3
        assert {row["gain"] for row in serving_networks._batching_rows(points)} == {1.5}


class TestDay:
    def test_demand_has_its_peak_and_its_trough_where_they_are_said(self) -> None:
        wave = serving_day._Wave(40.0, 4.0, 14.0)
        demand = serving_day._demand(wave, 10.0, np.random.default_rng(3))
        rates = {at_s / 10.0: rate for at_s, rate in demand}
        assert len(demand) == 49
        assert demand[-1] == (240.0, 0.0)
        assert rates[14.0] == pytest.approx(40.0, rel=0.3)
        assert rates[2.0] == pytest.approx(4.0, rel=0.3)

    def test_the_same_seed_gives_the_same_demand(self) -> None:
        wave = serving_day._Wave(40.0, 4.0, 14.0)
        assert serving_day._demand(wave, 1.0, np.random.default_rng(3)) == serving_day._demand(
            wave, 1.0, np.random.default_rng(3)
        )

    def test_gpus_with_an_instance_of_a_service_are_in_use(self) -> None:
        serving = {"service": "day", "size": 4}
        status = {
            "devices": [
                {"instances": [serving, {"service": None, "size": 2}]},
                {"instances": [{"service": None, "size": 2}]},
            ],
            "services": [
                {"name": "day", "forecast_error": 0.1},
                {"name": "night", "forecast_error": None},
            ],
        }
        look = serving_day._look(status, 5.0)
        assert (look.num_gpus, dict(look.num_units)) == (1, {"day": 4, "night": 0})
        assert look.errors == {"day": 0.1}

    def test_every_look_holds_until_the_next(self) -> None:
        day = _day()
        assert serving_day._gpu_hours(day) == pytest.approx(6 * 1 + 18 * 2)
        figures = {one.name: one.value for one in serving_day._figures(day)}
        assert figures["GPU-hours, over those of the static plan"] == pytest.approx(
            42 / 48, abs=1e-3
        )

    def test_its_rows_name_services_gpus_decisions_and_hours(self) -> None:
        rows = serving_day._rows(_day())
        parts = [row["part"] for row in rows]
        assert [parts.count(one) for one in ("services", "gpus", "decisions", "hours")] == [
            2, 2, 2, 24,
        ]  # fmt: skip
        decided = [(row["decision"], row["times"]) for row in rows if row["part"] == "decisions"]
        assert decided == [("moved", 2), ("stayed", 1)]
        assert rows[0]["forecast_error"] == 0.2


def _day() -> serving_day._Day:
    sent = {name: [_sent(number) for number in range(24)] for name in ("day", "night")}
    units = {"day": 1, "night": 2}
    looks = [
        serving_day._Look(0.0, 1, units, {}),
        serving_day._Look(6.0, 2, units, {"day": 0.1}),
        serving_day._Look(12.0, 2, units, {"day": 0.3}),
    ]
    decisions = [
        {"kind": f"following.{kind}", "reason": reason}
        for kind, reason in (
            ("moved", "demand_grows"),
            ("stayed", "nothing_saved"),
            ("moved", "demand_grows"),
        )
    ]
    return serving_day._Day(sent, looks, decisions, 24.0, 2)
