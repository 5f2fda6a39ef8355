"""What a support folder, or Python values, say: labels, negative labels, targets and their mask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge import DesireEdgeError, Support
from desire_edge.inputs.names import check_names

THREE = Support.of(["a", "b", "c"], [["x", "y"], [], ["y"]], [[], ["x"], []])


def folder_of(tmp_path: Path, name: str, metadata: str) -> Path:
    for letter in "abc":
        (tmp_path / f"{letter}.txt").write_text(f"text {letter}")
    (tmp_path / name).write_text(metadata, encoding="utf-8")
    return tmp_path


def lines(*entries: object) -> str:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def labels_of(support: Support) -> list[tuple[object, tuple[str, ...], tuple[str, ...]]]:
    return [(example.raw, example.labels, example.negative_labels) for example in support.examples]


EXPECTED = [("text a", ("x", "open source"), ()), ("text b", (), ("x",)), ("text c", ("y",), ())]


def test_json_lines_are_read_in_order(tmp_path: Path) -> None:
    metadata = lines(
        {"file_name": "a.txt", "labels": ["x", " open source "]},
        {"file_name": "b.txt", "labels": [], "negative_labels": ["x"]},
        {"file_name": "c.txt", "labels": ["y"], "negative_labels": None, "source": "ignored"},
    )
    assert labels_of(Support.read(folder_of(tmp_path, "metadata.jsonl", metadata))) == EXPECTED


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_says_the_same(mark: str, end: str, tmp_path: Path) -> None:
    rows = [
        "negative_labels,file_name,more,labels",
        ",a.txt,,x; open source",
        "x,b.txt,,",
        ',c.txt,"a,b",y',
        "",
    ]
    folder = folder_of(tmp_path, "metadata.csv", mark + end.join(rows))
    assert labels_of(Support.read(folder)) == EXPECTED


def test_csv_needs_no_negative_labels_and_may_quote_line_ends(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "metadata.csv", 'file_name,labels,note\na.txt,"x;y","two\nlines"\n')
    assert labels_of(Support.read(folder)) == [("text a", ("x", "y"), ())]


def test_a_line_separator_within_a_json_string_is_no_line_end(tmp_path: Path) -> None:
    metadata = lines({"file_name": "a.txt", "labels": ["x"], "note": "one\u2028two\u0085three"})
    assert Support.read(folder_of(tmp_path, "metadata.jsonl", metadata)).names() == ("x",)


def test_a_file_may_lie_deeper_in_the_folder_or_be_a_link_within_it(tmp_path: Path) -> None:
    folder_of(tmp_path, "metadata.jsonl", lines({"file_name": "deep/a.txt", "labels": ["x"]}))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").symlink_to("../a.txt")
    assert Support.read(tmp_path).examples[0].raw == "text a"


@pytest.mark.parametrize(
    "name", ["東京\u3000タワー", "می\u200cخواهم", "👩\u200d🍳", "c++", "a\u00a0b", "nc-17", "[red]"]
)
def test_names_of_every_script_are_labels(name: str) -> None:
    assert Support.of(["a"], [[name]]).names() == (name,)


@given(st.text())
def test_any_name_is_taken_stripped_or_refused_in_a_sentence(name: str) -> None:
    try:
        (taken,) = check_names([name], "here")
    except DesireEdgeError as error:
        assert str(error).startswith("here: ")
    else:
        assert taken == name.strip()


def test_a_label_an_example_does_not_carry_is_negative_unless_told_otherwise() -> None:
    targets, mask = THREE.targets(["y", "x"], "negative")
    assert targets.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert mask.tolist() == [[1, 1], [1, 1], [1, 1]]


def test_with_missing_unknown_only_what_was_said_counts() -> None:
    targets, mask = THREE.targets(["y", "x"], "unknown")
    assert targets.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert mask.tolist() == [[1, 1], [0, 1], [1, 0]]


def test_names_stand_in_the_order_of_their_first_use() -> None:
    assert THREE.names() == ("x", "y")


@given(
    st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=3), max_size=12),
    st.integers(0, 3),
)
def test_shots_keep_the_first_examples_of_each_label(labels: list[list[str]], shots: int) -> None:
    support = Support.of([f"{index}" for index in range(len(labels))], labels)
    kept = support.first_shots(shots).examples
    assert shots or not kept
    assert list(kept) == [example for example in support.examples if example in kept], "in their order"
    for label in "abcd":
        carrying = [example for example in support.examples if label in example.labels]
        assert set(carrying[:shots]) <= set(kept), "no label loses one of its first"
    for index, example in enumerate(kept):
        counts = [sum(label in earlier.labels for earlier in kept[:index]) for label in example.labels]
        assert not counts or min(counts) < shots, "each is there for a label that still needed it"


def test_examples_without_a_label_stay_unless_there_are_no_shots() -> None:
    assert [example.raw for example in THREE.first_shots(1).examples] == ["a", "b"]
    assert THREE.first_shots(0).examples == ()


def test_python_values_must_agree_in_number() -> None:
    with pytest.raises(DesireEdgeError, match="2 inputs, 1 lists of labels, 2 of negative labels and"):
        Support.of(["a", "b"], [["x"]])
