"""The README's measured figures are those of the committed record."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tables_are_those_of_the_record() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "fill-benchmarks"))
    record = json.loads(script["RECORD"].read_text(encoding="utf-8"))
    readme = script["README"].read_text(encoding="utf-8")
    assert script["filled"](readme, record) == readme


def test_every_target_of_the_record_is_met_and_it_is_not_a_quick_one() -> None:
    record = json.loads((ROOT / "benchmarks/results/planner.json").read_text(encoding="utf-8"))
    assert not record["is_quick"]
    assert [figure["name"] for figure in record["figures"] if not figure["is_met"]] == []
