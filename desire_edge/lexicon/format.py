"""The lexicon's file: one safetensors file whose tables are read in place through a memory map.

| tensor      | dtype, shape          | holds                                                             |
|-------------|-----------------------|-------------------------------------------------------------------|
| `words`     | uint8 [bytes]         | the folded words in UTF-8, end to end, sorted by their bytes      |
| `offsets`   | uint32 [n + 1]        | where word i begins; the last entry is the length of `words`      |
| `ranks`     | uint32 [n]            | word i's rank, 0 the most frequent; a permutation of 0 .. n - 1   |

The metadata's one entry, `lexicon`, is JSON. Schema 1, word vectors side by side for label names, is
{"schema": 1, "sources": [{"name", "dim", "norm"}, ...]}, where `norm` is the mean norm of that source's vectors over
its words here, and has for each source k:

| tensor      | dtype, shape          | holds                                                             |
|-------------|-----------------------|-------------------------------------------------------------------|
| `vectors.k` | int8 [rows_k, dim_k]  | source k's distinct vectors, each divided by its scale            |
| `scales.k`  | float32 [rows_k]      | the scale of each row of `vectors.k`                              |
| `rows.k`    | uint16 or uint32 [n]  | 1 + word i's row in `vectors.k`; 0: source k does not know it     |

Schema 2, a static lexicon for names and texts, is {"schema": 2, "dim": d, "norm": of a label's vector, "grams": g,
"lineage": [{"name", "version", "licence", "role"}, ...]}. A byte holds two numbers from -7 to 7, each plus 8: number 2j
in the lower half of byte j, 2j + 1 in the upper.

| tensor        | dtype, shape      | holds                                                               |
|---------------|-------------------|---------------------------------------------------------------------|
| `vectors`     | uint8 [n, d / 2]  | word i's vector, divided by its scale                               |
| `scales`      | float32 [n]       | the scale of each word's vector                                     |
| `grams`       | uint8 [g, d / 2]  | the vectors of character n-grams, by their hash                     |
| `gram_scales` | float32 [g]       | the scale of each                                                   |
| `text_mean`   | float32 [d]       | the mean vector of texts                                            |
| `name_mean`   | float32 [d]       | the mean vector of label names                                      |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.static import MEANS, Lineage, StaticTable
from desire_edge.lexicon.words import prefixes

SCHEMAS = (1, 2)
_DTYPES = {"U8": np.uint8, "I8": np.int8, "U16": np.uint16, "U32": np.uint32, "F32": np.float32}
_RANGE = 1e-9, 1e9  # of scales and norms, so that float32 neither overflows nor loses a vector
_MOST_LINEAGE = 64
_STATIC = {
    "vectors": ("U8", 2),
    "scales": ("F32", 1),
    "grams": ("U8", 2),
    "gram_scales": ("F32", 1),
    "text_mean": ("F32", 1),
    "name_mean": ("F32", 1),
}
_ZEROS = 0x88  # the byte of two zeros


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
    """Everything in a lexicon's file; see the module's tables. `vectors` are a static lexicon's or the sources'."""

    words: NDArray[np.uint8]
    offsets: NDArray[np.uint32]
    ranks: NDArray[np.uint32]
    vectors: tuple[SourceTable, ...] | StaticTable


def to_tensors(tables: Tables) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the file's tensors and metadata."""
    tensors: dict[str, NDArray[Any]] = {
        "words": tables.words,
        "offsets": tables.offsets,
        "ranks": tables.ranks,
    }
    description: dict[str, Any]
    if isinstance(tables.vectors, StaticTable):
        static = tables.vectors
        tensors |= {name: getattr(static, name) for name in _STATIC}
        description = {"schema": 2, "dim": static.dim, "norm": static.norm, "grams": len(static.grams)}
        description["lineage"] = [asdict(entry) for entry in static.lineage]
    else:
        for number, source in enumerate(tables.vectors):
            tensors[f"vectors.{number}"] = source.vectors
            tensors[f"scales.{number}"] = source.scales
            tensors[f"rows.{number}"] = source.rows
        sources = [{"name": source.name, "dim": source.dim, "norm": source.norm} for source in tables.vectors]
        description = {"schema": 1, "sources": sources}
    # One entry, because safetensors writes several in a random order and equal lexicons shall be equal files.
    return tensors, {"lexicon": json.dumps(description)}


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
            f"the lexicon {path} has schema {error} and this version reads {' and '.join(map(str, SCHEMAS))}; "
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
    schema = description["schema"]
    if type(schema) is not int or schema not in SCHEMAS:
        raise _OtherSchemaError(repr(schema))
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
    read = _read_static if schema == 2 else _read_sources
    return Tables(words, offsets, ranks, read(description, table, count))


_Table = Callable[[str, tuple[str, ...], int], NDArray[Any]]


def _read_sources(description: Any, table: _Table, count: int) -> tuple[SourceTable, ...]:
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
    return sources


def _read_static(description: Any, table: _Table, count: int) -> StaticTable:
    static = StaticTable(
        norm=float(description["norm"]),
        **{name: table(name, (dtype,), dimensions) for name, (dtype, dimensions) in _STATIC.items()},
        lineage=_lineage(description["lineage"]),
    )
    dim, grams = description["dim"], description["grams"]
    low, high = _RANGE
    _require(low <= static.norm <= high, f"its norm is not between {low} and {high}")
    _require(len(static.vectors) == count, f"it has {len(static.vectors)} vectors for {count} words")
    _require(
        len(static.grams) == grams and grams >= 1, "it has not as many n-grams as its metadata says, or none"
    )
    _require(static.dim == dim and dim >= 2, "its vectors are not as wide as its metadata says")
    _require(static.grams.shape[1] == static.vectors.shape[1], "its n-grams are not as wide as its vectors")
    for vectors, scales in (("vectors", "scales"), ("grams", "gram_scales")):
        rows, each = getattr(static, vectors), getattr(static, scales)
        _require(len(rows) == len(each), f"the tables {vectors!r} and {scales!r} differ in length")
        _check_scales(each, scales)
        _require(
            bool(np.all(rows & 15) and np.all(rows > 15)),
            f"the table {vectors!r} holds a number that is not from -7 to 7",
        )
    _require(bool(np.all((static.vectors != _ZEROS).any(axis=1))), "a word has no vector")
    for name in MEANS:
        mean = getattr(static, name)
        _require(len(mean) == dim, f"the table {name!r} does not have {dim} numbers")
        _require(
            bool(np.all(np.abs(mean) <= 1)), f"the table {name!r} holds a number that is not from -1 to 1"
        )
    return static


def _lineage(entries: Any) -> tuple[Lineage, ...]:
    _require(isinstance(entries, list) and len(entries) <= _MOST_LINEAGE, "its lineage is no short list")
    found = tuple(
        Lineage(**{field.name: entry[field.name] for field in fields(Lineage)}) for entry in entries
    )
    texts = [value for entry in found for value in asdict(entry).values()]
    _require(all(isinstance(text, str) for text in texts), "its lineage holds what is no text")
    return found


def _check_source(source: SourceTable, number: int, count: int) -> None:
    rows = len(source.vectors)
    low, high = _RANGE
    _require(low <= source.norm <= high, f"the norm of source {number} is not between {low} and {high}")
    _require(
        len(source.scales) == rows, f"the tables 'vectors.{number}' and 'scales.{number}' differ in length"
    )
    _check_scales(source.scales, f"scales.{number}")
    _require(len(source.rows) == count, f"the table 'rows.{number}' does not have one entry for each word")
    _require(int(source.rows.max()) <= rows, f"the table 'rows.{number}' points past the {rows} rows")


def _check_scales(scales: NDArray[np.float32], name: str) -> None:
    low, high = _RANGE
    _require(
        bool(np.all((scales >= low) & (scales <= high))),
        f"the table {name!r} holds a scale that is not between {low} and {high}",
    )


def _check_words(words: NDArray[np.uint8], offsets: NDArray[np.uint32]) -> None:
    """Check that the words are whole UTF-8 strings in strictly increasing byte order."""
    _require(int(offsets[0]) == 0 and int(offsets[-1]) == len(words), "its offsets do not span the words")
    starts = offsets[:-1].astype(np.int64)
    lengths = np.diff(offsets.astype(np.int64))
    _require(bool(np.all(lengths > 0)), "its word offsets do not increase")
    whole = words.tobytes()
    whole.decode()
    _require(bool(np.all((words[starts] & 0xC0) != 0x80)), "a word begins within a character")
    # Compare neighbours by their first bytes, all at once; where those are equal, one by one.
    keys = prefixes(words, offsets)
    _require(bool(np.all(keys[:-1] <= keys[1:])), "its words are not sorted")
    for index in np.flatnonzero(keys[:-1] == keys[1:]).tolist():
        first, second, third = offsets[index : index + 3].tolist()
        _require(whole[first:second] < whole[second:third], "its words are not sorted")
