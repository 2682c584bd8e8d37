"""What a client sends stays inside the folder that was made for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from heddle.errors import InputError
from heddle.server.bundle import MAX_FILES, Bundle, discard, keep

OUTSIDE = [
    "../up.yaml",
    "a/../../up.yaml",
    "..",
    "a/..",
    "/etc/heddle.yaml",
    "//etc/heddle.yaml",
    "",
    ".",
    "./",
    "a\0b",
]


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_files_lie_where_the_workload_names_them(tmp_path: Path) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"network")
    folder = tmp_path / "kept"
    files = {"day/workload.yaml": "version: 1\n", "tables/perf.csv": "gpu\n"}
    path = keep(Bundle("day/workload.yaml", files, {"nets/a.onnx": str(network)}), folder)
    assert path == folder / "day" / "workload.yaml"
    assert (folder / "tables" / "perf.csv").read_text() == "gpu\n"
    assert (folder / "nets" / "a.onnx").resolve() == network.resolve()


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_file_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected a path below"):
        keep(Bundle(name, {name: "version: 1\n"}, {}), tmp_path / "kept")
    assert everything(tmp_path) <= {"kept"}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_link_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"network")
    with pytest.raises(InputError, match="expected a path below"):
        keep(Bundle("w", {"w": "version: 1\n"}, {name: str(network)}), tmp_path / "kept")
    assert everything(tmp_path) == {"net.onnx", "kept", "kept/w"}


@pytest.mark.parametrize("target", ["net.onnx", "/no/such/network.onnx", "/", "/nowhere/a\0b"])
def test_a_link_to_what_is_no_file_of_this_machine_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match="no network"):
        keep(Bundle("w", {"w": "version: 1\n"}, {"net.onnx": target}), tmp_path / "kept")


def test_a_file_does_not_go_through_a_link_of_the_same_bundle(tmp_path: Path) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"network")
    for files in ({"w": "", "net.onnx": "changed"}, {"w": "", "net.onnx/inner": "changed"}):
        with pytest.raises(InputError):
            keep(Bundle("w", files, {"net.onnx": str(network)}), tmp_path / f"kept-{len(files)}")
    assert network.read_bytes() == b"network"


def test_the_workload_has_to_be_among_the_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'w' is not among the files"):
        keep(Bundle("w", {"v": ""}, {}), tmp_path / "kept")


def test_a_bundle_has_at_most_so_many_files(tmp_path: Path) -> None:
    files = {str(number): "" for number in range(MAX_FILES + 1)}
    with pytest.raises(InputError, match="at most 100 files"):
        keep(Bundle("1", files, {}), tmp_path / "kept")
    assert everything(tmp_path) == set()


def test_a_name_that_no_file_system_takes_is_refused_in_a_sentence(tmp_path: Path) -> None:
    name = "n" * 300
    with pytest.raises(InputError, match="file name too long"):
        keep(Bundle(name, {name: ""}, {}), tmp_path / "kept")


def test_discarding_a_bundle_leaves_its_networks(tmp_path: Path) -> None:
    network = tmp_path / "net.onnx"
    network.write_bytes(b"network")
    folder = tmp_path / "kept"
    keep(Bundle("w", {"w": ""}, {"net.onnx": str(network)}), folder)
    discard(folder)
    discard(folder)
    assert everything(tmp_path) == {"net.onnx"}
