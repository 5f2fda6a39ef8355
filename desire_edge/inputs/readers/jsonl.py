"""JSON Lines: one object an example, its keys the columns."""

from __future__ import annotations

from pathlib import Path

from desire_edge.inputs.examples import Examples, Request
from desire_edge.inputs.files import text_of
from desire_edge.inputs.lines import read_lines
from desire_edge.inputs.readers.records import Table, examples_of

ENDINGS = (".jsonl", ".ndjson")
NAME = "JSON Lines (.jsonl)"


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`, UTF-8; blank lines are skipped."""
    records = []
    for place, record in read_lines(text_of(request.content(path), str(path)), str(path)):
        records.append((place, record))
        request.check_count(len(records), path)
    columns = list(dict.fromkeys(key for _, record in records for key in record))
    return examples_of([Table(path, columns, records)] if records else [], path, request)
