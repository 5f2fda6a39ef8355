"""The same examples in every format are the same examples; what is wrong with a file is named with its place."""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desire_edge import DesireEdgeError, Support
from desire_edge.inputs import Columns, read_examples
from desire_edge.inputs.examples import Request
from desire_edge.inputs.names import clean_name


class Made(NamedTuple):
    """One example as it is written."""

    title: str
    text: str
    labels: list[str]


def as_json(rows: Sequence[Made]) -> str:
    return "".join(json.dumps(row._asdict()) + "\n" for row in rows)


def as_csv(rows: Sequence[Made], separator: str = ",") -> str:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([Made._fields, *((row.title, row.text, json.dumps(row.labels)) for row in rows)])
    return written.getvalue()


def table(rows: Sequence[Made]) -> pa.Table:
    kinds = pa.schema([("title", pa.string()), ("text", pa.string()), ("labels", pa.list_(pa.string()))])
    return pa.Table.from_pylist([row._asdict() for row in rows], kinds)


def stream(path: Path, content: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as writer:
        writer.write_table(content)


def folder(path: Path, rows: Sequence[Made]) -> None:
    """metadata.jsonl, every other example in a file."""
    path.mkdir()
    entries = []
    for number, row in enumerate(rows):
        text = f"{row.title.strip()}\n{row.text}" if row.title.strip() else row.text
        where = {"file_name": f"{number}.txt"} if number % 2 else {"text": text}
        (path / f"{number}.txt").write_text(text, encoding="utf-8", newline="")
        entries.append({**where, "labels": row.labels})
    (path / "metadata.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))


WRITERS: dict[str, Callable[[Path, Sequence[Made]], object]] = {
    "a.jsonl": lambda path, rows: path.write_text(as_json(rows)),
    "a.csv": lambda path, rows: path.write_bytes(as_csv(rows).encode()),
    "b.csv": lambda path, rows: path.write_bytes(as_csv(rows, ";").encode()),
    "a.tsv": lambda path, rows: path.write_bytes(as_csv(rows, "\t").encode()),
    "a.parquet": lambda path, rows: pq.write_table(table(rows), path),
    "a.feather": lambda path, rows: pf.write_feather(table(rows), path),
    "a.arrow": lambda path, rows: stream(path, table(rows)),
    "folder": folder,
}
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\ufeff\0")
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp")), max_size=20).filter(
    clean_name
)
ROWS = st.lists(
    st.builds(
        Made,
        st.text(CHARACTERS, max_size=8),
        st.text(CHARACTERS, min_size=1, max_size=20).filter(
            lambda text: text.strip("\x1c\x1d\x1e\x1f").strip()
        ),
        st.lists(NAMES, max_size=3, unique_by=clean_name),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15)
@given(ROWS)
def test_the_same_examples_in_every_format_are_the_same(rows: list[Made]) -> None:
    expected = [
        (
            f"{row.title.strip()}\n{row.text}" if row.title.strip() else row.text,
            tuple(map(clean_name, row.labels)),
        )
        for row in rows
    ]
    for name, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as inside:
            write(Path(inside) / name, rows)
            read = read_examples(Path(inside) / name)
            support = Support.read(Path(inside) / name)
            found = [(row.read(), row.labels) for row in read.rows]
        assert found == expected, name
        assert [(example.raw, example.labels) for example in support.examples] == expected, name


ROW = Made("", "Knead the dough.", ["baking", "bread"])


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "folder"])
def test_rows_and_lines_are_numbered_from_one(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, [ROW, ROW])
    places = [row.place for row in read_examples(tmp_path / name).rows]
    unit = "row" if name.endswith(("parquet", "feather", "arrow")) else "line"
    first = {".jsonl": 1, ".csv": 2, ".tsv": 2}.get(Path(name).suffix, 1)
    assert [str(place) for place in places] == [f"{tmp_path / name}, {unit} {first + n}" for n in range(2)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (Columns(text=("text",)), "Knead the dough."),
        (Columns(text=("text", "title")), "Knead the dough.\nBread"),
        (Columns(labels="title"), ("Bread",)),
    ],
)
def test_columns_that_are_named_count(name: str, columns: Columns, expected: object, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, [Made("Bread", "Knead the dough.", ["baking"])])
    (row,) = read_examples(tmp_path / name, columns).rows
    assert expected in (row.raw, row.labels)


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_named_column_that_is_not_there_is_refused_with_those_that_are(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, [ROW])
    for columns in (Columns(text=("body",)), Columns(labels="tags"), Columns(group="source")):
        with pytest.raises(
            DesireEdgeError, match=r"has no column '\w+'; it has title, text, labels"
        ) as refused:
            read_examples(tmp_path / name, columns)
        assert refused.value.code == "columns"


@pytest.mark.parametrize(
    ("header", "missing", "option"),
    [("words,labels", "examples", "--text-column"), ("text,marks", "labels", "--labels-column")],
)
def test_columns_that_cannot_be_found_are_asked_for(
    header: str, missing: str, option: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f"{header}\na,b\n")
    with pytest.raises(
        DesireEdgeError, match=f"known to hold {missing}: it has {header.replace(',', ', ')}"
    ) as refused:
        read_examples(tmp_path / "a.csv")
    assert option in str(refused.value)


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("baking;open source", ("baking", "open source")),
        (' ["baking", "a;b"] ', ("baking", "a;b")),
        ("[draft]", ("[draft]",)),
        ("", ()),
        (" ", ()),
    ],
)
def test_labels_in_a_cell(cell: str, labels: tuple[str, ...], tmp_path: Path) -> None:
    rows = [["text", "labels"], ["a", cell]]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    pq.write_table(pa.table({"text": ["a"], "labels": [cell]}), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(json.dumps(dict(zip(*rows, strict=True))))
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        assert read_examples(tmp_path / name).rows[0].labels == labels


def test_another_separator_of_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\ttags\na\tx|y;z\n")
    assert read_examples(tmp_path / "a.csv", Columns(label_separator="|")).rows[0].labels == ("x", "y;z")
    with pytest.raises(DesireEdgeError, match="separator is empty"):
        Columns(label_separator="")


def test_labels_that_look_like_several_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('text,labels\na,"x,y"\nb,"x,z"\nc,x\n')
    (warning,) = Support.read(tmp_path / "a.csv").warnings
    assert "'x,y' (2 of 3 examples) look like several" in warning and "--label-separator ','" in warning
    told = read_examples(tmp_path / "a.csv", Columns(label_separator=","))
    assert told.warnings == () and told.rows[0].labels == ("x", "y")


def test_numbers_as_labels_are_warned_of(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "label": [0, 1]}), tmp_path / "a.parquet")
    read = read_examples(tmp_path / "a.parquet")
    assert [row.labels for row in read.rows] == [("0",), ("1",)]
    assert "the labels are numbers (0, 1)" in read.warnings[0]


def test_columns_of_0_and_1_are_labels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,baking,open source,other\na,1,0,x\nb,,True,y\n")
    columns = Columns(labels=("baking", "open source"))
    assert [row.labels for row in read_examples(tmp_path / "a.csv", columns).rows] == [
        ("baking",),
        ("open source",),
    ]
    with pytest.raises(DesireEdgeError, match=r"line 2: the column 'other' holds 'x'.* must hold 0 or 1"):
        read_examples(tmp_path / "a.csv", Columns(labels=("baking", "other")))


def test_vectors_stand_in_lists_and_features_in_objects(tmp_path: Path) -> None:
    pq.write_table(pa.table({"embedding": [[1.0, 2.5]], "labels": [["x"]]}), tmp_path / "a.parquet")
    (row,) = read_examples(tmp_path / "a.parquet").rows
    np.testing.assert_array_equal(np.asarray(row.raw), [1, 2.5])
    (tmp_path / "a.jsonl").write_text('{"features": {"bread": 1, "oven": 2.5}, "labels": ["x"]}\n')
    assert read_examples(tmp_path / "a.jsonl").rows[0].raw == {"bread": 1, "oven": 2.5}
    (tmp_path / "a.jsonl").write_text('{"features": "1 2", "labels": ["x"]}\n')
    with pytest.raises(DesireEdgeError, match="line 1, column features: expected a list of numbers"):
        read_examples(tmp_path / "a.jsonl")


@pytest.mark.parametrize("name", list(WRITERS))
def test_what_is_read_of_a_file_may_be_bounded(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, [ROW] * 3)
    with pytest.raises(DesireEdgeError, match="more than 2 examples") as refused:
        read_examples(tmp_path / name, request=Request(max_examples=2))
    assert refused.value.code == "examples-many"
    if name != "folder":
        with pytest.raises(DesireEdgeError, match="is not read") as refused:
            read_examples(tmp_path / name, request=Request(max_bytes=10))
        assert refused.value.code == "file-large"


@pytest.mark.parametrize("name", ["a.parquet", "a.feather", "a.arrow"])
def test_a_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, [ROW] * 3)
    whole = (tmp_path / name).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text,labels\na,b\n", whole[:8] + bytes(len(whole) - 8)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DesireEdgeError, match=name):
            read_examples(tmp_path / name)


def test_a_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS["a.parquet"](tmp_path / "a.parquet", [ROW])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        DesireEdgeError, match="read with pyarrow, which is not installed; pip install pyarrow"
    ):
        read_examples(tmp_path / "a.parquet")


def test_what_is_no_file_of_examples_says_what_is(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_text("")
    with pytest.raises(
        DesireEdgeError, match=r"a\.docx is no file of examples .* JSON Lines .* CSV .* Parquet"
    ):
        read_examples(tmp_path / "a.docx")
    with pytest.raises(DesireEdgeError, match="No such file"):
        read_examples(tmp_path / "gone.csv")
    with pytest.raises(DesireEdgeError, match="holds neither metadata") as refused:
        read_examples(tmp_path)
    assert refused.value.code == "metadata-none"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", 'text,labels\na,"x\n', "a.csv, line 2 is not valid CSV"),
        ("a.csv", "text,labels\n,x\n", "a.csv, line 2 has no text in the column text"),
        ("a.csv", "text,labels\na,x;x\n", "a.csv, line 2, column labels: the label 'x' is named twice"),
        ("a.csv", "text,labels,negative_labels\na,x,x\n", "'x' is both a label and a negative label"),
        (
            "a.jsonl",
            '{"text": "a", "labels": [1, "x"]}',
            "a.jsonl, line 1, column labels: a label is 1, not a name",
        ),
        ("a.jsonl", '{"file_name": "../b.txt", "labels": []}', "../b.txt lies outside the folder"),
        (
            "a.jsonl",
            '{"text": "a", "labels": [], "group": 1.5}',
            "column group: expected a text or a whole number",
        ),
    ],
)
def test_what_is_wrong_is_named(name: str, content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DesireEdgeError) as refused:
        read_examples(tmp_path / name)
    assert expected in str(refused.value)


def test_labels_may_be_left_out_where_they_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,labels,known_labels\na,7;7,linux\nb,,\n")
    rows = read_examples(tmp_path / "a.csv", request=Request(labelled=False)).rows
    assert [(row.labels, row.known_labels) for row in rows] == [((), ("linux",)), ((), ())]
    (tmp_path / "a.csv").write_text("text\na\n")
    assert [row.raw for row in read_examples(tmp_path / "a.csv", request=Request(labelled=False)).rows] == [
        "a"
    ]


def metadata_of(value: Any) -> dict[str, str]:
    return {"huggingface": json.dumps({"info": {"features": value}})}


@pytest.mark.parametrize(
    ("feature", "cells", "expected"),
    [
        ({"names": ["neg", "pos"], "_type": "ClassLabel"}, [1, -1], [("pos",), ()]),
        (
            {"feature": {"names": ["a", "b"], "_type": "ClassLabel"}, "_type": "Sequence"},
            [[0, 1], []],
            [("a", "b"), ()],
        ),
        ([{"names": ["a", "b"], "_type": "ClassLabel"}], [[1], [0]], [("b",), ("a",)]),
    ],
)
def test_numbers_that_hugging_face_names_are_names(
    feature: Any, cells: list[Any], expected: list[tuple[str, ...]], tmp_path: Path
) -> None:
    content = pa.table({"text": ["x", "y"], "label": cells}).replace_schema_metadata(
        metadata_of({"label": feature})
    )
    pq.write_table(content, tmp_path / "a.parquet")
    assert [row.labels for row in read_examples(tmp_path / "a.parquet").rows] == expected


def saved(path: Path, content: pa.Table, features: Any) -> None:
    """A data set as Hugging Face's save_to_disk writes it."""
    path.mkdir(parents=True)
    name = "data-00000-of-00001.arrow"
    stream(path / name, content)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    (path / "dataset_info.json").write_text(json.dumps({"features": features}))


def test_a_saved_data_set_and_its_splits(tmp_path: Path) -> None:
    features = {"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}}
    saved(tmp_path / "d" / "train", pa.table({"text": ["a", "b"], "label": [0, 1]}), features)
    saved(tmp_path / "d" / "test", pa.table({"text": ["c"], "label": [1]}), features)
    rows = read_examples(tmp_path / "d").rows
    assert {(row.raw, row.labels, row.split) for row in rows} == {
        ("a", ("neg",), "train"),
        ("b", ("pos",), "train"),
        ("c", ("pos",), "test"),
    }
    assert [row.split for row in read_examples(tmp_path / "d" / "train").rows] == [None, None]
    state = tmp_path / "d" / "train" / "state.json"
    for named in ([], [{"filename": "../secret.arrow"}], 7):
        state.write_text(json.dumps({"_data_files": named}))
        with pytest.raises(DesireEdgeError, match=r"does not name the data set.s \.arrow files"):
            read_examples(tmp_path / "d")


def test_a_folder_of_parquet_files_has_splits_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        pq.write_table(table([ROW]), tmp_path / "data" / f"{name}.parquet")
    assert sorted(str(row.split) for row in read_examples(tmp_path).rows) == ["test", "train", "train"]
