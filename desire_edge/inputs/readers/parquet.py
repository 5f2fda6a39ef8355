"""Parquet: files with columns, alone or, a part a split, in a folder as Hugging Face's hub has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request
from desire_edge.inputs.readers.features import numbered_names
from desire_edge.inputs.readers.records import Table, examples_of

ENDINGS = (".parquet",)
NAME = "Parquet (.parquet)"
ROWS, FEW_ROWS = 1024, 16  # decoded at once; few where they come from anyone
_PART = re.compile(r"(?P<split>[A-Za-z]+)(-\d+-of-\d+)?\.parquet")


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`."""
    return examples_of([_table(path, None, request)], path, request)


def holds(path: Path) -> bool:
    """Whether the folder at `path`, or `data` in it, has Parquet files."""
    return bool(_parts(path))


def read_folder(path: Path, request: Request) -> Examples:
    """Read the files of the folder at `path`; train-00000-of-00002.parquet is a part of the split `train`."""
    tables = []
    for file in _parts(path):
        named = _PART.fullmatch(file.name)
        tables.append(_table(file, named["split"] if named else None, request))
    return examples_of(tables, path, request)


def _parts(path: Path) -> list[Path]:
    return sorted(path.glob("*.parquet")) or sorted((path / "data").glob("*.parquet"))


def _table(path: Path, split: str | None, request: Request) -> Table:
    with pyarrow_errors(path, "Parquet"):
        import pyarrow.parquet

        file = pyarrow.parquet.ParquetFile(path)
        rows = file.metadata.num_rows
        groups = (file.metadata.row_group(index) for index in range(file.metadata.num_row_groups))
        request.check_count(rows, path)
        request.check_bytes(sum(group.total_byte_size for group in groups), path)
        names, numbered = file.schema_arrow.names, numbered_names(file.schema_arrow.metadata)

    def records() -> Iterator[tuple[Place, dict[str, Any]]]:
        with pyarrow_errors(path, "Parquet"):
            yield from placed(file.iter_batches(at_once(request)), path, request)

    return Table(path, names, records(), numbered, split)


def at_once(request: Request) -> int:
    """How many rows are decoded together."""
    return ROWS if request.max_bytes is None else FEW_ROWS


def placed(batches: Iterable[Any], path: Path, request: Request) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each row of the record batches, numbered from 1.

    Both the batches and their rows may hold as much as is asked for: of a dictionary with one long text, a small batch
    has that text in every row.
    """
    number = stored = taken = 0
    for batch in batches:
        batch.validate(full=True)  # before anything is asked of it: its offsets may lead anywhere
        stored += batch.nbytes
        request.check_bytes(stored, path)
        for start in range(0, batch.num_rows, at_once(request)):
            for record in batch.slice(start, at_once(request)).to_pylist():
                number += 1
                if request.max_bytes is not None:
                    taken += _size(record)
                    request.check_bytes(taken, path)
                yield Place(str(path), number, "row"), record


def _size(cell: Any) -> int:
    """About how many bytes a cell has."""
    if isinstance(cell, str | bytes):
        return len(cell)
    if isinstance(cell, Mapping):
        return sum(map(_size, cell.values()))
    return sum(map(_size, cell)) if isinstance(cell, list) else 8


@contextmanager
def pyarrow_errors(path: Path, format_name: str) -> Iterator[None]:
    """Turn what pyarrow says of the file at `path`, or that it is missing, into a `DesireEdgeError`."""
    try:
        import pyarrow
    except ModuleNotFoundError as error:
        raise DesireEdgeError(
            f"{path} is read with pyarrow, which is not installed; pip install pyarrow, or write JSON Lines"
        ) from error
    try:
        yield
    except OSError as error:
        if error.errno is None:  # pyarrow's word for a file that is cut short or damaged
            raise DesireEdgeError(f"{path} is no {format_name} file that can be read: {error}") from error
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    except (pyarrow.ArrowException, ValueError, OverflowError, MemoryError) as error:
        reason = str(error).partition("\n")[0]
        raise DesireEdgeError(f"{path} is no {format_name} file that can be read: {reason}") from error
