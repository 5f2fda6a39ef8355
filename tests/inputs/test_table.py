"""Tables as spreadsheets write them are read back; what is none is refused with its line."""

from __future__ import annotations

import csv
import io
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge import DesireEdgeError
from desire_edge.inputs.table import read_table

NEEDED = ("file_name", "labels")
CELLS = st.text(st.sampled_from('ab ,;\t"\r\né'), max_size=6)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6),
    st.sampled_from(",;\t"),
    # Python's writer quotes no line break but its own.
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]),
)
def test_what_is_written_is_read_back(
    rows: list[tuple[str, str, str]], separator: str, form: tuple[str, Literal[0, 1]]
) -> None:
    end, quoting = form
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerows([("file_name", "note", "labels"), *rows])
    found = [row for _, row in read_table(written.getvalue(), NEEDED, "t.csv")]
    assert found == [{"file_name": a, "note": b, "labels": c} for a, b, c in rows]


@given(
    st.text(st.sampled_from('a,;\t"\r\n')), st.sampled_from(["", "file_name,labels\n", "file_name;labels\n"])
)
def test_any_text_is_read_or_refused_with_its_place(text: str, header: str) -> None:
    try:
        rows = list(read_table(header + text, NEEDED, "t.csv"))
    except DesireEdgeError as error:
        assert str(error).startswith("t.csv")
        assert error.code in ("columns", "csv")
    else:
        assert header
        assert all(set(row) == set(NEEDED) for _, row in rows)


def test_rows_have_the_line_they_begin_on() -> None:
    text = 'file_name,labels\n\na,"x\ny"\r\nb,z\n'
    assert [str(where) for where, _ in read_table(text, NEEDED, "t.csv")] == [
        "t.csv, line 3",
        "t.csv, line 5",
    ]


@pytest.mark.parametrize(
    ("rows", "line"), [("a,b\nc\n", 3), ('a,b\nc,"d\n', 3), ('"a\nb",c\nd,e"f"\n', 4), ("a,b\n\nc,d,e", 4)]
)
def test_a_broken_row_is_named(rows: str, line: int) -> None:
    with pytest.raises(DesireEdgeError, match=rf"t\.csv, line {line} ") as refused:
        list(read_table(f"file_name,labels\n{rows}", NEEDED, "t.csv"))
    assert refused.value.code == "csv"


def test_a_field_of_megabytes_is_read_in_no_time() -> None:
    for cell in ("a" * 2**22, '"' + '""' * 2**21 + '"', '"' + "a\n" * 2**21 + '"'):
        assert len(list(read_table(f"file_name,labels\n{cell},x\n", NEEDED, "t.csv"))) == 1
    with pytest.raises(DesireEdgeError, match="line 2 is not valid CSV"):
        list(read_table("file_name,labels\n" + '"a,' * 2**21, NEEDED, "t.csv"))
