"""Files and folders of examples, a module a format: any of them to the same `Examples`.

A new format is a module here and its name in `FILES` or `FOLDERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Columns, Examples, Request
from desire_edge.inputs.readers import arrays, arrow, csv, folder, jsonl, mulan, parquet, svmlight

Read = Callable[[Path, Request], Examples]


@dataclass(frozen=True)
class Format:
    """A format of files.

    Attributes:
        endings: of its files, in small letters, with their dots.
        name: what people call it.
        read: reads the file at a path.
    """

    endings: tuple[str, ...]
    name: str
    read: Read


FILES = tuple(
    Format(each.ENDINGS, each.NAME, each.read)
    for each in (jsonl, csv, parquet, arrow, arrays, svmlight, mulan)
)
FOLDERS: tuple[tuple[Callable[[Path], bool], Read], ...] = (
    (folder.holds, folder.read),
    (arrow.holds, arrow.read_folder),
    (mulan.holds, mulan.read),
    (parquet.holds, parquet.read_folder),
    (folder.holds_classes, folder.read_classes),
)
"""Whether a folder is of a format, and what reads it then; the first counts."""
HOW_TO_MEND = f"use {', '.join(each.name for each in FILES)}, or {folder.NAME}"


def read_examples(
    path: Path | str, columns: Columns | None = None, request: Request | None = None
) -> Examples:
    """Read the examples in a file or folder of any format.

    Args:
        path: the file, whose ending says its format, or the folder.
        columns: which columns hold what; those not named are found.
        request: what else is asked; `columns` counts before its own.

    Raises:
        DesireEdgeError: it is not there, of no known format, or not in it: names the file, the line or row, the column
            and how to mend it.
    """
    path = Path(path)
    request = request or Request()
    if columns is not None:
        request = Request(columns, request.labelled, request.max_examples, request.max_bytes)
    if path.is_dir():
        for holds, read in FOLDERS:
            if holds(path):
                return read(path, request)
        raise DesireEdgeError(
            f"the folder {path} holds neither metadata.jsonl nor metadata.csv nor another data set; write one of them, "
            "with an entry an example, or put each file into a folder that is called as its label, and no file beside "
            "these",
            "metadata-none",
        )
    if not path.exists():
        raise DesireEdgeError(f"cannot read {path}: No such file or directory")
    if (reader := format_of(path)) is None:
        raise DesireEdgeError(f"{path} is no file of examples that can be read; {HOW_TO_MEND}", "file-kind")
    return reader.read(path, request)


def is_data_set(path: Path) -> bool:
    """Whether the folder at `path` is a data set that is more than files with metadata.jsonl or metadata.csv."""
    tables = any((path / name).is_file() for name in ("metadata.jsonl", "metadata.csv"))
    return not tables and any(holds(path) for holds, _ in FOLDERS)


def format_of(path: Path) -> Format | None:
    """The format of a file, by its ending; None if there is none."""
    return next((each for each in FILES if path.suffix.lower() in each.endings), None)
