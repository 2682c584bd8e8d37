"""The README's measured figures are those of the committed records."""

import json
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_the_tables_are_those_of_the_records() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "fill-benchmarks"))
    readme = script["README"].read_text(encoding="utf-8")
    assert script["filled"](readme) == readme
    assert {f"{bench}.json" for bench in script["TABLES"]} == {path.name for path in RESULTS}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_target_of_a_record_is_met_and_it_is_not_a_quick_one(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    assert not record["is_quick"]
    assert [figure["name"] for figure in record["figures"] if not figure["is_met"]] == []
