"""Folders of examples: `metadata.jsonl` or `metadata.csv`, and the files it names; the rules of every client."""

from __future__ import annotations

import os
import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from desire_edge.errors import CONTROL, DesireEdgeError, shown
from desire_edge.inputs.examples import Place
from desire_edge.inputs.files import MAX_FILE_BYTES, read_bounded, text_of
from desire_edge.inputs.lines import read_lines
from desire_edge.inputs.names import MAX_NAME, list_of_names
from desire_edge.inputs.table import read_table
from desire_edge.lexicon.characters import SPACE, normalize

METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")
INPUTS = ("file_name", "text")
LISTS = ("labels", "negative_labels", "known_labels")


def read_known_labels(path: Path) -> dict[Path, tuple[str, ...]]:
    """The `known_labels` that the metadata of a folder give files in it; none where it has no metadata.

    Raises:
        DesireEdgeError: metadata that cannot be read, or an entry with `known_labels` whose file is not in the folder.
    """
    folder = Folder(path)
    found: dict[Path, tuple[str, ...]] = {}
    for place, entry in folder.entries(()):
        known = optional_names(entry, "known_labels", str(place))
        if known and folder.text_of(entry, place) is None:
            found[folder.file_of(entry, place)] = known
    return found


def optional_names(entry: Mapping[str, Any], field: str, where: str) -> tuple[str, ...]:
    """Checked names from a field that may be absent, null or empty."""
    value = entry.get(field)
    return () if value in (None, "") else list_of_names(value, field, where)


class Folder:
    """A folder of examples.

    Attributes:
        metadata: the file that names the examples; None if there is none.
    """

    def __init__(self, path: Path, max_bytes: int | None = MAX_FILE_BYTES) -> None:
        """Look for the metadata in the folder at `path`, which may have one such file, of so many bytes."""
        found = [path / name for name in METADATA if (path / name).is_file()]
        if len(found) > 1:
            raise DesireEdgeError(
                f"the folder {path} holds both {' and '.join(file.name for file in found)}; keep one of them",
                "metadata-both",
            )
        self.metadata = found[0] if found else None
        self._files = Contents(path)
        self._max_bytes = max_bytes

    def entries(self, columns: Sequence[str]) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Each entry with its place; a CSV file must have these columns, and one of `file_name` and `text`."""
        if self.metadata is None:
            return
        text = text_of(read_bounded(self.metadata, self._max_bytes), str(self.metadata))
        if self.metadata.suffix != ".csv":
            yield from read_lines(text, str(self.metadata))
            return
        for place, row in read_table(text, (INPUTS, *columns), str(self.metadata)):
            cells = ((field, row.get(field, "")) for field in LISTS)
            names = {field: cell.split(";") if cell.strip(SPACE) else [] for field, cell in cells}
            yield place, {**{name: row[name] for name in INPUTS if row.get(name)}, **names}

    def file_of(self, entry: Mapping[str, Any], place: Place) -> Path:
        """The file that an entry names; paths and links that lead out of the folder are refused."""
        return self._files.file(entry.get("file_name"), "file_name", str(place))

    def text_of(self, entry: Mapping[str, Any], place: Place) -> str | None:
        """The text of an entry that has one and names no file; None where the example is a file."""
        text = entry.get("text")
        if text is None or entry.get("file_name") not in (None, ""):
            return None
        if not isinstance(text, str) or not text.strip(SPACE):
            raise DesireEdgeError(
                f"{place}: the text must be a string that is not blank, and is {reprlib.repr(text)}",
                "input-type",
            )
        return text


class Contents:
    """The files of the folder at `path`, by what tables call them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def file(self, name: Any, column: str, where: str) -> Path:
        """The file called `name`; paths and links that lead out of the folder are refused."""
        if not isinstance(name, str) or not name:
            raise DesireEdgeError(f"{where} has no {column}", "file-name")
        outside = DesireEdgeError(
            f"{where}: {name[:MAX_NAME]} lies outside the folder of the metadata; copy it into that folder",
            "file-outside",
        )
        try:
            if CONTROL.search(name):
                raise ValueError
            inside = _parts(name)
            if inside is None:
                raise outside
            path = self._path.joinpath(*inside)
            if not path.is_file():
                path = self._by_composed_path.get(normalize("/".join(inside), "NFC"), path)
            exists = path.is_file()
            if not path.resolve().is_relative_to(self._path.resolve()):
                raise outside
        except (OSError, ValueError, RuntimeError):  # too long, half a character, links in a circle
            raise DesireEdgeError(
                f"{where}: '{shown(name[:MAX_NAME])}' is no file name", "file-name"
            ) from None
        if not exists:
            raise DesireEdgeError(f"{where}: the folder holds no file {name}", "file-missing")
        return path

    @cached_property
    def _by_composed_path(self) -> dict[str, Path]:
        """The folder's files by their composed path in it: some systems store names decomposed."""
        paths = (
            Path(folder, name).relative_to(self._path)
            for folder, _, names in os.walk(self._path)
            for name in names
        )
        return {normalize(path.as_posix(), "NFC"): self._path / path for path in sorted(paths, reverse=True)}


def _parts(name: str) -> list[str] | None:
    """The parts of a name of a file within the folder, written for any system; None where it leads out."""
    name = name.replace("\\", "/")
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return None
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return parts
