"""Arrow: .arrow and .feather files, and the folders that Hugging Face's `datasets` writes with `save_to_disk`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
FILE_MAGIC = b"ARROW1"
OLD_FEATHER = b"FEA1"


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


def _table(path: Path, split: str | None, names: dict[str, list[str]], request: Request) -> Table:
    with pyarrow_errors(path, "Arrow"):
        import pyarrow
        import pyarrow.feather

        with path.open("rb") as file:
            magic = file.read(len(FILE_MAGIC))
        if magic.startswith(OLD_FEATHER):
            batches = pyarrow.feather.read_table(path, memory_map=False).to_batches()
            schema = batches[0].schema if batches else pyarrow.schema([])
        elif magic == FILE_MAGIC:
            opened = pyarrow.ipc.open_file(pyarrow.memory_map(str(path)))
            schema, batches = opened.schema, (opened.get_batch(i) for i in range(opened.num_record_batches))
        else:
            stream = pyarrow.ipc.open_stream(pyarrow.memory_map(str(path)))
            schema, batches = stream.schema, stream

    def records() -> Iterator[tuple[Place, dict[str, Any]]]:
        with pyarrow_errors(path, "Arrow"):
            yield from placed(batches, path, request)

    return Table(path, schema.names, records(), {**names, **numbered_names(schema.metadata)}, split)
