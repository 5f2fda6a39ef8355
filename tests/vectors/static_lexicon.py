"""The golden static lexicon, and texts and names -> vectors, by `desire_edge.lexicon`, which defines them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vectors.tiny import FOLDER, WORDS, numbers
from vectors.words import GROUPS, NAMES, TEXTS, names_of

from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import write_lexicon
from desire_edge.lexicon.format import Tables
from desire_edge.lexicon.static import Lineage, StaticTable, packed

STATIC = FOLDER / "static" / "lexicon.safetensors"
DIM, GRAMS, HASHED = 8, 16, 16
OPPOSITE = ("hot", "cold")  # next to each other in rank, with opposite vectors: names of both nearly cancel
MORE_TEXTS = (
    "bread", "Bread bread BREAD jazz", "bread jazz bread", "the of and", "sourdough", "sourdough sourdough bread",
    "zzyzx", "ab", "a", "webdesign tips", "openSource", "c#", "railroads and travelbooks", "旅行記", "🍳", "... !?",
    "hot cold", "hot bread cold", "x" * 70, "naïvely naïvely 2007", "e-mail me at bread.example 42",
)  # fmt: skip
MORE_NAMES = (
    "sourdough", "Sourdough bread", "bread Bread", "openSource opensource", "hot cold", "hot", "cold hot jazz",
    "x" * 70, "webdesign zzyzx", "railroads zzyzx", "zzyzx zzyzx jazz", "the", "naïvely", "旅行記", "ab",
)  # fmt: skip
MORE_GROUPS = (("zzyzx", "zzyzx!", "ZZYZX"), ("sourdough", "bread", "sourdough bread", "bread sourdough"))


def halves_of_bytes(name: str, rows: int, dim: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Rows of whole numbers from -7 to 7 that depend on the name alone, and scales that float32 holds exactly."""
    values = np.clip(np.rint(numbers(name, rows, dim, scale=5.0)), -7, 7).astype(np.int8)
    scales = (1 + np.arange(rows) % 5) / 16
    return values, scales.astype(np.float32)


def static_tables(dim: int = DIM) -> Tables:
    """What the golden static lexicon holds, or one of other dimensions."""
    words = (*WORDS, *OPPOSITE, "dough", "sour", "sweet", "me", "at")
    order = sorted(range(len(words)), key=lambda rank: words[rank].encode())
    values, scales = halves_of_bytes("static.words", len(words), dim)
    hot, cold = map(words.index, OPPOSITE)
    values[cold] = -values[hot]
    scales[cold] = scales[hot]
    grams, gram_scales = halves_of_bytes("static.grams", GRAMS, dim)
    encoded = [words[rank].encode() for rank in order]
    return Tables(
        words=np.frombuffer(b"".join(encoded), np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        ranks=np.array(order, np.uint32),
        vectors=StaticTable(
            norm=4.5,
            vectors=packed(values[order]),
            scales=scales[order],
            grams=packed(grams),
            gram_scales=gram_scales,
            text_mean=numbers("static.text_mean", dim, scale=0.125),
            name_mean=numbers("static.name_mean", dim, scale=0.125),
            lineage=(Lineage("golden", "1", "MIT", "not distilled: made of its names"),),
        ),
    )


def make_static(path: Path, dim: int = DIM) -> None:
    """Write the golden static lexicon, or one of other dimensions."""
    write_lexicon(static_tables(dim), path)


def static() -> dict[str, Any]:
    """Texts, names and groups of names with their vectors in the golden static lexicon."""
    lexicon = Lexicon.open(STATIC)
    texts = []
    for text in (*TEXTS, *MORE_TEXTS):
        found = lexicon.text_vector(text, HASHED)
        z = found.vector.astype(np.float64).tolist()
        texts.append({"text": text, "known_words": found.known_words, "words": found.words, "z": z})
    found_names = names_of(lexicon, (*NAMES, *MORE_NAMES), (*GROUPS, *MORE_GROUPS))
    return {"dim": DIM, "hashed": HASHED, "words": len(lexicon), "texts": texts, **found_names}
