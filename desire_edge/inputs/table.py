"""Comma-separated values, by RFC 4180, as spreadsheets write them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from desire_edge.errors import DesireEdgeError

SEPARATORS = ",;\t"
"""What may stand between fields: a comma, a semicolon where the comma is decimal, a tab."""


class _BrokenError(Exception):
    """The line on which the text stops being CSV."""


def read_table(text: str, needed: Sequence[str], where: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row after the first, by the first one's columns, and its place, "FILE, line N". Blank lines are skipped.

    The separator is the first that gives a header with the first of the `needed` columns.

    Raises:
        DesireEdgeError: a needed column is not there, a row has another number of fields, or a quote is not closed,
            doubled or around a whole field.
    """
    header: list[str] = []
    for separator in SEPARATORS:
        rows = _rows(text, separator)
        try:
            header = next(rows, (0, header))[1]
        except _BrokenError:
            continue
        if needed[0] in header:
            break
    if not set(needed) <= set(header):
        raise DesireEdgeError(
            f"{where} needs a first line with the columns {' and '.join(needed)}, separated by commas, semicolons or "
            "tabs",
            "columns",
        )
    try:
        for line, row in rows:
            if len(row) != len(header):
                raise DesireEdgeError(
                    f"{where}, line {line} has not as many fields as the first line; quote what holds the character "
                    "between fields",
                    "csv",
                )
            yield f"{where}, line {line}", dict(zip(header, row, strict=True))
    except _BrokenError as error:
        raise DesireEdgeError(
            f"{where}, line {error} is not valid CSV: a quote is not closed, doubled or around a whole field",
            "csv",
        ) from error


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, and the line it begins on."""
    field = re.compile(rf'(?:"((?:[^"]++|"")*+)"|([^"{separator}\r\n]*+))({separator}|\r\n|\r|\n|\Z)')
    at, line, begun = 0, 1, 1
    row: list[str] = []
    while at < len(text) or row:
        found = field.match(text, at)
        if found is None:
            raise _BrokenError(line)
        quoted, plain, end = found.groups()
        row.append(plain if quoted is None else quoted.replace('""', '"'))
        at = found.end()
        line += len(re.findall(r"\r\n|\r|\n", found[0]))
        if end != separator:
            if row != [""] or quoted is not None:
                yield begun, row
            row, begun = [], line
