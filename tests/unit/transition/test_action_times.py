"""Tables of action times."""

from pathlib import Path

import pytest

from heddle.cluster.command import Action
from heddle.cluster.gpu import Gpu
from heddle.errors import InputError
from heddle.transition.action_times import builtin_times, find_times

TEXT = """\
version: 1
tables:
  - name: ours
    default: {create_s: 1, destroy_s: 2, start_s: 3, stop_s: 4}
    gpu_types: {A30-24GB: {start_s: 30, stop_s: 40}}
    hosts: {node-1: {start_s: 300}}
"""


def table(tmp_path: Path, text: str) -> str:
    path = tmp_path / "times.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_built_in_tables_have_their_published_figures() -> None:
    gpu = Gpu("gpu-0", "node-0", "A100-80GB")
    direct, kubernetes = builtin_times()["direct"], builtin_times()["kubernetes"]
    assert [direct.estimate_s(a, gpu) for a in (Action.CREATE, Action.DESTROY)] == [0.043, 0.109]
    repartition_s = sum(kubernetes.estimate_s(a, gpu) for a in (Action.CREATE, Action.DESTROY))
    assert repartition_s == pytest.approx(49.8)
    assert all(times.sources for times in builtin_times().values())


def test_a_host_goes_before_a_type_and_a_type_before_the_default(tmp_path: Path) -> None:
    times = find_times(table(tmp_path, TEXT))
    assert times.estimate_s(Action.START, Gpu("g", "node-0", "T4-16GB")) == 3
    assert times.estimate_s(Action.START, Gpu("g", "node-0", "A30-24GB")) == 30
    assert times.estimate_s(Action.START, Gpu("g", "node-1", "A30-24GB")) == 300
    assert times.estimate_s(Action.STOP, Gpu("g", "node-1", "A30-24GB")) == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("stop_s: 4}\n    gpu", "}\n    gpu"), "missing key 'stop_s'"),
        (("create_s: 1,", "create_s: -1,"), "found -1"),
        (("start_s: 300", "begin_s: 300"), "unknown key 'begin_s'"),
        (("version: 1", "version: 2"), "version"),
        (("hosts: {node-1: {start_s: 300}}", "hosts: [1]"), "expected names and times"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(
    change: tuple[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        find_times(table(tmp_path, TEXT.replace(*change)))
    assert refusal.value.location.line is not None


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'kubernetes'"):
        find_times("kubernets")


def test_a_file_holds_one_table(tmp_path: Path) -> None:
    second = TEXT + TEXT.partition("tables:\n")[2].replace("ours", "theirs")
    with pytest.raises(InputError, match="expected one table, found 2"):
        find_times(table(tmp_path, second))
