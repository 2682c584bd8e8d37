"""``heddle replan``: a day of demand, planned and moved through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from command_line import Heddle, scenario, small_workload

DAY = """\
time,service,rate_rps
00:00,chat,40
00:00,vision,100
08:00,chat,300
08:00,vision,900
12:00,chat,290
20:00,chat,40
20:00,vision,0
"""


def day_file(folder: Path, text: str = DAY) -> Path:
    path = folder / "day.csv"
    path.write_text(text, encoding="utf-8")
    return path


def row(out: str, name: str) -> list[str]:
    """Return the cells of the last row that begins with a name."""
    line = [line for line in out.splitlines() if line.startswith(name)][-1]
    return re.split(r"\s{2,}", line.strip())[1:]


def test_a_day_is_planned_decided_and_added_up(tmp_path: Path, heddle: Heddle) -> None:
    answer = heddle("replan", small_workload(tmp_path), day_file(tmp_path))
    assert answer.exit_code == 0, answer
    assert row(answer.out, "00:00")[1:3] == ["stay", "first plan"]
    assert row(answer.out, "08:00")[1:3] == ["move", "demand grows"]
    assert row(answer.out, "12:00")[1:3] == ["stay", "nothing saved"]
    assert row(answer.out, "20:00")[1:3] == ["move", "saving pays"]
    hours = {
        name: float(row(answer.out, name)[0])
        for name in ("replan", "whole GPUs", "static peak", "from scratch")
    }
    assert hours["replan"] <= min(hours.values()) + 1e-9
    assert hours["replan"] < hours["static peak"]


def test_what_is_written_can_be_checked_and_carried_out(tmp_path: Path, heddle: Heddle) -> None:
    path, folder = small_workload(tmp_path), tmp_path / "made" / "day"
    answer = heddle("replan", path, day_file(tmp_path), "-o", folder, "--svg", tmp_path / "d.svg")
    assert answer.exit_code == 0, answer
    assert sorted(p.name for p in folder.iterdir()) == ["00-00", "08-00", "12-00", "20-00"]
    assert (folder / "08-00" / "transition.json").exists()
    assert not (folder / "12-00" / "transition.json").exists()
    again = heddle("transition", folder / "00-00/deployment.json", folder / "08-00/deployment.json")
    assert again.exit_code == 0, again
    assert "replan" in (tmp_path / "d.svg").read_text(encoding="utf-8")


def test_json_has_every_interval_and_the_totals(tmp_path: Path, heddle: Heddle) -> None:
    answer = heddle("replan", small_workload(tmp_path), day_file(tmp_path), "--json")
    document = json.loads(answer.out)
    assert [i["reason"] for i in document["intervals"]] == [
        "first",
        "demand",
        "nothing_saved",
        "saving",
    ]
    totals = document["totals"]
    assert list(totals) == ["replan", "whole GPUs", "static peak", "from scratch"]
    for course in totals.values():
        hours = sum((u["end_s"] - u["begin_s"]) * u["num_gpus"] for u in course["uses"]) / 3600
        assert hours == pytest.approx(course["gpu_hours"])


def test_the_same_day_prints_the_same_bytes(tmp_path: Path, heddle: Heddle) -> None:
    words = ("replan", small_workload(tmp_path), day_file(tmp_path), "--json")
    assert heddle(*words).out == heddle(*words).out


def test_a_wrong_day_is_refused_with_its_line(tmp_path: Path, heddle: Heddle) -> None:
    day = day_file(tmp_path, DAY + "21:00,visoin,1\n")
    answer = heddle("replan", small_workload(tmp_path), day)
    assert answer.exit_code == 2
    assert f"{day}:9: service: the workload has no service 'visoin' (did you mean" in answer.err


def test_demand_beyond_the_fleet_is_named_by_its_time(tmp_path: Path, heddle: Heddle) -> None:
    day = day_file(tmp_path, DAY + "21:00,vision,90000\n")
    answer = heddle("replan", small_workload(tmp_path), day)
    assert answer.exit_code == 2
    assert "at 21:00: " in answer.err


def test_an_output_that_would_replace_an_input_is_refused(heddle: Heddle, tmp_path: Path) -> None:
    day = day_file(tmp_path)
    answer = heddle("replan", scenario(1), day, "--svg", day)
    assert answer.exit_code == 2
    assert day.read_text(encoding="utf-8") == DAY
