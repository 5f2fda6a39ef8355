"""Parquet: files with columns, alone or, a part a split, in a folder as Hugging Face's hub has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request
from desire_edge.inputs.readers.features import numbered_names
from desire_edge.inputs.readers.records import Table, examples_of

ENDINGS = (".parquet",)
NAME = "Parquet (.parquet)"
ROWS = 1024  # read at once
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
        schema = file.schema_arrow

    def records() -> Iterator[tuple[Place, dict[str, Any]]]:
        with pyarrow_errors(path, "Parquet"):
            yield from placed((batch for batch in file.iter_batches(ROWS)), path)

    return Table(path, schema.names, records(), numbered_names(schema.metadata), split)


def placed(batches: Iterator[Any], path: Path) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Each row of the record batches, numbered from 1."""
    number = 0
    for batch in batches:
        for record in batch.to_pylist():
            number += 1
            yield Place(str(path), number, "row"), record


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
