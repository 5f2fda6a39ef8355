"""From records, cells by column as every table has them, to examples."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request, Row, Stored, checked_labels
from desire_edge.inputs.files import check_kind
from desire_edge.inputs.folder import Contents
from desire_edge.inputs.readers.columns import Chosen, choose
from desire_edge.inputs.readers.labels import label_warnings, marked, names_of
from desire_edge.inputs.spec import RawInput
from desire_edge.lexicon.characters import SPACE

# How the files begin that a table may hold without their names.
MAGIC = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg"}


@dataclass(frozen=True)
class Table:
    """Records of one file.

    Attributes:
        path: the file.
        columns: the names of its columns.
        records: each record's place and cells by column; what a record lacks is None.
        numbered: names of labels that stand as numbers, by column.
        split: the part that all of the file is of, where a folder says so.
    """

    path: Path
    columns: Sequence[str]
    records: Iterable[tuple[Place, Mapping[str, Any]]]
    numbered: Mapping[str, Sequence[str]] = field(default_factory=dict)
    split: str | None = None


def examples_of(tables: Sequence[Table], path: Path, request: Request) -> Examples:
    """The examples of one or more tables, which are one data set at `path`.

    Raises:
        DesireEdgeError: names the file, the line or row, the column and how to mend it.
    """
    rows: list[Row] = []
    found: dict[str, str] = {}
    named: list[str] = []
    for table in tables:
        where = str(table.path)
        chosen = choose(table.columns, request.columns, labelled=request.labelled, where=where)
        found |= chosen.to_json()
        if request.labelled:
            named += chosen.labels if len(chosen.labels) > 1 else table.numbered.get(chosen.labels[0], ())
        folder = Contents(table.path.parent)
        for place, record in table.records:
            rows.append(_row(place, record, chosen, table, folder, request))
            request.check_count(len(rows), path)
    read = examples(path, tuple(rows), found, tuple(table.path for table in tables), request)
    return replace(read, label_names=tuple(dict.fromkeys(named)))


def examples(
    path: Path, rows: tuple[Row, ...], found: Mapping[str, str], files: tuple[Path, ...], request: Request
) -> Examples:
    """The examples with what looks wrong with their labels."""
    warnings = label_warnings([row.labels for row in rows], request.columns.label_separator, path)
    return Examples(path, rows, found, files, warnings)


def _row(
    place: Place,
    record: Mapping[str, Any],
    chosen: Chosen,
    table: Table,
    folder: Contents,
    request: Request,
) -> Row:
    """One record as an example."""
    raw = _raw(place, record, chosen, folder)
    group, split = (
        word(record.get(column), column, place) if column else None for column in (chosen.group, chosen.split)
    )
    row = Row(raw, place, group=group, split=split or table.split)

    def names(column: str) -> Any:
        where = f"{place}, column {column}"
        separator = request.columns.label_separator
        return names_of(record.get(column), separator, table.numbered.get(column, ()), where)

    if not request.labelled:
        _, _, known = checked_labels((), (), names(chosen.known) if chosen.known else (), str(place))
        return replace(row, known_labels=known)
    if len(chosen.labels) > 1:
        labels = [name for name in chosen.labels if marked(record.get(name), name, str(place))]
    else:
        labels = names(chosen.labels[0])
    others = [names(column) if column else [] for column in (chosen.negative, chosen.known)]
    where = f"{place}, column {chosen.labels[0]}"
    positive, negative, known = checked_labels(labels, others[0], others[1], where)
    return replace(row, labels=positive, negative_labels=negative, known_labels=known)


def _raw(place: Place, record: Mapping[str, Any], chosen: Chosen, folder: Contents) -> RawInput | Stored:
    """What the example is: the file, the vector or the text of a record."""
    cell = record.get(chosen.file) if chosen.file else None
    if chosen.file and (cell or not chosen.text):
        return stored(cell, chosen.file, place, folder)
    if chosen.vector:
        return vector(record.get(chosen.vector), f"{place}, column {chosen.vector}")
    return text(record, chosen.text, place)


def text(record: Mapping[str, Any], columns: Sequence[str], place: Place) -> str:
    """The text of a record: its columns, joined by a line break, without those that are blank."""
    parts = []
    for column in columns:
        cell = record.get(column)
        if cell is not None and not isinstance(cell, str):
            raise DesireEdgeError(
                f"{place}, column {column}: expected a text, and found {reprlib.repr(cell)}", "input-type"
            )
        parts.append(cell or "")
    *before, last = parts
    kept = [part.strip() for part in before if part.strip()]
    if last.strip(SPACE):
        kept.append(last)
    if not kept:
        raise DesireEdgeError(
            f"{place} has no text in the column {' or '.join(columns)}; give it one, or leave the example out",
            "input-missing",
        )
    return "\n".join(kept)


def vector(cell: Any, where: str) -> RawInput:
    """The numbers of a cell: a list, JSON text apart, or an object from feature to number."""
    if isinstance(cell, Mapping):
        return {name: value for name, value in cell.items() if value is not None}
    try:
        numbers = np.asarray(cell, np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros(())
    if isinstance(cell, str) or numbers.ndim != 1 or not numbers.size:
        raise DesireEdgeError(
            f"{where}: expected a list of numbers, and found {reprlib.repr(cell)}", "input-type"
        )
    return numbers


def stored(cell: Any, column: str, place: Place, folder: Contents) -> Stored:
    """A file that a cell names, or holds: Hugging Face's {"bytes": …, "path": …}, or bytes alone."""
    if isinstance(cell, Mapping):
        cell, name = (cell.get("bytes"), cell.get("path")) if cell.get("bytes") else (cell.get("path"), None)
    else:
        name = None
    if not isinstance(cell, bytes):
        path = folder.file(cell, column, str(place))
        check_kind(str(path))
        return Stored(str(path), path)
    suffix = Path(name).suffix if isinstance(name, str) else ""
    suffix = picture_ending(cell, suffix)
    where = f"{place}, column {column}{suffix}"
    check_kind(where)
    return Stored(where, cell)


def picture_ending(content: bytes, otherwise: str) -> str:
    """What the name of a picture's file ends with, by how the file begins; of what is none, `otherwise`."""
    return next((ending for magic, ending in MAGIC.items() if content.startswith(magic)), otherwise)


def word(cell: Any, column: str, place: Place) -> str | None:
    """A cell that says one thing: text, or a whole number; None for an empty one."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise DesireEdgeError(
            f"{place}, column {column}: expected a text or a whole number, and found {reprlib.repr(cell)}"
        )
    return str(cell)
