"""Data sets in files of the user's own: what a good file gives, its parts, and what each bad line says."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.data import load_dataset, load_files, protocol_rows
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Columns
from desire_edge.inputs.names import clean_name

GOOD = '{"title": "A pool", "text": "Where to swim.", "labels": ["water", "sport"]}\n'


def test_texts_labels_and_targets(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(
        GOOD + '\n{"id": 7, "text": "No title.", "labels": ["sport"]}\n{"text": "x", "labels": []}'
    )
    corpus = load_files(path)
    assert corpus.name == "pages" and corpus.features is None and corpus.feature_names == ()
    assert corpus.texts == ("A pool\nWhere to swim.", "No title.", "x")
    assert corpus.labels == ("sport", "water")
    np.testing.assert_array_equal(corpus.targets, [[True, True], [True, False], [False, False]])
    assert hashlib.sha256(path.read_bytes()).hexdigest() in corpus.source


def test_a_fixed_fifth_is_the_test_part(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(GOOD * 200)
    first, second = load_files(path), load_files(path)
    assert first.test_rows.sum() == 40
    assert 0 < first.test_rows[:100].sum() < 40, "the test part is drawn, not cut off an end"
    np.testing.assert_array_equal(first.test_rows, second.test_rows)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + (GOOD * 2).replace("\n", "\r\n").encode())
    assert load_dataset(str(path)).rows == 2


def write_unused(path: Path) -> None:
    """Two examples of which no one carries the label `idle`, which the format names."""
    x, names = np.eye(2, 3), ["busy", "idle"]
    if path.suffix == ".npz":
        np.savez(path, x=x, y=[[1, 0], [1, 0]], label_names=names)
    elif path.suffix == ".svm":
        path.write_text("0 1:1\n0 2:1\n")
        path.with_suffix(".labels").write_text("busy\nidle\n")
    elif path.suffix == ".arff":
        path.write_text(
            "@relation a\n@attribute f numeric\n@attribute busy {0,1}\n@attribute idle {0,1}\n@data\n"
        )
        with path.open("a") as file:
            file.write("1,1,0\n2,1,0\n")
        path.with_suffix(".xml").write_text('<labels><label name="busy"/><label name="idle"/></labels>')
    elif path.suffix == ".parquet":
        kind = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
        said = json.dumps({"info": {"features": {"labels": kind}}})
        table = pa.table({"text": ["a", "b"], "labels": [[0], [0]]})
        pq.write_table(table.replace_schema_metadata({"huggingface": said}), path)
    else:
        path.write_text("text,busy,idle\na,1,0\nb,1,0\n")


@pytest.mark.parametrize("name", ["a.npz", "a.svm", "a.arff", "a.parquet", "a.csv"])
def test_a_label_that_is_named_and_that_no_example_carries_is_left_out_with_a_warning(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_unused(path)
    columns = Columns(labels=("busy", "idle")) if path.suffix == ".csv" else None
    dataset = load_files(path, columns)
    assert dataset.labels == ("busy",)
    said = f"{path}: no example carries the labels 'idle', so they are left out"
    assert said in dataset.warnings


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip),
            st.lists(
                st.text(
                    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=50
                ).filter(clean_name),
                max_size=4,
                unique_by=clean_name,
            ),
        ),
        min_size=1,
        max_size=8,
    ).filter(lambda rows: any(labels for _, labels in rows)),
    st.booleans(),
)
def test_any_corpus_is_read_back(rows: list[tuple[str, list[str]]], ascii_only: bool) -> None:
    lines = [json.dumps({"text": text, "labels": labels}, ensure_ascii=ascii_only) for text, labels in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pages.jsonl"
        path.write_bytes("\n".join(lines).encode())
        corpus = load_files(path)
    assert corpus.texts == tuple(text for text, _ in rows)
    for row, (_, labels) in enumerate(rows):
        carried = {corpus.labels[column] for column in np.flatnonzero(corpus.targets[row])}
        assert carried == {clean_name(label) for label in labels}


def test_two_spellings_of_a_name_are_one_label(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    names = ("caf\u00e9", "cafe\u0301", " caf\u00e9\u200b")
    path.write_text("".join(json.dumps({"text": "x", "labels": [name, "web"]}) + "\n" for name in names))
    corpus = load_files(path)
    assert corpus.labels == ("caf\u00e9", "web")
    assert corpus.targets.all()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "x", "labels": ["a"]', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('["x"]', "is not a JSON object of an example and its labels"),
        ('{"labels": ["a"]}', "has no text in the column title or text; give it one"),
        ('{"text": "  ", "labels": ["a"]}', "has no text in the column title or text"),
        ('{"text": 3, "labels": ["a"]}', "column text: expected a text, and found 3"),
        ('{"text": "x", "title": 3, "labels": ["a"]}', "column title: expected a text, and found 3"),
        ('{"text": "x", "labels": {"a": 1}}', "labels must be a list of names, and is {'a': 1}"),
        ('{"text": "x", "labels": true}', "labels must be a list of names, and is True"),
        ('{"text": "x", "labels": ["a", 1]}', "a label is 1, not a name"),
        ('{"text": "x", "labels": ["a", " "]}', "a label name is empty"),
        ('{"text": "x", "labels": ["a", "a "]}', "the label 'a' is named twice"),
        ('{"text": "\\ud800", "labels": ["a"]}', "half a character"),
        ('{"text": "x", "labels": ["\\udc00"]}', "half a character"),
        ('{"text": "x", "labels": ["bell\\u0007"]}', "without control characters"),
        (f'{{"text": "x", "labels": ["{"x" * 201}"]}}', "at most 200 characters"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(GOOD + "\n" + line + "\n" + GOOD)
    with pytest.raises(DesireEdgeError, match=r"pages\.jsonl, line 3\b") as caught:
        load_files(path)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000, "the message does not repeat the line"


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_bytes(GOOD.encode() + '{"text": "caf\xe9", "labels": []}'.encode("latin-1"))
    with pytest.raises(DesireEdgeError, match=r"pages\.jsonl is not UTF-8 text: .* at byte"):
        load_files(path)


@pytest.mark.parametrize("content", ["", "\n\n", '{"text": "x", "labels": []}\n'])
def test_a_corpus_without_labels_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(content)
    with pytest.raises(DesireEdgeError, match="has no labelled example"):
        load_files(path)


def test_a_missing_file_and_an_unknown_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match=r"cannot read .*gone\.jsonl: No such file"):
        load_dataset(str(tmp_path / "gone.jsonl"))
    with pytest.raises(
        DesireEdgeError, match=r"no data set is called 'delicous'; use auto, delicious, sample"
    ):
        load_dataset("delicous")


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_data_say_which_rows_are_for_the_test(tmp_path: Path) -> None:
    splits = ("train", "test", "validation", None)
    rows = [{"text": f"text {n}", "labels": ["a"], "split": split} for n, split in enumerate(splits)]
    assert load_files(write(tmp_path / "a.jsonl", rows)).test_rows.tolist() == [False, True, False, False]
    with pytest.raises(DesireEdgeError, match=r"line 1: the split 'holdout' is none of train, .*testing"):
        load_files(write(tmp_path / "a.jsonl", [{**rows[0], "split": "holdout"}]))


def test_a_file_of_its_own_may_be_the_test_part(tmp_path: Path) -> None:
    train = write(tmp_path / "a.jsonl", [{"text": "x", "labels": ["a"]}] * 3)
    (tmp_path / "b.csv").write_text("text,labels\ny,b\n")
    dataset = load_files(train, test=tmp_path / "b.csv")
    assert dataset.test_rows.tolist() == [False, False, False, True]
    assert (
        dataset.labels == ("a", "b")
        and "a.jsonl (sha256" in dataset.source
        and "b.csv (sha256" in dataset.source
    )
    with pytest.raises(DesireEdgeError, match="has its own columns and test part"):
        load_dataset("sample", test=str(train))


def test_no_group_is_in_both_parts(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "labels": ["a"], "group": f"g{n // 4}"} for n in range(100)]
    dataset = load_files(write(tmp_path / "a.jsonl", rows))
    assert dataset.groups == tuple(f"g{n // 4}" for n in range(100))
    parts = dataset.test_rows.reshape(25, 4)
    assert parts.sum() == 20 and (parts.all(axis=1) | ~parts.any(axis=1)).all()
    for hold_out in (False, True):
        found = protocol_rows(dataset, "streaming", hold_out=hold_out, seed=3)
        assert not {row // 4 for row in found.train.tolist()} & {row // 4 for row in found.query.tolist()}
    torn = [{**row, "split": "test" if n == 1 else "train"} for n, row in enumerate(rows)]
    with pytest.raises(
        DesireEdgeError, match=r"the group 'g0' has .*line 1 in one part and .*line 2 in the other"
    ):
        load_files(write(tmp_path / "a.jsonl", torn))


def test_features_by_name_are_columns_in_alphabetical_order(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"features": {"oven": 2, "bread": 1}, "labels": ["a"]},
        {"features": {"jazz": 0.5}, "labels": []},
    ]
    dataset = load_files(write(tmp_path / "a.jsonl", rows))
    assert dataset.feature_names == ("bread", "jazz", "oven") and dataset.features is not None
    np.testing.assert_array_equal(dataset.features, np.array([[1, 0, 2], [0, 0.5, 0]], np.float32))


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"features": [1, 2, 3]}, "line 2 has 3 features, and .*line 1 has 2"),
        ({"features": [1, 1e60]}, "line 2: feature 1 is inf"),
        ({"features": {"a": 1}}, "line 1 is a vector and .*line 2 is sparse features"),
    ],
)
def test_vectors_that_do_not_go_together_are_named(
    second: dict[str, object], message: str, tmp_path: Path
) -> None:
    rows = [{"features": [1, 2], "labels": ["a"]}, {**second, "labels": ["a"]}]
    with pytest.raises(DesireEdgeError, match=message):
        load_files(write(tmp_path / "a.jsonl", rows))


def test_pictures_stay_files_and_the_record_is_of_their_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).write_bytes(b"\x89PNG " + name.encode())
    rows: list[dict[str, object]] = [{"file_name": name, "labels": ["x"]} for name in ("a.png", "b.jpg")]
    write(tmp_path / "metadata.jsonl", rows)
    dataset = load_files(tmp_path)
    assert dataset.images == (tmp_path / "a.png", tmp_path / "b.jpg") and dataset.texts is None
    (tmp_path / "a.png").write_bytes(b"another")
    assert load_files(tmp_path).source != dataset.source
    pictures: list[dict[str, Any]] = [
        {"bytes": b"\x89PNG\r\n\x1a\n", "path": None},
        {"bytes": b"\xff\xd8\xff", "path": "b.jpeg"},
    ]
    pq.write_table(pa.table({"image": pictures, "label": ["x", "y"]}), tmp_path / "a.parquet")
    held = load_files(tmp_path / "a.parquet")
    assert held.images == tuple(picture["bytes"] for picture in pictures)
