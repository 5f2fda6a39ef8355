"""svmlight's files and the XC repository's, held to scikit-learn's reader where it reads them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from desire_edge import DesireEdgeError
from desire_edge.data import load_dataset
from desire_edge.inputs import VectorInput, read_examples
from desire_edge.inputs.examples import Row


def values(row: Row) -> dict[str, float]:
    assert not isinstance(row.raw, str)
    return dict(row.raw)  # type: ignore[arg-type]


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True), min_size=1, max_size=6),
    st.integers(1, 5),
    st.booleans(),
    st.data(),
)
def test_what_scikit_learn_writes_and_reads_is_read_alike(
    labels: list[list[int]], width: int, zero_based: bool, data: st.DataObject
) -> None:
    numbers = st.floats(-1e3, 1e3, width=32)
    x = np.array([data.draw(st.lists(numbers, min_size=width, max_size=width)) for _ in labels])
    if zero_based:
        x[0, 0] = 1  # else nobody can tell
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.svm"
        y = np.zeros((len(labels), 7), int)
        for row, names in enumerate(labels):
            y[row, names] = 1
        dump_svmlight_file(x, y, str(path), zero_based=zero_based, multilabel=True)
        expected, targets = load_svmlight_file(
            str(path), n_features=width, multilabel=True, zero_based=zero_based
        )
        read = read_examples(path)
    for row, (dense, carried) in enumerate(zip(expected.toarray(), targets, strict=True)):
        assert set(read.rows[row].labels) == {str(int(label)) for label in carried}
        spread = VectorInput(width).features_of(read.rows[row].read(), "here").x
        np.testing.assert_array_equal(spread, dense.astype(np.float32))


XC = "3 5 4\n0,3 0:1 4:1.5\n 1:1\n2 0:3\n"


def test_a_first_line_of_counts_counts_from_zero_and_lets_labels_be_missing(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text(XC)
    read = read_examples(tmp_path / "train.txt")
    assert [(values(row), row.labels) for row in read.rows] == [
        ({"0": 1, "4": 1.5}, ("0", "3")),
        ({"1": 1}, ()),
        ({"0": 3}, ("2",)),
    ]
    assert read.features == 5 and str(read.rows[1].place).endswith("train.txt, line 3")
    dataset = load_dataset(str(tmp_path / "train.txt"))
    assert dataset.features is not None
    np.testing.assert_array_equal(dataset.features, [[1, 0, 0, 0, 1.5], [0, 1, 0, 0, 0], [3, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("name", "names"),
    [("labels.txt", "w\nx\ny\nz\n"), ("a.labels", "w\nx\ny\nz\n"), ("Y.txt", "0->w\n1->x\n2->y\n3->z\n")],
)
def test_names_of_labels_stand_beside(name: str, names: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(XC)
    (tmp_path / name).write_text(names)
    assert [row.labels for row in read_examples(tmp_path / "a.txt").rows] == [("w", "z"), (), ("y",)]
    (tmp_path / name).write_text("w\n")
    with pytest.raises(DesireEdgeError, match=r"a\.txt, line 2: the label 3 has no name in .*1 lines"):
        read_examples(tmp_path / "a.txt")


def test_queries_are_groups_and_comments_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.svm").write_text("# made by hand\n1 qid:7 1:2 # the first\n\n0 qid:8 2:1\n")
    rows = read_examples(tmp_path / "a.svm").rows
    assert [(values(row), row.labels, row.group) for row in rows] == [
        ({"0": 2}, ("1",), "7"),
        ({"1": 1}, ("0",), "8"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1 1:1\nbaking 1:1\n", "line 2: expected labels by number"),
        ("1 1:1\n1 1:x\n", "line 2: expected features by number"),
        ("1 1:1 1:2\n", "line 1: the feature 1 is there twice"),
        ("1 -1:1\n", "line 1: features are numbered from 0"),
        ("1,1 1:1\n", "line 1: the label '1' is named twice"),
        ("2 5 4\n0 1:1\n", "has 1 rows, and its first line says 2"),
        ("1 5 4\n0 5:1\n", "has a feature 5, and its first line says that there are 5, from 0"),
    ],
)
def test_what_is_wrong_is_named(content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "a.svm").write_text(content)
    with pytest.raises(DesireEdgeError, match=r"a\.svm") as refused:
        read_examples(tmp_path / "a.svm")
    assert expected in str(refused.value)


def test_a_text_is_no_file_of_examples(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Knead the dough.")
    with pytest.raises(DesireEdgeError, match=r"a\.txt is a text without labels; .* three counts"):
        read_examples(tmp_path / "a.txt")


def test_a_matrix_beyond_memory_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.svm").write_text("1 1:1 999999999:1\n0 1:1\n0 1:1\n")
    with pytest.raises(DesireEdgeError, match="GiB without their sparsity; reduce the features"):
        load_dataset(str(tmp_path / "a.svm"))
