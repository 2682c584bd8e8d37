"""``heddle study`` and ``heddle import``: measurements in, tables out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from command_line import EXAMPLES, ROOT, TABLE, Heddle, small_workload

PERFORMANCE = EXAMPLES / "performance" / "a100-80gb.csv"
ARTEFACT = Path(os.environ.get("HEDDLE_DATA", ROOT.parent / "shared" / "data")) / "parvagpu-sc24"


def test_a_study_tells_scaling_best_profile_and_error(tmp_path: Path, heddle: Heddle) -> None:
    chart = tmp_path / "scaling.svg"
    answer = heddle("study", PERFORMANCE, "--model", "bert", "--model", "vgg19", "--svg", chart)
    assert answer.exit_code == 0
    for title in ("Scaling by network and batch", "most rate", "Fitted law"):
        assert title in answer.out
    assert "bert" in answer.out
    assert "resnet50" not in answer.out
    assert "bert, batch 8" in chart.read_text(encoding="utf-8")


def test_a_study_of_few_rows_claims_no_scaling(tmp_path: Path, heddle: Heddle) -> None:
    small_workload(tmp_path, table=TABLE)
    answer = heddle("study", tmp_path / "table.csv", "--svg", tmp_path / "scaling.svg")
    assert answer.exit_code == 0
    assert "unknown" in answer.out


@pytest.mark.skipif(
    not ARTEFACT.is_dir(),
    reason=f"no {ARTEFACT}: set HEDDLE_DATA to the folder of public data",
)
def test_the_parvagpu_artefact_becomes_the_examples(tmp_path: Path, heddle: Heddle) -> None:
    made = tmp_path / "made" / "here"
    answer = heddle("import", "parvagpu", ARTEFACT, "-o", made)
    assert answer.exit_code == 0, answer.err
    assert "points kept" in answer.out
    assert sorted(path.name for path in made.iterdir()) == [
        "a100-80gb.csv",
        *(f"s{number}.yaml" for number in range(1, 7)),
    ]
    assert all(str(path) in answer.out for path in made.iterdir())
    plan = heddle("plan", made / "s1.yaml")
    assert plan.out == heddle("plan", EXAMPLES / "01-parvagpu" / "s1.yaml").out


PERF_ANALYZER = """\
Concurrency,Inferences/Second,Client Send,p50 latency,p99 latency
1,80,50,12000,15000
2,140,50,14000,18000
4,150,60,25000,60000
"""


def test_a_triton_table_can_be_planned_with(tmp_path: Path, heddle: Heddle) -> None:
    measured, table = tmp_path / "triton.csv", tmp_path / "table.csv"
    measured.write_text(PERF_ANALYZER, encoding="utf-8")
    names = ["--gpu", "A100-80GB", "--profile", "1g.10gb", "--model", "bert", "--batch", 4]
    answer = heddle("import", "triton", measured, *names, "--latency-limit-ms", 20, "-o", table)
    assert answer.exit_code == 0, answer.err
    assert answer.out.splitlines()[-1] == str(table)
    rows = table.read_text(encoding="utf-8").splitlines()
    assert rows[-1].startswith("A100-80GB,1g.10gb,bert,4,1,140,18,99")
    workload = tmp_path / "workload.yaml"
    workload.write_text(
        "version: 1\n"
        "gpus: [{type: A100-80GB}]\n"
        "performance: [table.csv]\n"
        "services: [{name: chat, model: bert, rate_rps: 970, latency_ms: 40}]\n",
        encoding="utf-8",
    )
    assert "1 GPU; no plan needs less" in heddle("plan", workload).out


def test_the_mean_can_be_imported_instead(tmp_path: Path, heddle: Heddle) -> None:
    measured, table = tmp_path / "triton.csv", tmp_path / "table.csv"
    measured.write_text("Inferences/Second,Avg latency\n80,12000\n", encoding="utf-8")
    names = ["--gpu", "T4", "--profile", "whole", "--model", "bert"]
    assert heddle("import", "triton", measured, *names, "--mean", "-o", table).exit_code == 0
    assert table.read_text(encoding="utf-8").splitlines() == [
        "gpu,profile,model,batch,processes,rate_rps,latency_ms",
        "T4-16GB,whole,bert,1,1,80,12",
    ]
