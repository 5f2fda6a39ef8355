"""The lexicon's file: one safetensors file whose tables are read in place through a memory map.

| tensor      | dtype, shape          | holds                                                             |
|-------------|-----------------------|-------------------------------------------------------------------|
| `words`     | uint8 [bytes]         | the folded words in UTF-8, end to end, sorted by their bytes      |
| `offsets`   | uint32 [n + 1]        | where word i begins; the last entry is the length of `words`      |
| `ranks`     | uint32 [n]            | word i's rank, 0 the most frequent; a permutation of 0 .. n - 1   |
| `vectors.k` | int8 [rows_k, dim_k]  | source k's distinct vectors, each divided by its scale            |
| `scales.k`  | float32 [rows_k]      | the scale of each row of `vectors.k`                              |
| `rows.k`    | uint16 or uint32 [n]  | 1 + word i's row in `vectors.k`; 0: source k does not know it     |

The metadata's one entry, `lexicon`, is JSON: {"schema": 1, "sources": [{"name", "dim", "norm"}, ...]}, where `norm` is
the mean norm of that source's vectors over its words here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from desire_edge.errors import DesireEdgeError

SCHEMA = 1
_DTYPES = {"U8": np.uint8, "I8": np.int8, "U16": np.uint16, "U32": np.uint32, "F32": np.float32}
_RANGE = 1e-9, 1e9  # of scales and norms, so that float32 neither overflows nor loses a vector
_PREFIX = 8  # bytes of a word compared at once when the order is checked


@dataclass(frozen=True, eq=False)
class SourceTable:
    """One source's part of every vector: the distinct rows, their scales, and each word's row."""

    name: str
    norm: float
    vectors: NDArray[np.int8]
    scales: NDArray[np.float32]
    rows: NDArray[Any]

    @property
    def dim(self) -> int:
        """Dimensions of this source."""
        return int(self.vectors.shape[1])


@dataclass(frozen=True, eq=False)
class Tables:
    """Everything in a lexicon's file; see the module's table."""

    words: NDArray[np.uint8]
    offsets: NDArray[np.uint32]
    ranks: NDArray[np.uint32]
    sources: tuple[SourceTable, ...]


def to_tensors(tables: Tables) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the file's tensors and metadata."""
    tensors: dict[str, NDArray[Any]] = {
        "words": tables.words,
        "offsets": tables.offsets,
        "ranks": tables.ranks,
    }
    for number, source in enumerate(tables.sources):
        tensors[f"vectors.{number}"] = source.vectors
        tensors[f"scales.{number}"] = source.scales
        tensors[f"rows.{number}"] = source.rows
    sources = [{"name": source.name, "dim": source.dim, "norm": source.norm} for source in tables.sources]
    # One entry, because safetensors writes several in a random order and equal lexicons shall be equal files.
    return tensors, {"lexicon": json.dumps({"schema": SCHEMA, "sources": sources})}


def map_tables(path: Path) -> Tables:
    """Map the file at `path` and check everything a look-up relies on; the tables themselves are not copied.

    Raises `DesireEdgeError` if the file cannot be read, is not a whole lexicon of this schema, or a table's dtype,
    shape, order or range is wrong, so that no look-up can leave the tables.
    """
    try:
        with safe_open(path, framework="numpy") as file:  # checks the header, overlaps and the file's length
            metadata = file.metadata() or {}
        content = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except (OSError, ValueError, SafetensorError) as error:
        raise DesireEdgeError(
            f"cannot read the lexicon {path}: {error}; export or copy it again", "lexicon"
        ) from error
    if "lexicon" not in metadata:
        raise DesireEdgeError(
            f"{path} is a safetensors file but not a lexicon; give the one that export wrote", "lexicon"
        )
    try:
        return _read(content, metadata["lexicon"])
    except (_BadTableError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DesireEdgeError(
            f"the lexicon {path} is damaged: {error}; export or copy it again", "lexicon"
        ) from error
    except _OtherSchemaError as error:
        raise DesireEdgeError(
            f"the lexicon {path} has schema {error} and this version reads {SCHEMA}; "
            "install the version of desire-edge that wrote it, or export it again",
            "lexicon",
        ) from error


class _BadTableError(Exception):
    """What is wrong with one table."""


class _OtherSchemaError(Exception):
    """The schema found."""


def _require(condition: bool, complaint: str) -> None:
    if not condition:
        raise _BadTableError(complaint)


def _read(content: NDArray[np.uint8], metadata: str) -> Tables:
    description = json.loads(metadata)
    if description["schema"] != SCHEMA:
        raise _OtherSchemaError(repr(description["schema"]))
    length = int.from_bytes(content[:8].tobytes(), "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + length].tobytes())
    start = 8 + length

    def table(name: str, dtypes: tuple[str, ...], dimensions: int) -> NDArray[Any]:
        _require(name in header, f"the table {name!r} is missing")
        dtype, shape = header[name]["dtype"], header[name]["shape"]
        _require(
            dtype in dtypes and len(shape) == dimensions,
            f"the table {name!r} is {dtype} {shape}, expected {' or '.join(dtypes)} of {dimensions} dimension(s)",
        )
        first, last = header[name]["data_offsets"]
        return content[start + first : start + last].view(_DTYPES[dtype]).reshape(shape)

    words, offsets = table("words", ("U8",), 1), table("offsets", ("U32",), 1)
    count = len(offsets) - 1
    _require(count >= 1, "it holds no word")
    _check_words(words, offsets)
    ranks = table("ranks", ("U32",), 1)
    _require(len(ranks) == count, f"it has {len(ranks)} ranks for {count} words")
    _require(
        int(ranks.max()) < count and int(np.bincount(ranks, minlength=count).max()) == 1,
        "its ranks are not the numbers 0 to n - 1",
    )
    sources = tuple(
        SourceTable(
            name=str(source["name"]),
            norm=float(source["norm"]),
            vectors=table(f"vectors.{number}", ("I8",), 2),
            scales=table(f"scales.{number}", ("F32",), 1),
            rows=table(f"rows.{number}", ("U16", "U32"), 1),
        )
        for number, source in enumerate(description["sources"])
    )
    known = np.zeros(count, bool)
    for number, source in enumerate(sources):
        _check_source(source, number, count)
        known |= source.rows > 0
    dims = [source["dim"] for source in description["sources"]]
    _require([source.dim for source in sources] == dims, "its vectors are not as wide as its metadata says")
    _require(sum(dims) >= 2, "its vectors have fewer than two dimensions")
    _require(bool(known.all()), "a word has no vector")
    return Tables(words, offsets, ranks, sources)


def _check_source(source: SourceTable, number: int, count: int) -> None:
    rows = len(source.vectors)
    low, high = _RANGE
    _require(low <= source.norm <= high, f"the norm of source {number} is not between {low} and {high}")
    _require(
        len(source.scales) == rows, f"the tables 'vectors.{number}' and 'scales.{number}' differ in length"
    )
    _require(
        bool(np.all((source.scales >= low) & (source.scales <= high))),
        f"the table 'scales.{number}' holds a scale that is not between {low} and {high}",
    )
    _require(len(source.rows) == count, f"the table 'rows.{number}' does not have one entry for each word")
    _require(int(source.rows.max()) <= rows, f"the table 'rows.{number}' points past the {rows} rows")


def _check_words(words: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> None:
    """Check that the words are whole UTF-8 strings in strictly increasing byte order."""
    _require(int(offsets[0]) == 0 and int(offsets[-1]) == len(words), "its offsets do not span the words")
    starts = offsets[:-1].astype(np.int64)
    lengths = np.diff(offsets.astype(np.int64))
    _require(bool(np.all(lengths > 0)), "its word offsets do not increase")
    whole = words.tobytes()
    whole.decode()
    _require(bool(np.all((words[starts] & 0xC0) != 0x80)), "a word begins within a character")
    # Compare neighbours by their first 8 bytes, all at once; where those are equal, one by one.
    padded = np.concatenate([words, np.zeros(_PREFIX, np.uint8)])
    prefixes = np.lib.stride_tricks.sliding_window_view(padded, _PREFIX)[starts]
    prefixes[np.arange(_PREFIX) >= lengths[:, None]] = 0
    keys = prefixes.view(">u8")[:, 0].astype(np.uint64)
    _require(bool(np.all(keys[:-1] <= keys[1:])), "its words are not sorted")
    for index in np.flatnonzero(keys[:-1] == keys[1:]).tolist():
        first, second, third = offsets[index : index + 3].tolist()
        _require(whole[first:second] < whole[second:third], "its words are not sorted")
