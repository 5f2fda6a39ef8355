"""Folders of examples: metadata, and the files it names, or texts of its own.

`metadata.jsonl` and `metadata.csv` are read by the rules of every client, unless columns are named: then, and in
`metadata.parquet`, as the same table elsewhere.
"""

from __future__ import annotations

from pathlib import Path

from desire_edge.inputs.examples import Examples, Request, Row, Stored, checked_labels
from desire_edge.inputs.files import MAX_FILE_BYTES, check_kind
from desire_edge.inputs.folder import METADATA, Folder, optional_names
from desire_edge.inputs.readers import csv, jsonl, parquet
from desire_edge.inputs.readers.columns import GROUP, SPLIT
from desire_edge.inputs.readers.records import examples, word

NAME = f"a folder with {', '.join(METADATA)}"


def holds(path: Path) -> bool:
    """Whether the folder at `path` has metadata."""
    return any((path / name).is_file() for name in METADATA)


def texts(path: Path) -> list[Row]:
    """The texts that the metadata of the folder at `path` hold themselves; none where it has no metadata."""
    folder = Folder(path)
    found = []
    for place, entry in folder.entries(()):
        if (text := folder.text_of(entry, place)) is not None:
            found.append(Row(text, place, known_labels=optional_names(entry, "known_labels", str(place))))
    return found


def read(path: Path, request: Request) -> Examples:
    """Read the folder at `path`."""
    folder = Folder(path, None if request.max_bytes is None else MAX_FILE_BYTES)
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
        raw: str | Stored | None = folder.text_of(entry, place)
        if raw is None:
            file = folder.file_of(entry, place)
            check_kind(str(file))
            raw = Stored(str(file), file)
        labels = entry.get("labels") if request.labelled else ()
        others = [optional_names(entry, field, str(place)) for field in ("negative_labels", "known_labels")]
        positive, negative, known = checked_labels(labels, others[0], others[1], str(place))
        group, split = (word(entry.get(name), name, place) for name in (GROUP, SPLIT))
        rows.append(Row(raw, place, positive, negative, known, group, split))
    there = {GROUP: any(row.group for row in rows), SPLIT: any(row.split for row in rows)}
    columns = {"labels": "labels", **{name: name for name, is_there in there.items() if is_there}}
    return examples(path, tuple(rows), columns, (folder.metadata,), request)
