"""Arrow: .arrow and .feather files, and the folders that Hugging Face's `datasets` writes with `save_to_disk`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from struct import error as OutOfRange
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.files import read_json
from desire_edge.inputs.examples import Examples, Place, Request
from desire_edge.inputs.readers.features import names_by_column, numbered_names
from desire_edge.inputs.readers.parquet import placed, pyarrow_errors
from desire_edge.inputs.readers.records import Table, examples_of

ENDINGS = (".arrow", ".feather", ".ipc")
NAME = "Arrow (.arrow, .feather), or a folder that Hugging Face's datasets saved"
INFO, STATE, SPLITS = "dataset_info.json", "state.json", "dataset_dict.json"
FILE_MAGIC = b"ARROW1\0\0"  # then the same as in a stream
OLD_FEATHER = b"FEA1"
_UINT16, _INT32, _UINT32, _INT64, _BUFFER = map(Struct, ("<H", "<i", "<I", "<q", "<qq"))


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`."""
    return examples_of([_table(path, None, {}, request)], path, request)


def holds(path: Path) -> bool:
    """Whether the folder at `path` is a data set, or a dictionary of them, that `save_to_disk` wrote."""
    return (path / STATE).is_file() or bool(_splits(path))


def read_folder(path: Path, request: Request) -> Examples:
    """Read the data set in the folder at `path`, or those in its folders, each a split by its name."""
    whole = (path / STATE).is_file()
    tables = []
    for folder in [path] if whole else _splits(path):
        info = read_json(folder / INFO) if (folder / INFO).is_file() else {}
        names = names_by_column(info.get("features") if isinstance(info, dict) else None)
        tables += [
            _table(file, None if whole else folder.name, names, request) for file in _data_files(folder)
        ]
    return examples_of(tables, path, request)


def _splits(path: Path) -> list[Path]:
    return sorted(folder for folder in path.iterdir() if (folder / STATE).is_file())


def _data_files(folder: Path) -> list[Path]:
    """The files that a data set's state names, which lie in its folder."""
    state = read_json(folder / STATE)
    named = state.get("_data_files") if isinstance(state, dict) else None
    named = named if isinstance(named, list) else []
    names = [str(item.get("filename")) for item in named if isinstance(item, dict)]
    if not names or any(Path(name).name != name for name in names):
        raise DesireEdgeError(
            f"{folder / STATE} does not name the data set's .arrow files; save the data set again with save_to_disk"
        )
    if isinstance(state, dict) and state.get("_indices_data_files"):
        raise DesireEdgeError(
            f"{folder / STATE} says that only some rows count; call flatten_indices() before save_to_disk"
        )
    return [folder / name for name in names]


def _unpacked(message: Any) -> int:
    """How many bytes the compressed buffers of an IPC message say they unpack to; pyarrow has checked its layout.

    Arrow's format: in the message's header, a flatbuffer, stands where each buffer is in its body; a compressed one
    begins with its length once unpacked, an int64, or -1 where it is as it is.
    """
    content = memoryview(message.metadata)

    def field(table: int, number: int) -> int:
        """Where a table's field begins; 0 where it has none."""
        vtable = table - _INT32.unpack_from(content, table)[0]
        inside = 4 + 2 * number < _UINT16.unpack_from(content, vtable)[0]
        offset = _UINT16.unpack_from(content, vtable + 4 + 2 * number)[0] if inside else 0
        return table + offset if offset else 0

    def follow(place: int) -> int:
        return place + int(_UINT32.unpack_from(content, place)[0])

    if message.type not in ("record batch", "dictionary"):
        return 0
    batch = follow(field(follow(0), 2))
    if message.type == "dictionary":
        batch = follow(field(batch, 1))
    buffers = field(batch, 2)
    if not buffers or not field(batch, 3):  # the buffers' compression
        return 0
    first = follow(buffers) + 4
    last = first + _BUFFER.size * _UINT32.unpack_from(content, first - 4)[0]
    try:
        return sum(
            max(_INT64.unpack_from(message.body, offset)[0], 0)
            for offset, length in _BUFFER.iter_unpack(content[first:last])
            if length
        )
    except OutOfRange:
        raise ValueError("a buffer lies outside its message") from None


def _table(path: Path, split: str | None, names: dict[str, list[str]], request: Request) -> Table:
    with pyarrow_errors(path, "Arrow"):
        import pyarrow
        import pyarrow.feather

        request.check_bytes(path.stat().st_size, path)
        with path.open("rb") as file:
            magic = file.read(len(FILE_MAGIC))
        if magic.startswith(OLD_FEATHER):
            batches = pyarrow.feather.read_table(path, memory_map=False).to_batches()
            schema = batches[0].schema if batches else pyarrow.schema([])
        else:
            source = pyarrow.memory_map(str(path))
            start = len(FILE_MAGIC) if magic == FILE_MAGIC else 0
            source.seek(start)
            if request.max_bytes is not None:
                messages = pyarrow.ipc.MessageReader.open_stream(source)
                request.check_bytes(sum(_unpacked(message) for message in messages), path)
                source.seek(start)
            batches = pyarrow.ipc.open_stream(source)
            schema = batches.schema
        columns, numbered = schema.names, {**names, **numbered_names(schema.metadata)}

    def records() -> Iterator[tuple[Place, dict[str, Any]]]:
        with pyarrow_errors(path, "Arrow"):
            yield from placed(batches, path, request)

    return Table(path, columns, records(), numbered, split)
