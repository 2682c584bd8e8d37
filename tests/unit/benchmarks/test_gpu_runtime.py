"""The benchmark of the cuda device: what it records, also of sections that fail."""

from __future__ import annotations

import json
from pathlib import Path

from heddle.benchmarks.gpu_runtime import SECTIONS, gather, main
from heddle.benchmarks.gpu_runtime_load import WAYS, clients_of
from heddle.benchmarks.gpu_runtime_rig import percentiles, trial_rig
from heddle.runtime.core.constants import BE, RT
from heddle.runtime.core.policies import POLICIES


def test_a_section_leaves_its_figures_and_the_record_says_that_it_was_a_trial(
    tmp_path: Path,
) -> None:
    assert main(["section", "facts", "--json", str(tmp_path / "facts.json"), "--trial"]) == 0
    (tmp_path / "load.log").write_text("Traceback\nsomething broke\n")
    assert main(["gather", str(tmp_path), str(tmp_path / "all.json"), "--trial"]) == 0
    record = json.loads((tmp_path / "all.json").read_text())
    assert record["is_trial_without_gpu"]
    assert record["machine"]["kind"] == "fake driver"
    errors = {row["section"]: row["error"] for row in record["rows"] if "error" in row}
    assert errors["load"].endswith("something broke")
    assert set(errors) == set(SECTIONS) - {"facts"}


def test_a_section_that_cannot_run_is_recorded_with_its_reason(tmp_path: Path) -> None:
    place = tmp_path / "library.json"
    assert main(["section", "library", "--json", str(place), "--trial"]) == 1
    assert "no GPU for PyTorch" in json.loads(place.read_text())["error"]
    record = gather(tmp_path, is_trial=True)
    assert any("no GPU for PyTorch" in row.get("error", "") for row in record["rows"])


def test_every_way_to_share_is_a_policy_and_the_reference_comes_first() -> None:
    assert {way.policy for way in WAYS} <= set(POLICIES)
    assert WAYS[0].policy == "rt-only"


def test_the_real_time_clients_together_ask_for_their_share_of_the_device() -> None:
    alone = dict.fromkeys(("resnet152", "densenet", "vgg", "inception", "bert"), 2e6)
    clients = clients_of("D", 0.5, alone)
    urgent = [client for client in clients if client.kind == RT]
    assert sum(client.rate_rps * alone[client.network] for client in urgent) == 0.5e9
    assert len([client for client in clients if client.kind == BE]) == 5
    assert all(client.rate_rps == 0 for client in clients_of("B", 0.5, alone))
    assert all(client.is_poisson for client in clients_of("E", 0.5, alone) if client.kind == RT)


def test_no_times_give_a_row_without_percentiles() -> None:
    assert percentiles("nothing", []) == {"name": "nothing", "count": 0}
    assert percentiles("one", [1000.0])["p99_us"] == 1.0


def test_a_trial_does_a_fiftieth_of_the_work() -> None:
    rig = trial_rig()
    assert rig.is_trial
    assert rig.times(1000) == 20
    assert rig.amount(5.0) == 0.1
