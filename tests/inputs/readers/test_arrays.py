"""Vectors and their labels in NumPy's files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from desire_edge import DesireEdgeError, Support
from desire_edge.inputs import Columns, read_examples
from desire_edge.inputs.examples import Request
from desire_edge.inputs.npy import read_npy

X = np.array([[1, 0.5], [0, 2], [3, 3]], np.float32)
EXPECTED = [([1, 0.5], ("baking", "jazz")), ([0, 2], ()), ([3, 3], ("jazz",))]
MARKS = np.array([[1, 1], [0, 0], [0, 1]])
NAMES = np.array(["baking", "jazz"])


def found(path: Path, columns: Columns | None = None) -> list[tuple[list[float], tuple[str, ...]]]:
    return [(np.asarray(row.raw).tolist(), row.labels) for row in read_examples(path, columns).rows]


def test_labels_are_text_or_marks_with_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=MARKS, label_names=NAMES)
    np.savez_compressed(tmp_path / "b.npz", features=X, labels=np.array(['["baking", "jazz"]', "", "jazz"]))
    np.savez(tmp_path / "c.npz", mine=X, tags=np.array(["baking|jazz", "", "jazz"]))
    np.save(tmp_path / "d.npy", X)
    (tmp_path / "d.labels.txt").write_text("baking;jazz\n\njazz\n")
    assert found(tmp_path / "a.npz") == found(tmp_path / "b.npz") == found(tmp_path / "d.npy") == EXPECTED
    columns = Columns(vector="mine", labels="tags", label_separator="|")
    assert found(tmp_path / "c.npz", columns) == EXPECTED
    assert len(Support.read(tmp_path / "a.npz").examples) == 3


def test_one_class_each_may_be_a_number(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.array([0, 1, 1]), classes=NAMES)
    assert [labels for _, labels in found(tmp_path / "a.npz")] == [("baking",), ("jazz",), ("jazz",)]


def test_groups_and_splits(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "a.npz", x=X, y=MARKS, label_names=NAMES, group=[7, 7, 8], split=["train", "train", "test"]
    )
    rows = read_examples(tmp_path / "a.npz").rows
    assert [(row.group, row.split) for row in rows] == [("7", "train"), ("7", "train"), ("8", "test")]


def test_labels_do_not_count_where_they_are_not_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    np.savez(tmp_path / "a.npz", x=X)
    for name in ("a.npy", "a.npz"):
        rows = read_examples(tmp_path / name, request=Request(labelled=False)).rows
        assert [row.labels for row in rows] == [()] * 3


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        (
            {"y": MARKS, "label_names": NAMES},
            r"has no array x or X .* it has y, label_names; .*--vector-column",
        ),
        ({"x": X}, r"has no array labels or y .* it has x"),
        ({"x": X, "y": MARKS}, r"2 columns, and there are 0 label_names"),
        (
            {"x": X, "y": MARKS, "label_names": np.array(5)},
            r"array label_names has shape \[\] and type int64",
        ),
        ({"x": X, "y": MARKS, "label_names": NAMES[None]}, r"array label_names has shape \[1, 2\]"),
        ({"x": X, "y": 2 * MARKS, "label_names": NAMES}, r"labels are text, one an example, or 0 and 1"),
        ({"x": X, "y": MARKS[:2], "label_names": NAMES}, r"3 vectors and labels of 2 examples"),
        ({"x": X[0], "labels": np.array(["a"])}, r"shape \[2\]"),
        ({"x": np.array(["a"]), "labels": np.array(["a"])}, r"a row of numbers an example"),
        ({"x": X, "labels": np.array([["a"], 1, None], object)}, r"array labels does not hold plain numbers"),
        ({"x": X, "labels": np.array(["a", "b;b", ""])}, r"row 2: the label 'b' is named twice"),
    ],
)
def test_what_is_wrong_is_named(arrays: dict[str, Any], expected: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DesireEdgeError, match=expected) as refused:
        read_examples(tmp_path / "a.npz")
    assert "a.npz" in str(refused.value)


def test_a_matrix_without_labels_says_where_they_go(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    with pytest.raises(DesireEdgeError, match=r"a\.npy has no labels; write .* a\.labels\.txt beside it"):
        read_examples(tmp_path / "a.npy")


def test_a_damaged_archive_is_named_and_a_huge_one_not_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 1000)), y=MARKS, label_names=NAMES)
    with pytest.raises(DesireEdgeError, match="holds more than 1 MiB"):
        read_examples(tmp_path / "a.npz", request=Request(max_bytes=2**20))
    whole = (tmp_path / "a.npz").read_bytes()
    for content in (b"", whole[:100], whole[: len(whole) // 2], whole[:60] + b"\0" * 20 + whole[80:]):
        (tmp_path / "a.npz").write_bytes(content)
        with pytest.raises(DesireEdgeError, match=r"a\.npz"):
            read_examples(tmp_path / "a.npz")


@settings(max_examples=30)
@given(hnp.arrays(hnp.unicode_string_dtypes(max_len=5), hnp.array_shapes(max_dims=2)))
def test_text_is_read_where_it_is_asked_for(array: NDArray[np.str_]) -> None:
    written = io.BytesIO()
    np.save(written, array)
    np.testing.assert_array_equal(read_npy(written.getvalue(), "a.npy", text=True), array)
    with pytest.raises(DesireEdgeError, match="does not hold plain numbers"):
        read_npy(written.getvalue(), "a.npy")
    broken = written.getvalue()[:-4] + b"\xff\xff\xff\xff"
    with pytest.raises(DesireEdgeError, match="what is no character"):
        read_npy(broken, "a.npy", text=True)
