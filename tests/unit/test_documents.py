"""YAML files become values that know their place, or a refusal that names it."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from heddle.documents import MAX_DEPTH, MAX_YAML_MIB, MIB, Value, load_yaml, num_decimals, read_text
from heddle.errors import InputError, Location


def at(raw: object) -> Value:
    return Value(raw, Location(Path("f.yaml"), 3, "key"))


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str | bytes], Value]:
    path = tmp_path / "f.yaml"

    def write_and_load(content: str | bytes) -> Value:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_yaml(path)

    return write_and_load


Read = Callable[[str | bytes], Value]


def test_every_value_knows_its_file_line_and_key(read: Read, tmp_path: Path) -> None:
    document = read("a:\n  - x: 1\n  - x: two\n    y: [3, {z: 4}]\n")
    y = document.raw["a"].raw[1].raw["y"]
    assert y.location == Location(tmp_path / "f.yaml", 4, "a[1].y")
    assert y.raw[1].raw["z"].location == Location(tmp_path / "f.yaml", 4, "a[1].y[1].z")
    assert document.raw["a"].raw[1].raw["x"].location.line == 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1200", 1200),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("2.5E-1", 0.25),
        ("1.5e+2", 150.0),
        ("'1e3'", "1e3"),
        ("!!str 1e3", "1e3"),
        ("1e3x", "1e3x"),
        ("~", None),
        ("", None),
        ("no", False),
        ("'no'", "no"),
        ("1g.10gb", "1g.10gb"),
    ],
)
def test_a_scalar_is_read_as_people_mean_it(read: Read, text: str, value: object) -> None:
    found = read(f"key: {text}\n").raw["key"].raw
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_and_infinity_are_read_and_then_refused_as_numbers(read: Read) -> None:
    document = read("a: .nan\nb: .inf\nc: -.inf\n").raw
    assert math.isnan(document["a"].raw)
    for value in document.values():
        with pytest.raises(InputError, match="expected a finite number"):
            value.number()


def test_a_byte_order_mark_and_carriage_returns_are_accepted(read: Read) -> None:
    assert read(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n").raw["b"].location.line == 2


def test_an_alias_stands_for_the_value_at_its_anchor(read: Read) -> None:
    document = read("a: &words [x, y]\nb: *words\n").raw
    assert [item.raw for item in document["b"].raw] == ["x", "y"]
    assert document["b"].raw[0].location.key == "a[0]"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", None, "the file is empty"),
        ("# nothing\n", None, "the file is empty"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here"),
        ("a: 1\na: 2\n", 2, "key 'a' stands twice"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML: did not find expected ',' or ']'"),
        ("a:\n\tb: 1\n", 2, "not valid YAML"),
        ("? [a, b]\n: 1\n", 1, "a key must be a word"),
        ("a: *b\n", 1, "alias *b has no anchor before it"),
        ("a: &a [*a]\n", 1, "alias *a has no anchor before it"),
        ("a: !!python/object:os.system x\n", 1, "cannot read the value 'x'"),
        ("a: 2024-99-99\n", 1, "cannot read the value '2024-99-99'"),
        (f"a: {'9' * 5000}\n", 1, "cannot read the value '999"),
        (b"a: 1\nb: \x00\x01\x02\n", 2, "not a text file: it holds the control character 0x00"),
        (b"a: 1\n\xff\xfe\n", 2, "not a text file: byte 5 is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n", 1, "not a text file"),
        ("a: \u0080\n", None, "not valid YAML: unacceptable character"),
    ],
)
def test_what_is_not_one_yaml_document_is_refused_with_its_line(
    read: Read, content: str | bytes, line: int | None, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(content)
    assert message in caught.value.message
    assert caught.value.location.line == line
    assert caught.value.location.file is not None
    assert "\n" not in str(caught.value)


def test_deep_nesting_is_refused_without_descending_it(read: Read) -> None:
    with pytest.raises(InputError, match="nested too deeply"):
        read("[" * 100_000 + "]" * 100_000)
    read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(InputError, match="nested too deeply"):
        read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


def test_aliases_that_multiply_each_other_share_their_values(read: Read) -> None:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    document = read("\n".join(["a0: &a0 [x]", *levels])).raw
    assert len({id(item.raw) for item in document["a29"].raw}) == 1


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: there is no such file"):
        load_yaml(tmp_path / "nowhere.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read this file: is a directory"):
        load_yaml(tmp_path)


def test_a_file_of_100_mb_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * MIB)
    with pytest.raises(InputError, match="the file has 100 MiB; at most 16 MiB are read"):
        load_yaml(path)


def test_the_size_limit_holds_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * (MAX_YAML_MIB * MIB))
    assert len(read_text(path, MAX_YAML_MIB)) == MAX_YAML_MIB * MIB
    with path.open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(InputError, match="the file has 17 MiB"):
        read_text(path, MAX_YAML_MIB)


def test_a_stream_without_an_end_is_refused_too() -> None:
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("this system has no /dev/zero")
    with pytest.raises(InputError, match="the file has 2 MiB; at most 1 MiB are read"):
        read_text(endless, 1)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (True, "expected text, found True; put it in quotes"),
        (7, "expected text, found 7; put it in quotes"),
        (None, "expected text, found nothing"),
        ({}, "expected text, found keys and values"),
        ([], "expected text, found a list"),
        ("", "expected a name without line breaks"),
        ("  ", "expected a name without line breaks"),
        ("a\nb", "expected a name without line breaks"),
    ],
)
def test_text_is_refused_when_it_is_something_else(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        at(raw).text()
    assert str(caught.value).startswith("f.yaml:3: key: ")


@pytest.mark.parametrize(
    ("raw", "limits", "message"),
    [
        (0, {"above": 0.0}, "expected a number above 0, found 0"),
        (-1.5, {"above": 0.0}, r"expected a number above 0, found -1\.5"),
        (1.0000001, {"most": 1.0}, r"expected a number of at most 1, found 1\.0000001"),
        (2e9, {"least": 0.0, "most": 1e9}, "expected a number from 0 to 1,000,000,000, found"),
        (0, {"least": 1.0}, "expected a number of at least 1, found 0"),
        (10**400, {}, "expected a finite number"),
        (True, {}, "expected a number, found True"),
        ("12", {}, "expected a number, found '12'"),
        (None, {}, "expected a number, found nothing"),
        (0.12345, {"decimals": 4}, r"at most 4 decimals, found 0\.12345"),
        (1e-7, {"decimals": 6}, "at most 6 decimals"),
    ],
)
def test_a_number_outside_its_range_is_refused(
    raw: object, limits: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        at(raw).number(**limits)  # type: ignore[arg-type] # decimals is a whole number


def test_a_number_on_the_edge_of_its_range_is_accepted() -> None:
    assert at(1).number(least=1.0, most=1.0) == 1.0
    assert at(0.1234).number(decimals=4) == 0.1234
    assert at(1e15).number(decimals=0) == 1e15


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (0, "expected a whole number from 1 to 5, found 0"),
        (6, "expected a whole number from 1 to 5, found 6"),
        (1.0, r"expected a whole number, found 1\.0"),
        (True, "expected a whole number, found True"),
        ("1", "expected a whole number, found '1'"),
    ],
)
def test_a_whole_number_is_refused_when_it_is_something_else(raw: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        at(raw).integer(least=1, most=5)


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"unknown key 'rate'.*did you mean 'rates'.*allowed"):
        at({"rate": at(1)}).mapping(["rates", "name"])


def test_a_missing_key_is_refused() -> None:
    with pytest.raises(InputError, match="missing key 'b'; needed: a, b"):
        at({"a": at(1)}).mapping(["a", "b"], required=["a", "b"])


def test_a_list_is_refused_when_it_is_empty_or_not_a_list() -> None:
    with pytest.raises(InputError, match="expected at least one of services, found an empty list"):
        at([]).items("services")
    with pytest.raises(InputError, match="expected a list of services, found keys and values"):
        at({}).items("services")


def test_a_choice_is_one_of_the_words() -> None:
    assert at("gpu").choice(["gpu", "node"]) == "gpu"
    with pytest.raises(InputError, match=r"unknown 'gpus' \(did you mean 'gpu'\?\)"):
        at("gpus").choice(["gpu", "node"])


def test_a_boolean_is_true_or_false() -> None:
    assert at(raw=False).boolean() is False
    with pytest.raises(InputError, match="expected true or false, found 0"):
        at(0).boolean()


def test_a_file_beside_is_found_from_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "table.csv").write_text("x")
    value = Value("../table.csv", Location(tmp_path / "in" / "w.yaml", 2, "performance[0]"))
    assert value.file_beside().read_text() == "x"


@pytest.mark.parametrize("name", ["nowhere.csv", "a" * 5000])
def test_a_file_beside_that_cannot_be_had_is_refused_where_it_is_named(
    tmp_path: Path, name: str
) -> None:
    value = Value(name, Location(tmp_path / "w.yaml", 2, "performance[0]"))
    with pytest.raises(InputError, match=r"w\.yaml:2: performance\[0\]: (there is no|cannot read)"):
        value.file_beside()


@pytest.mark.parametrize(
    ("number", "decimals"), [(1.0, 0), (0.5, 1), (0.1 + 0.2, 17), (1e-7, 7), (1e22, 0), (12.30, 1)]
)
def test_decimals_are_counted_as_the_number_prints(number: float, decimals: int) -> None:
    assert num_decimals(number) == decimals
