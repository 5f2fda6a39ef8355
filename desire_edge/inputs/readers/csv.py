"""Comma-separated values, and those that semicolons or tabs separate: a first line with the names of the columns."""

from __future__ import annotations

from pathlib import Path

from desire_edge.inputs.examples import Examples, Place, Request
from desire_edge.inputs.files import text_of
from desire_edge.inputs.readers.columns import fits
from desire_edge.inputs.readers.records import Table, examples_of
from desire_edge.inputs.table import open_table

ENDINGS = (".csv", ".tsv")
NAME = "CSV (.csv, .tsv)"


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`, UTF-8, by RFC 4180; which character separates the fields is found."""
    text = text_of(request.content(path), str(path))
    header, rows = open_table(text, lambda columns: fits(columns, request.columns), str(path))
    records = ((Place(str(path), line), row) for line, row in rows)
    return examples_of([Table(path, header, records)], path, request)
