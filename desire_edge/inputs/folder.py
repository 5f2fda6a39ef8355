"""Folders of examples: `metadata.jsonl` or `metadata.csv`, and the files it names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from desire_edge.errors import CONTROL, DesireEdgeError, shown
from desire_edge.files import parse_json
from desire_edge.inputs.files import MAX_FILE_BYTES
from desire_edge.inputs.names import MAX_NAME, list_of_names

METADATA = ("metadata.jsonl", "metadata.csv")


def read_known_labels(folder: Path) -> dict[Path, tuple[str, ...]]:
    """The `known_labels` that the metadata of `folder` give files in it; none where it has no metadata.

    Raises:
        DesireEdgeError: metadata that cannot be read, or an entry with `known_labels` whose file is not in the folder.
    """
    metadata = metadata_of(folder)
    found: dict[Path, tuple[str, ...]] = {}
    for where, entry in entries(metadata, ("file_name",)) if metadata is not None else ():
        known = list_of_names(entry.get("known_labels") or (), "known_labels", where)
        if known:
            found[file_of(entry, folder, where)] = known
    return found


def metadata_of(folder: Path) -> Path | None:
    """The metadata of `folder`, if it has any."""
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise DesireEdgeError(
            f"the folder {folder} holds both metadata.jsonl and metadata.csv; keep one of them"
        )
    return found[0] if found else None


def entries(metadata: Path, columns: Sequence[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each entry with its place, "FILE, line N"; a CSV file must have these columns."""
    try:
        if metadata.stat().st_size > MAX_FILE_BYTES:
            raise DesireEdgeError(
                f"{metadata} is larger than {MAX_FILE_BYTES // 2**20} MiB, so it is not read"
            )
        text = metadata.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DesireEdgeError(f"cannot read {metadata}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DesireEdgeError(f"{metadata} is not UTF-8 text: {error}") from error
    if metadata.suffix == ".csv":
        yield from _csv_entries(metadata, columns, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: JSON strings may hold U+2028
        if not line.strip():
            continue
        where = f"{metadata}, line {number}"
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise DesireEdgeError(f"{where} is not valid JSON: {error}") from error
        if not isinstance(entry, dict):
            raise DesireEdgeError(f"{where} is not a JSON object with file_name and labels")
        yield where, entry


def _csv_entries(metadata: Path, columns: Sequence[str], text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not set(columns) <= set(reader.fieldnames or ()):
            raise DesireEdgeError(f"{metadata} needs a first line with the columns {' and '.join(columns)}")
        for row in reader:
            where = f"{metadata}, line {reader.line_num}"
            if None in row or None in row.values():
                raise DesireEdgeError(
                    f"{where} has not as many fields as the first line; separate labels by ; or quote them"
                )
            entry: dict[str, Any] = {"file_name": row["file_name"]}
            for field in ("labels", "negative_labels", "known_labels"):
                names = row.get(field, "")
                entry[field] = names.split(";") if names.strip() else []
            yield where, entry
    except csv.Error as error:
        raise DesireEdgeError(f"{metadata}, line {reader.line_num} is not valid CSV: {error}") from error


def file_of(entry: dict[str, Any], folder: Path, where: str) -> Path:
    """The file of `folder` that an entry names; paths and links that lead out of the folder are refused."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DesireEdgeError(f"{where} has no file_name")
    path = folder / name
    try:
        if CONTROL.search(name):
            raise ValueError
        inside = path.resolve().is_relative_to(folder.resolve())
        exists = path.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, links in a circle
        raise DesireEdgeError(f"{where}: '{shown(name[:MAX_NAME])}' is no file name") from None
    if not inside:
        raise DesireEdgeError(
            f"{where}: {name} lies outside the folder of the metadata; copy it into that folder"
        )
    if not exists:
        raise DesireEdgeError(f"{where}: the folder holds no file {name}")
    return path
