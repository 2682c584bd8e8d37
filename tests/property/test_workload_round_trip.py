"""What the writers write, the readers read as equal objects."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heddle.cluster.catalogue import builtin_catalogue
from heddle.workload.files import load_workload
from heddle.workload.fleet import GpuPool
from heddle.workload.performance import OperatingPoint
from heddle.workload.performance_file import load_performance
from heddle.workload.service import Service, Spread
from heddle.workload.workload_writer import performance_csv, workload_yaml

PLANNABLE = tuple(t for t in builtin_catalogue() if t.is_plannable)

WORDS = (
    st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
    .filter(lambda word: word.strip() != "")
    .map(str)
)
SPACED_WORDS = ["a: b", "- x", " a", "a ", "a #b", "a, b"]
YAML_WORDS = ["no", "Yes", "null", "~", "1e3", "0x1f", "12:30", "2024-01-01", ".inf"]
YAML_SIGNS = ["\\", '"', "'", "{}", "[", "*a", "&a", "!t", "%", "@", "`", "=", "<<", "|", "#c"]
ODD_WORDS = st.sampled_from([*SPACED_WORDS, *YAML_WORDS, *YAML_SIGNS])
MODELS = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8)


def micro(most: int) -> st.SearchStrategy[float]:
    """Numbers of at most six decimals."""
    return st.integers(1, most).map(lambda millionths: millionths / 1_000_000)


@st.composite
def points(draw: st.DrawFn, models: list[str]) -> list[OperatingPoint]:
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from([(t.name, p) for t in PLANNABLE for p in t.profile_names]),
                st.sampled_from(models),
                st.integers(1, 10**9),
                st.integers(1, 50),
            ),
            max_size=6,
            unique=True,
        )
    )
    every = [(("A100-80GB", "1g.10gb"), model, 1, 1) for model in models]
    return [
        OperatingPoint(
            gpu=gpu,
            profile=profile,
            model=model,
            batch=batch,
            processes=processes,
            rate_rps=draw(micro(10**14)),
            latency_ms=draw(st.floats(1e-9, 3e10)),
            percentile=draw(st.none() | st.floats(0, 100, exclude_min=True)),
            memory_mib=draw(st.none() | st.floats(1e-3, 4000)),
        )
        for (gpu, profile), model, batch, processes in dict.fromkeys([*every, *keys])
    ]


@st.composite
def fleets(draw: st.DrawFn) -> list[GpuPool]:
    types = draw(st.lists(st.sampled_from(PLANNABLE), min_size=1, max_size=4, unique=True))
    return [
        GpuPool(
            gpu_type,
            draw(st.none() | st.integers(1, 10**6)),
            draw(st.integers(1, 1000)),
            draw(micro(10**12)),
        )
        for gpu_type in types
    ]


@st.composite
def service_lists(draw: st.DrawFn, models: list[str], fleet: list[GpuPool]) -> list[Service]:
    names = draw(st.lists(WORDS | ODD_WORDS, min_size=1, max_size=5, unique=True))
    profiles = sorted({name for pool in fleet for name in pool.gpu_type.profile_names})
    types = [pool.gpu_type.name for pool in fleet]

    def some(words: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
        return st.lists(st.sampled_from(words), min_size=1, unique=True).map(tuple)

    def apart(name: str) -> tuple[str, ...]:
        others = [other for other in names if other != name]
        return draw(st.just(()) | some(others)) if others else ()

    return [
        Service(
            name=name,
            model=draw(st.sampled_from(models)),
            rate_rps=draw(micro(10**13)),
            latency_ms=draw(st.floats(1e-9, 86_400_000)),
            headroom=draw(st.sampled_from([0.0, 0.1]) | micro(8 * 10**6)),
            latency_fraction=draw(st.just(0.5) | st.floats(0, 1, exclude_min=True)),
            percentile=draw(st.sampled_from([99.0, 50.0]) | st.floats(1e-9, 100)),
            min_replicas=draw(st.integers(1, 10_000)),
            max_share_per_gpu=draw(st.none() | st.integers(1, 10_000).map(lambda n: n / 10_000)),
            spread=draw(st.none() | st.sampled_from(Spread)),
            profiles=draw(st.none() | some(profiles)),
            gpu_types=draw(st.none() | some(types)),
            keep_apart=apart(name),
        )
        for name in names
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round-trip")


COMMENTS = st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))), max_size=3)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_workload_reads_back_equal(folder: Path, data: st.DataObject) -> None:
    models = data.draw(st.lists(MODELS, min_size=1, max_size=3, unique=True))
    table = data.draw(points(models))
    fleet = data.draw(fleets())
    services = data.draw(service_lists(models, fleet))
    comments = data.draw(COMMENTS)
    (folder / "p.csv").write_text(performance_csv(table, comments), encoding="utf-8", newline="")
    text = workload_yaml(fleet, ["p.csv"], services, comments)
    (folder / "w.yaml").write_text(text, encoding="utf-8", newline="")
    workload = load_workload(folder / "w.yaml")
    assert workload.fleet == tuple(fleet)
    assert workload.services == tuple(services)
    assert tuple(workload.performance) == tuple(table)
    again = workload_yaml(workload.fleet, ["p.csv"], workload.services, comments)
    assert again == text


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_table_reads_back_equal(folder: Path, data: st.DataObject) -> None:
    table = data.draw(points(data.draw(st.lists(MODELS, min_size=1, max_size=3, unique=True))))
    path = folder / "table.csv"
    path.write_text(performance_csv(table), encoding="utf-8", newline="")
    assert load_performance(path, builtin_catalogue()) == tuple(table)
