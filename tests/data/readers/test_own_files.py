"""Data sets in files of the user's own: what a good file gives, its parts, and what each bad line says."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.data import load_dataset, load_files
from desire_edge.errors import DesireEdgeError
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
