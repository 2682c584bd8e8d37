"""Where the control groups of a machine are."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.runtime.cpu.hierarchy import Hierarchy, find_hierarchies, quota_cores

BOTH = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / {top}/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / {top}/memory rw,relatime shared:9 - cgroup cgroup rw,memory
41 31 0:38 / {top}/unified rw,relatime - cgroup2 cgroup2 rw
"""
GROUPS = "4:memory:/elsewhere\n1:cpu,cpuacct:/a/b\n0::/user.slice\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").write_text("hugetlb\n")
    return tmp_path


def test_version_one_is_found_beside_a_version_two_without_the_controller(top: Path) -> None:
    [found] = find_hierarchies(BOTH.format(top=top), GROUPS)
    assert found == Hierarchy(1, top / "cpu", top / "cpu" / "a" / "b")
    assert found.path() == [top / "cpu", top / "cpu" / "a", top / "cpu" / "a" / "b"]


def test_version_two_is_found_where_it_offers_the_controller(top: Path) -> None:
    (top / "unified" / "cgroup.controllers").write_text("cpuset cpu io\n")
    mountinfo = f"41 31 0:38 / {top}/unified rw,relatime - cgroup2 cgroup2 rw\n"
    [found] = find_hierarchies(mountinfo, "0::/user.slice/user-1000.slice\n")
    assert found.version == 2
    assert found.own == top / "unified" / "user.slice" / "user-1000.slice"


def test_a_container_that_sees_a_part_of_the_tree_counts_from_there(top: Path) -> None:
    mountinfo = f"32 31 0:29 /docker/1f {top}/cpu rw - cgroup cgroup rw,cpu\n"
    [inside] = find_hierarchies(mountinfo, "1:cpu:/docker/1f/x\n")
    assert inside.own == top / "cpu" / "x"
    [outside] = find_hierarchies(mountinfo, "1:cpu:/\n")
    assert outside.own == top / "cpu"


def test_a_space_in_the_mount_point_is_read(top: Path) -> None:
    mountinfo = r"32 31 0:29 / /a\040b rw - cgroup cgroup rw,cpu"
    [found] = find_hierarchies(mountinfo, "1:cpu:/\n")
    assert found.mount == Path("/a b")


def test_a_machine_without_control_groups_has_none() -> None:
    assert list(find_hierarchies("23 1 8:1 / / rw - ext4 /dev/sda rw\n", "")) == []


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, float("inf")),
        ({"cpu.cfs_quota_us": "50000\n", "cpu.cfs_period_us": "100000\n"}, 0.5),
        ({"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, float("inf")),
        ({}, float("inf")),
    ],
)
def test_a_quota_is_read_in_cores(tmp_path: Path, files: dict[str, str], cores: float) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert quota_cores(tmp_path) == cores


def test_groups_are_put_as_high_as_may_be_but_not_above_a_quota(tmp_path: Path) -> None:
    own = tmp_path / "a" / "b" / "c"
    own.mkdir(parents=True)
    hierarchy = Hierarchy(2, tmp_path, own)
    assert hierarchy.candidates()[0] == tmp_path
    assert hierarchy.limit_cores() == float("inf")
    (tmp_path / "a" / "cpu.max").write_text("300000 100000\n")
    assert hierarchy.candidates() == [tmp_path / "a", tmp_path / "a" / "b", own]
    assert hierarchy.limit_cores() == 3.0
