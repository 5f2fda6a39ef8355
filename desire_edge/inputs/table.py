"""Comma-separated values, by RFC 4180, as spreadsheets write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Place

SEPARATORS = ",;\t"
"""What may stand between fields: a comma, a semicolon where the comma is decimal, a tab."""


class _BrokenError(Exception):
    """The line on which the text stops being CSV."""


def read_table(
    text: str, needed: Sequence[str | Sequence[str]], where: str
) -> Iterator[tuple[Place, dict[str, str]]]:
    """Each row after the first, by the first one's columns, and its place in the file `where`. Blank lines are
    skipped.

    Each of `needed` is a column, or several of which one must be there. The separator is the first that gives a header
    with the first of the `needed` columns.

    Raises:
        DesireEdgeError: a needed column is not there, a row has another number of fields, or a quote is not closed,
            doubled or around a whole field.
    """
    groups = [(item,) if isinstance(item, str) else item for item in needed]
    header, rows = open_table(text, lambda columns: bool({*groups[0]} & {*columns}), where)
    if not all({*group} & {*header} for group in groups):
        wanted = (group[0] + "".join(f" (or {other})" for other in group[1:]) for group in groups)
        raise DesireEdgeError(
            f"{where} needs a first line with the columns {' and '.join(wanted)}, separated by commas, semicolons "
            "or tabs",
            "columns",
        )
    return ((Place(where, line), row) for line, row in rows)


def open_table(
    text: str, fits: Callable[[Sequence[str]], bool], where: str
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns that the first row names, and each row after it by these, with the line it begins on.

    The separator is the first that gives a header which `fits`, else the one that gives the most columns. Raises what
    `read_table` does, a row's mistakes when it is taken.
    """
    best: tuple[list[str], Iterator[tuple[int, list[str]]]] = [], iter(())
    for separator in SEPARATORS:
        rows = _rows(text, separator)
        try:
            header = next(rows, (0, []))[1]
        except _BrokenError:
            continue
        if len(header) > len(best[0]) or fits(header):
            best = header, rows
        if fits(header):
            break
    return best[0], _by_column(*best, where)


def _by_column(
    header: list[str], rows: Iterator[tuple[int, list[str]]], where: str
) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        for line, row in rows:
            if len(row) != len(header):
                raise DesireEdgeError(
                    f"{where}, line {line} has not as many fields as the first line; quote what holds the character "
                    "between fields",
                    "csv",
                )
            yield line, dict(zip(header, row, strict=True))
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
