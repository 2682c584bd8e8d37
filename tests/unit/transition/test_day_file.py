"""The day file: what it means, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.errors import InputError
from heddle.transition.day import DAY_S, clock_text
from heddle.transition.day_file import MAX_INTERVALS, load_day

SERVICES = ("chat", "vision")
START = "time,service,rate_rps\n00:00,chat,10\n00:00,vision,5\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "day.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_rate_holds_until_the_next_row_of_its_service(tmp_path: Path) -> None:
    text = START + "# the morning\n07:30,chat,40\n32400,vision,0\n18:00:30,chat,12.5\n"
    day = load_day(written(tmp_path, text), SERVICES)
    assert [(i.begin_s, i.end_s, dict(i.rates_rps)) for i in day.intervals] == [
        (0, 27_000, {"chat": 10.0, "vision": 5.0}),
        (27_000, 32_400, {"chat": 40.0, "vision": 5.0}),
        (32_400, 64_830, {"chat": 40.0, "vision": 0.0}),
        (64_830, DAY_S, {"chat": 12.5, "vision": 0.0}),
    ]
    assert day.peak_rps() == {"chat": 40.0, "vision": 5.0}


def test_services_may_stand_one_after_the_other(tmp_path: Path) -> None:
    text = "service,rate_rps,time\nvision,5,6:00\nvision,9,8:00\nchat,1,6:00\nchat,2,7:00\n"
    day = load_day(written(tmp_path, text), SERVICES)
    assert (day.begin_s, day.end_s) == (6 * 3600, DAY_S)
    assert [clock_text(i.begin_s) for i in day.intervals] == ["06:00", "07:00", "08:00"]


@pytest.mark.parametrize(
    ("rows", "line", "said"),
    [
        ("07:00,chatt,1\n", 4, "no service 'chatt' (did you mean 'chat'?)"),
        ("07:00,chat,1\n06:00,chat,1\n", 5, "06:00 comes after 07:00 of service 'chat' in line 4"),
        ("00:00,chat,1\n", 4, "has a rate from 00:00 on already, in line 2"),
        ("07:00,chat,-1\n", 4, "a rate of at least 0, found -1"),
        ("07:00,chat,2e9\n", 4, "is a unit wrong?"),
        ("07:00,chat,many\n", 4, "finite number, found 'many'"),
        ("07:00,chat,\n", 4, "an empty cell"),
        ("7h,chat,1\n", 4, "HH:MM, HH:MM:SS or whole seconds since midnight, found '7h'"),
        ("07:61,chat,1\n", 4, "at most 59 minutes"),
        ("24:00,chat,1\n", 4, "before 24:00"),
        ("86400,chat,1\n", 4, "before 24:00"),
        ("07:00,chat\n", 4, "expected 3 cells"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(
    tmp_path: Path, rows: str, line: int, said: str
) -> None:
    path = written(tmp_path, START + rows)
    with pytest.raises(InputError) as caught:
        load_day(path, SERVICES)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "day.csv: the table is empty"),
        ("time,service,rate_rps\n", "day.csv: expected rows below the header"),
        ("time,service\n", "day.csv:1: header: missing column 'rate_rps'"),
        ("time,service,rate_rps,gpu\n", "day.csv:1: header: unknown column 'gpu'"),
        ("time,service,rate\n", "day.csv:1: header: unknown column 'rate' (did you mean"),
        ("time,service,rate_rps\n00:00,chat,1\n", "day.csv: service 'vision' has no rate when"),
        (
            "time,service,rate_rps\n00:00,chat,1\n01:00,vision,1\n",
            "day.csv:3: service 'vision' has no rate when the day begins, at 00:00: its first row",
        ),
    ],
)
def test_a_file_that_is_no_day_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_day(written(tmp_path, text), SERVICES)
    assert said in str(caught.value)


def test_a_recording_of_every_second_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{at_s},chat,1\n" for at_s in range(1, MAX_INTERVALS + 1))
    with pytest.raises(InputError, match="highest rate of every few minutes"):
        load_day(written(tmp_path, START + rows), SERVICES)
