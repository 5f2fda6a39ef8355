"""Lexicons: small ones, each damaged in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from vectors.refusals.content import content, refused, taken

Tables = dict[str, NDArray[Any]]
Sources = list[dict[str, Any]]
Change = Callable[[Tables, Sources], object]

# By their bytes; in UTF-16 the last would come before the one that is before it.
WORDS = ("bread", "jazz", "naïve", "ａ", "𐐨")


def tables() -> Tables:
    """Two sources of two and one dimensions; the second knows every other word."""
    encoded = [word.encode() for word in WORDS]
    return {
        "words": np.frombuffer(b"".join(encoded), np.uint8).copy(),
        "offsets": np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        "ranks": np.array([2, 0, 1, 4, 3], np.uint32),
        "vectors.0": np.array([[127, 3], [-5, 127], [127, 127], [1, -127]], np.int8),
        "scales.0": np.array([0.5, 0.25, 1, 2], np.float32),
        "rows.0": np.array([1, 2, 3, 4, 4], np.uint16),
        "vectors.1": np.array([[127], [-127], [64]], np.int8),
        "scales.1": np.array([1, 0.5, 0.5], np.float32),
        "rows.1": np.array([3, 0, 2, 0, 1], np.uint32),
    }


def sources() -> Sources:
    """What the metadata say of the sources."""
    return [{"name": "first", "dim": 2, "norm": 3.0}, {"name": "second", "dim": 1, "norm": 2.0}]


def lexicon(change: Change = lambda tables, sources: None, schema: Any = 1) -> bytes:
    """The bytes of a lexicon after `change`."""
    made, said = tables(), sources()
    change(made, said)
    return save(made, {"lexicon": json.dumps({"schema": schema, "sources": said})})


def packed(made: Tables, metadata: dict[str, str]) -> bytes:
    """The bytes of a safetensors file with the tables in the order given, so that they need not be aligned."""
    kinds = {"uint8": "U8", "int8": "I8", "uint16": "U16", "uint32": "U32", "float32": "F32"}
    header: dict[str, Any] = {"__metadata__": metadata}
    data = b""
    for name, table in made.items():
        end = len(data) + table.nbytes
        header[name] = {
            "dtype": kinds[str(table.dtype)],
            "shape": table.shape,
            "data_offsets": [len(data), end],
        }
        data += table.tobytes()
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def put(name: str, index: Any, value: Any) -> Change:
    """Change one number."""
    return lambda tables, sources: tables[name].__setitem__(index, value)


def made(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    """Change a whole table."""
    return lambda tables, sources: tables.__setitem__(name, change(tables[name]))


def gone(name: str) -> Change:
    """Leave a table away."""
    return lambda tables, sources: tables.pop(name)


def said(**values: Any) -> Change:
    """Change what is said of the first source."""
    return lambda tables, sources: sources[0].update(values)


def respelt(*words: bytes) -> Change:
    """Other words, of which there are as many."""

    def change(tables: Tables, sources: Sources) -> None:
        tables["words"] = np.frombuffer(b"".join(words), np.uint8).copy()
        tables["offsets"] = np.cumsum([0, *map(len, words)]).astype(np.uint32)

    return change


def no_vector(tables: Tables, sources: Sources) -> None:
    """A word that no source knows."""
    tables["rows.0"][1] = tables["rows.1"][1] = 0


def one_dimension(tables: Tables, sources: Sources) -> None:
    """The second source alone, which knows every word."""
    for name in ("vectors", "scales", "rows"):
        tables[f"{name}.0"] = tables.pop(f"{name}.1")
    tables["rows.0"][:] = 1
    del sources[0]


def no_word(tables: Tables, sources: Sources) -> None:
    """Nothing in it."""
    for name in ("words", "ranks", "rows.0", "rows.1"):
        tables[name] = tables[name][:0].copy()
    tables["offsets"] = tables["offsets"][:1].copy()


DAMAGE: dict[str, Change] = {
    **{f"no {name}": gone(name) for name in tables()},
    "no word": no_word,
    "no offsets": made("offsets", lambda a: a[:0].copy()),
    "words of another type": made("words", lambda a: a.astype(np.int8)),
    "offsets of 64 bits": made("offsets", lambda a: a.astype(np.uint64)),
    "signed ranks": made("ranks", lambda a: a.astype(np.int32)),
    "vectors of floats": made("vectors.0", lambda a: a.astype(np.float32)),
    "scales of half precision": made("scales.0", lambda a: a.astype(np.float16)),
    "signed rows": made("rows.1", lambda a: a.astype(np.int32)),
    "rows of 8 bits": made("rows.0", lambda a: a.astype(np.uint8)),
    "vectors in one line": made("vectors.0", lambda a: a.ravel()),
    "offsets of two dimensions": made("offsets", lambda a: a[:, None]),
    "the first offset is not 0": put("offsets", 0, 1),
    "the last offset is before the end": put("offsets", -1, 5),
    "the last offset is past the end": put("offsets", -1, 2**32 - 1),
    "offsets that fall": put("offsets", 2, 1),
    "an empty word": put("offsets", 2, 5),
    "words that are not sorted": respelt(b"jazz", b"bread", *(word.encode() for word in WORDS[2:])),
    "words that are sorted by UTF-16": respelt(*(word.encode() for word in (*WORDS[:3], WORDS[4], WORDS[3]))),
    "a word before its beginning": respelt(b"breads", b"bread", *(word.encode() for word in WORDS[2:])),
    "a word twice": respelt(b"bread", b"bread", *(word.encode() for word in WORDS[2:])),
    "long words that are not sorted": respelt(
        b"breadbaker", b"breadbaked", *(word.encode() for word in WORDS[2:])
    ),
    "a byte that is not UTF-8": put("words", 12, 0xFF),
    "a word cut within a character": respelt(b"bread", b"jazz", b"na\xc3", b"\xafve", "𐐨".encode()),
    "a surrogate": respelt(b"bread", b"jazz", "naïve".encode(), b"\xed\xa0\x81", "𐐨".encode()),
    "an overlong sequence": respelt(b"bread", b"jazz", b"na\xc1\xa1ve", "ａ".encode(), "𐐨".encode()),
    "a rank twice": put("ranks", 0, 0),
    "all ranks equal": put("ranks", slice(None), 0),
    "a rank too high": put("ranks", 0, 5),
    "a rank far too high": put("ranks", 0, 2**32 - 1),
    "too few ranks": made("ranks", lambda a: a[1:].copy()),
    "a row past the last": put("rows.0", 0, 5),
    "too few rows": made("rows.0", lambda a: a[1:].copy()),
    "too few scales": made("scales.0", lambda a: a[1:].copy()),
    "too many scales": made("scales.0", lambda a: np.append(a, np.float32(1))),
    "a scale of 0": put("scales.0", 0, 0),
    "a negative scale": put("scales.0", 0, -1),
    "a scale that is NaN": put("scales.1", 0, np.nan),
    "an infinite scale": put("scales.1", 0, np.inf),
    "a scale too large": put("scales.0", 0, 2e9),
    "a scale too small": put("scales.0", 0, 5e-10),
    "a word without a vector": no_vector,
    "one dimension": one_dimension,
    "a norm of 0": said(norm=0),
    "a negative norm": said(norm=-3.0),
    "a norm that is NaN": said(norm=float("nan")),
    "a norm too large": said(norm=2e9),
    "a norm too small": said(norm=5e-10),
    "no norm": lambda tables, sources: sources[0].pop("norm"),
    "another width": said(dim=3),
    "no width": lambda tables, sources: sources[0].pop("dim"),
    "fewer sources than the metadata say": lambda tables, sources: sources.append(sources[0]),
    "no source": lambda tables, sources: sources.clear(),
}


def cases() -> list[dict[str, Any]]:
    """Lexicons, and how many words and dimensions they have."""
    whole = lexicon()
    metadata = {"lexicon": json.dumps({"schema": 1, "sources": sources()})}
    unaligned = packed(tables(), metadata)
    size = {"words": len(WORDS), "dim": 3}
    return [
        taken("whole", size, content=content(whole)),
        taken("tables in another order, not aligned", size, content=content(unaligned)),
        *(refused(about, "lexicon", content=content(lexicon(change))) for about, change in DAMAGE.items()),
        refused("another schema", "lexicon", content=content(lexicon(schema=3))),
        refused("the tables of schema 1 as schema 2", "lexicon", content=content(lexicon(schema=2))),
        refused("no schema", "lexicon",
            content=content(save(tables(), {"lexicon": json.dumps({"sources": sources()})}))),
        refused("no metadata", "lexicon", content=content(save(tables()))),
        refused("metadata that are no JSON", "lexicon", content=content(save(tables(), {"lexicon": "{"}))),
        refused("metadata that are no object", "lexicon", content=content(save(tables(), {"lexicon": "[1]"}))),
        refused("nothing", "lexicon", content=content(b"")),
        refused("seven bytes", "lexicon", content=content(bytes(7))),
        refused("text", "lexicon", content=content("bread and jazz\n")),
        refused("cut short", "lexicon", content=content(whole[:-1])),
        refused("cut in the header", "lexicon", content=content(whole[:100])),
        refused("a byte left over", "lexicon", content=content(whole + b"\0")),
        refused("a header longer than the file", "lexicon", content=content(b"\xff" * 8 + whole[8:])),
        refused("a header that is no JSON", "lexicon", content=content(whole[:8] + b"[" + whole[9:])),
        refused("tables that overlap", "lexicon", content=content(unaligned.replace(b"[0, 22]", b"[1, 23]"))),
        refused("a table past the end", "lexicon",
            content=content(unaligned.replace(b'"shape": [4, 2]', b'"shape": [4, 9]'))),
    ]  # fmt: skip
