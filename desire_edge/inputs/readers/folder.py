"""Folders of examples: metadata, and the files it names, or texts of its own.

`metadata.jsonl` and `metadata.csv` are read by the rules of every client, unless columns are named: then, and in
`metadata.parquet`, as the same table elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from desire_edge.inputs.examples import Examples, Request, Row, Stored, checked_labels
from desire_edge.inputs.files import check_kind
from desire_edge.inputs.folder import METADATA, Folder, optional_names
from desire_edge.inputs.readers import csv, jsonl, parquet
from desire_edge.inputs.readers.records import examples

NAME = f"a folder with {', '.join(METADATA)}"


def holds(path: Path) -> bool:
    """Whether the folder at `path` has metadata."""
    return any((path / name).is_file() for name in METADATA)


def read(path: Path, request: Request) -> Examples:
    """Read the folder at `path`."""
    folder = Folder(path)
    assert folder.metadata is not None, "a folder is read that has metadata"
    if (
        folder.metadata.suffix == ".parquet"
        or request.columns.named
        or request.columns.label_separator != ";"
    ):
        read_table = {".jsonl": jsonl.read, ".csv": csv.read, ".parquet": parquet.read}[
            folder.metadata.suffix
        ]
        return read_table(folder.metadata, request)
    rows: list[Row] = []
    for place, entry in folder.entries(("labels",) if request.labelled else ()):
        request.check_count(len(rows) + 1, folder.metadata)
        found = folder.input_of(entry, place)
        if isinstance(found, Path):
            check_kind(str(found))
        raw = Stored(str(found), found) if isinstance(found, Path) else found
        labels = entry.get("labels") if request.labelled else ()
        others = [optional_names(entry, field, str(place)) for field in ("negative_labels", "known_labels")]
        positive, negative, known = checked_labels(labels, others[0], others[1], str(place))
        rows.append(Row(raw, place, positive, negative, known))
    return examples(path, tuple(rows), {"labels": "labels"}, (folder.metadata,), request)
