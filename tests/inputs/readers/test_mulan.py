"""Reading Mulan's sparse ARFF and its XML header, on files written here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from desire_edge.data import load_dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import read_examples
from desire_edge.inputs.readers.mulan import read_mulan

SMALL = """\
@relation pages

@attribute caf\xe9 {0,1}
@attribute weight numeric
@attribute TAG_m\xfasica {0,1}
@attribute TAG_web {0,1}

@data
{0 1,1 2.5,3 1}
{}
% a comment
{2 1}
"""


def write(folder: Path, arff: str, labels: list[str]) -> tuple[Path, Path]:
    """Write the two files the way Mulan's tools do: latin-1 ARFF, UTF-8 XML with a namespace."""
    arff_path, xml_path = folder / "pages.arff", folder / "pages.xml"
    arff_path.write_bytes(arff.encode("latin-1"))
    elements = "\n".join(f"<label name={quoteattr(label)}></label>" for label in labels)
    xml_path.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<labels xmlns="http://mulan.sourceforge.net/labels">\n'
        f"{elements}\n</labels>\n",
        encoding="utf-8",
    )
    return arff_path, xml_path


def test_names_values_and_empty_rows(tmp_path: Path) -> None:
    table = read_mulan(*write(tmp_path, SMALL, ["TAG_m\xfasica", "TAG_web"]))
    assert table.feature_names == ("caf\xe9", "weight")
    assert table.labels == ("m\xfasica", "web")
    np.testing.assert_array_equal(table.features, np.array([[1, 2.5], [0, 0], [0, 0]], dtype=np.float32))
    np.testing.assert_array_equal(table.targets, [[False, True], [False, False], [True, False]])


def test_a_hierarchical_header_nests_labels(tmp_path: Path) -> None:
    arff_path, xml_path = write(tmp_path, SMALL, [])
    xml_path.write_text(
        '<labels><label name="TAG_web"><label name="TAG_m\xfasica"/></label></labels>', "utf-8"
    )
    assert read_mulan(arff_path, xml_path).labels == ("m\xfasica", "web")


@given(data=st.data(), row_count=st.integers(0, 8), column_count=st.integers(1, 9))
def test_any_sparse_table_is_read_back(data: st.DataObject, row_count: int, column_count: int) -> None:
    words = st.text("abcxyz\xe9\xff\\~#.+-_0123456789?", min_size=1, max_size=6)
    names = data.draw(st.lists(words, min_size=column_count, max_size=column_count, unique=True))
    is_label = data.draw(hnp.arrays(np.bool_, column_count).filter(lambda mask: bool(mask.any())))
    names = [f"TAG_{name}" if label else name for name, label in zip(names, is_label, strict=True)]
    numbers = st.floats(-1e6, 1e6, width=32)
    table: NDArray[np.float32] = data.draw(
        hnp.arrays(np.float32, (row_count, column_count), elements=numbers)
    )
    table[:, is_label] = table[:, is_label] > 0
    lines = ["@relation generated"]
    lines += [
        f"@attribute {name} {'{0,1}' if label else 'numeric'}"
        for name, label in zip(names, is_label, strict=True)
    ]
    lines.append("@data")
    for row in table:
        entries = [
            f"{column} {int(row[column]) if is_label[column] else float(row[column])!r}"
            for column in np.flatnonzero(row)
        ]
        lines.append("{" + ",".join(entries) + "}")
    header = [name for name, label in zip(names, is_label, strict=True) if label]
    with tempfile.TemporaryDirectory() as folder:
        read = read_mulan(*write(Path(folder), "\n".join(lines) + "\n", header[::-1]))
    assert read.labels == tuple(name.removeprefix("TAG_") for name in header)
    np.testing.assert_array_equal(read.features, table[:, ~is_label])
    np.testing.assert_array_equal(read.targets, table[:, is_label] == 1)


@given(damage=st.text(st.characters(codec="latin-1"), max_size=12), position=st.integers(0, len(SMALL)))
def test_a_damaged_file_is_read_or_refused_never_crashed_on(damage: str, position: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), SMALL[:position] + damage + SMALL[position + len(damage) :], ["TAG_web"])
        try:
            table = read_mulan(*paths)
        except DesireEdgeError as error:
            assert "pages." in str(error)
        else:
            assert np.isfinite(table.features).all() and table.targets.shape[1] == 1


@pytest.mark.parametrize(
    ("found", "replacement", "message"),
    [
        ("{2 1}", "{9 1}", "line 12: not valid sparse ARFF"),
        ("{2 1}", "{2 7}", "line 12: not valid sparse ARFF"),
        ("{2 1}", "{2 %s}", "line 12: not valid sparse ARFF"),
        ("{2 1}", "0,0,1,0", "line 12: not valid sparse ARFF"),
        ("caf\xe9 {0,1}", "caf\xe9 {0,1,red}", "'caf\xe9' holds words, 0, 1, red; only numbers"),
        ("{2 1}", "{1 many}", "line 12: not valid sparse ARFF"),
        ("{2 1}", "{2 ?}", "data row 3: every value must be a number"),
        ("{2 1}", "{1 nan}", "data row 3: a value is not a finite"),
        ("{2 1}", "{1 1e300}", "data row 3: a value is not a finite"),
        ("weight numeric", "weight string", "'weight' holds strings"),
        ("caf\xe9 {0,1}", "caf\xe9 {1,0}", "the first must be 0"),
        ("web {0,1}\n", "web numeric\n", "data row 1: the label 'TAG_web' is 3"),
        ("@data", "@nothing", "not valid sparse ARFF"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, found: str, replacement: str, message: str) -> None:
    text = SMALL.replace(found, replacement).replace("3 1}", "3 3}" if "numeric" in replacement else "3 1}")
    with pytest.raises(DesireEdgeError, match=r"pages\.arff") as caught:
        read_mulan(*write(tmp_path, text, ["TAG_web", "TAG_m\xfasica"]))
    assert message in str(caught.value)


def test_a_header_of_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match=r"pages\.xml names the label 'TAG_cats', which is no column"):
        read_mulan(*write(tmp_path, SMALL, ["TAG_web", "TAG_cats"]))


@pytest.mark.parametrize(
    ("xml", "message"), [("<labels><label", "not valid XML"), ("<labels/>", "names no labels")]
)
def test_a_bad_header_is_refused(tmp_path: Path, xml: str, message: str) -> None:
    arff_path, xml_path = write(tmp_path, SMALL, [])
    xml_path.write_text(xml)
    with pytest.raises(DesireEdgeError, match=message):
        read_mulan(arff_path, xml_path)


@pytest.mark.parametrize("gone", ["pages.arff", "pages.xml"])
def test_a_missing_file_is_named(tmp_path: Path, gone: str) -> None:
    paths = write(tmp_path, SMALL, ["TAG_web"])
    (tmp_path / gone).unlink()
    with pytest.raises(DesireEdgeError, match=f"cannot read .*{gone}: No such file"):
        read_mulan(*paths)


DENSE = """\
@relation 'emotions: -C 2'
@attribute loudness numeric
@attribute major {NO,YES}
@attribute amazed {0,1}
@attribute "quiet still" {0,1}
@data
% rows
0.5,YES,1,0
-1,NO,0,1
"""


def test_dense_files_are_read_too(tmp_path: Path) -> None:
    table = read_mulan(*write(tmp_path, DENSE, ["amazed", "quiet still"]))
    assert table.labels == ("amazed", "quiet still")
    np.testing.assert_array_equal(table.features, np.array([[0.5, 1], [-1, 0]], np.float32))
    np.testing.assert_array_equal(table.targets, [[True, False], [False, True]])


@pytest.mark.parametrize("given", ["pages.arff", "pages.xml", ""])
def test_either_file_or_the_folder_is_the_data_set(given: str, tmp_path: Path) -> None:
    write(tmp_path, SMALL, ["TAG_m\xfasica", "TAG_web"])
    read = read_examples(tmp_path / given)
    assert [row.labels for row in read.rows] == [("web",), (), ("m\xfasica",)]
    assert (read.features, read.feature_names) == (2, ("caf\xe9", "weight"))
    dataset = load_dataset(str(tmp_path / given))
    assert dataset.features is not None and dataset.feature_names == read.feature_names
    np.testing.assert_array_equal(dataset.features, np.array([[1, 2.5], [0, 0], [0, 0]], np.float32))


def test_parts_are_splits_and_a_part_alone_is_not(tmp_path: Path) -> None:
    arff_path, _ = write(tmp_path, SMALL, ["TAG_web"])
    for part in ("train", "test"):
        (tmp_path / f"pages-{part}.arff").write_bytes(arff_path.read_bytes())
    with pytest.raises(DesireEdgeError, match=r"holds pages\.arff and its parts"):
        read_examples(tmp_path)
    arff_path.unlink()
    assert [row.split for row in read_examples(tmp_path).rows] == ["train"] * 3 + ["test"] * 3
    assert [row.split for row in read_examples(tmp_path / "pages-test.arff").rows] == [None] * 3
    (tmp_path / "pages.xml").unlink()
    with pytest.raises(DesireEdgeError, match=r"needs one pair of files, NAME\.arff and NAME\.xml"):
        read_examples(tmp_path / "pages-test.arff")
