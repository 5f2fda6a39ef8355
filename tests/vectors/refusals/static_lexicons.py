"""Static lexicons (schema 2): small ones, each damaged in one way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from vectors.refusals.content import content, refused, taken
from vectors.refusals.lexicons import WORDS, packed

Tables = dict[str, NDArray[Any]]
Said = dict[str, Any]
Change = Callable[[Tables, Said], object]


def tables() -> Tables:
    """Five words of four dimensions, two rows of n-grams."""
    encoded = [word.encode() for word in WORDS]
    return {
        "words": np.frombuffer(b"".join(encoded), np.uint8).copy(),
        "offsets": np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        "ranks": np.array([2, 0, 1, 4, 3], np.uint32),
        "vectors": np.array([[0x19, 0xF8], [0x88, 0x98], [0xFF, 0x11], [0x7A, 0xA7], [0x81, 0x88]], np.uint8),
        "scales": np.array([0.5, 0.25, 1, 2, 0.125], np.float32),
        "grams": np.array([[0x9A, 0x76], [0x88, 0x88]], np.uint8),
        "gram_scales": np.array([0.5, 1], np.float32),
        "text_mean": np.array([0.125, -0.25, 0, 0.5], np.float32),
        "name_mean": np.array([0, 0, -0.125, 0.25], np.float32),
    }


def said() -> Said:
    """The metadata."""
    entry = {"name": "golden", "version": "1", "licence": "MIT", "role": "none"}
    return {"schema": 2, "dim": 4, "norm": 4.5, "grams": 2, "lineage": [entry]}


def lexicon(change: Change = lambda tables, said: None) -> bytes:
    """The bytes of a static lexicon after `change`."""
    made, metadata = tables(), said()
    change(made, metadata)
    return save(made, {"lexicon": json.dumps(metadata)})


def put(name: str, index: Any, value: Any) -> Change:
    """Change one number."""
    return lambda tables, said: tables[name].__setitem__(index, value)


def made(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    """Change a whole table."""
    return lambda tables, said: tables.__setitem__(name, change(tables[name]))


def gone(name: str) -> Change:
    """Leave a table away."""
    return lambda tables, said: tables.pop(name)


def says(**values: Any) -> Change:
    """Change what the metadata say."""
    return lambda tables, said: said.update(values)


def lacks(name: str) -> Change:
    """Leave away what the metadata say."""
    return lambda tables, said: said.pop(name)


def no_grams(tables: Tables, said: Said) -> None:
    """No row for n-grams, and the metadata say so."""
    tables["grams"], tables["gram_scales"] = tables["grams"][:0].copy(), tables["gram_scales"][:0].copy()
    said["grams"] = 0


def no_dimension(tables: Tables, said: Said) -> None:
    """Vectors of no numbers, and the metadata say so."""
    for name in ("vectors", "grams"):
        tables[name] = tables[name][:, :0].copy()
    for name in ("text_mean", "name_mean"):
        tables[name] = tables[name][:0].copy()
    said["dim"] = 0


ENTRY = said()["lineage"][0]
DAMAGE: dict[str, Change] = {
    **{f"no {name}": gone(name) for name in tables()},
    **{f"nothing said of {name}": lacks(name) for name in ("dim", "norm", "grams", "lineage")},
    "signed vectors": made("vectors", lambda a: a.astype(np.int8)),
    "n-grams of floats": made("grams", lambda a: a.astype(np.float32)),
    "scales of half precision": made("scales", lambda a: a.astype(np.float16)),
    "a mean of doubles": made("name_mean", lambda a: a.astype(np.float64)),
    "vectors in one line": made("vectors", lambda a: a.ravel()),
    "a mean of two dimensions": made("text_mean", lambda a: a[None]),
    "too few vectors": made("vectors", lambda a: a[1:].copy()),
    "too many scales": made("scales", lambda a: np.append(a, np.float32(1))),
    "too few scales of n-grams": made("gram_scales", lambda a: a[1:].copy()),
    "narrower n-grams": made("grams", lambda a: a[:, 1:].copy()),
    "a mean that is too long": made("text_mean", lambda a: np.append(a, np.float32(0))),
    "a mean that is too short": made("name_mean", lambda a: a[1:].copy()),
    "another width": says(dim=6),
    "an odd width": says(dim=3),
    "a width that is no number": says(dim="4"),
    "another number of n-grams": says(grams=3),
    "no n-grams": no_grams,
    "no dimension": no_dimension,
    "a lower half of 0": put("vectors", (0, 0), 0x80),
    "an upper half of 0": put("vectors", (4, 1), 0x08),
    "an n-gram's half of 0": put("grams", (1, 0), 0x08),
    "a word without a vector": put("vectors", 1, 0x88),
    "a scale of 0": put("scales", 0, 0),
    "a negative scale": put("scales", 0, -1),
    "a scale that is NaN": put("scales", 0, np.nan),
    "an infinite scale of an n-gram": put("gram_scales", 0, np.inf),
    "a scale too large": put("scales", 0, 2e9),
    "an n-gram's scale too small": put("gram_scales", 1, 5e-10),
    "a mean that is NaN": put("text_mean", 3, np.nan),
    "a mean beyond 1": put("name_mean", 0, 1.5),
    "a mean below -1": put("text_mean", 0, -1.5),
    "a norm of 0": says(norm=0),
    "a norm too large": says(norm=2e9),
    "a norm that is no number": says(norm="much"),
    "a lineage that is no list": says(lineage="golden"),
    "a lineage that is an object": says(lineage=ENTRY),
    "an entry of the lineage without a licence": says(
        lineage=[{key: value for key, value in ENTRY.items() if key != "licence"}]
    ),
    "an entry of the lineage that is no text": says(lineage=[ENTRY | {"version": 1}]),
    "an entry of the lineage that is no object": says(lineage=["golden"]),
    "a lineage of 65": says(lineage=[ENTRY] * 65),
    "words that are not sorted": put("words", slice(0, 5), np.frombuffer(b"zread", np.uint8)),
    "a rank twice": put("ranks", 0, 0),
    "a lower schema's number": says(schema=1),
    "a schema that is no number": says(schema="2"),
}


def cases() -> list[dict[str, Any]]:
    """Static lexicons, and how many words and dimensions they have."""
    size = {"words": len(WORDS), "dim": 4}
    unaligned = packed(tables(), {"lexicon": json.dumps(said())})
    return [
        taken("static: whole", size, content=content(lexicon())),
        taken("static: tables not aligned", size, content=content(unaligned)),
        taken("static: no lineage", size, content=content(lexicon(says(lineage=[])))),
        *(
            refused(f"static: {about}", "lexicon", content=content(lexicon(change)))
            for about, change in DAMAGE.items()
        ),
    ]
