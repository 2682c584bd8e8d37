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
def test_a_record_is_no_quick_one_and_the_readme_tells_every_target_it_misses(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    assert not record["is_quick"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = [line for line in readme.splitlines() if line.endswith(", missed |")]
    missed = [figure["name"] for figure in record["figures"] if not figure["is_met"]]
    assert [name for name in missed if not any(f"| {name} |" in line for line in told)] == []
