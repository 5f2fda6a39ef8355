"""Texts and their words, names and their vectors, by `desire_edge.lexicon`, which defines them; numbers and halves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from vectors.tiny import FOLDER, VOCABULARY, x_of

from desire_edge.lexicon import Lexicon, tokenize
from desire_edge.runtime.manifest import LEXICON

TEXTS = (
    "", "Bread", "don't DON’T", "C++ c# c+ +c", "naïve nai\u0308ve NAÏVE", "ｊａｚｚ ﬁne", "旅行・旅行", "a_b-c.d/e",
    "42 ４２ ①", "Straße İstanbul", "jazz\u00a0trumpet\u200bjazz", "\ud7ff\U0001f600oven\U0001f600",
    # Letters, marks, capitals and emoji of Unicode 15 and 16 are none in 14: they separate and stay as they are.
    "bread\U00010d50oven", "\U00010d50\U00010d51", "jazz\u0897trumpet", "\ua7cb\u0264 \u1c89", "bread\U0001fae8oven",
    "e\u0301\U000105d2\u0307o e\u0301", "ΟΔΟΣ\U00010d50Α",
    # What changes with its neighbours or becomes several characters; joiners and selectors.
    "ΟΔΟΣ ΣΑΣ Σ", "İ I ı i", "ﬀ ﬃ ﬆ ŉ ½ ℡ Ⅷ", "ẞ ß ſ ǅ ῼ", "𝐉𝐚𝐳𝐳 𝟜𝟚", "\u1112\u1161\u11ab ﷺ", "K Å Ω", "ﾊﾟ ㌀",
    "👩\u200d🍳bread 🏳\ufe0f\u200d🌈oven", "می\u200cخواهم", "bread\u00adoven\ufeffjazz",
)  # fmt: skip
NAMES = (
    "bread", " Jazz ", "NAÏVE", "ｊａｚｚ", "C++", "c#", "open source", "openSource", "Open-Source!", "webdesign",
    "bread of jazz", "railroads", "e-mail", "旅行", "2007", "zzyzx", "bread zzyzx", "+++", "旅行 bread",
    "\u2003Jazz\u3000", "bread\U00010d50", "\U00010d50", "Web\U0001fae8Design", "ΣΑΣ", "İ", "ﬁne bread", "\u00a8",
    "🍳 bread", "👩\u200d🍳",
)  # fmt: skip
GROUPS = (
    ("book", "books"),
    ("bread", "Bread"),
    ("zzyzx", "xyzzy", "book", "books", "BOOK"),
    ("\U00010d50", "\U00010d70"),
)
HALVES = (
    0.0, -0.0, 1.0, -1.5, 0.1, 1 / 3, 2.0**-14, 2.0**-24, 2.0**-25, 1.5 * 2.0**-24, -(2.0**-25) * 1.001, 1 + 2.0**-11,
    1 + 3 * 2.0**-11, 2049.0, 2051.0, 65504.0, 65519.0, -6.1e-5,
)  # fmt: skip


def texts() -> dict[str, Any]:
    """Texts, their words in order, and the indices of x that are 1."""
    cases = [
        {"text": text, "tokens": tokenize(text), "x": np.flatnonzero(x_of(text)).tolist()} for text in TEXTS
    ]
    return {"vocabulary": list(VOCABULARY), "cases": cases}


def labels() -> dict[str, Any]:
    """Names and their vectors in the bundles' lexicon, alone and as columns of one matrix."""
    return names_of(Lexicon.open(FOLDER / "plain" / LEXICON), NAMES, GROUPS)


def names_of(lexicon: Lexicon, given: Sequence[str], groups_given: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Names and their vectors in a lexicon, alone, and groups of them as columns of one matrix each."""
    names = []
    for name in given:
        entry = lexicon.look_up(name)
        half = entry.vector.astype(np.float16)
        names.append(
            {
                "name": name,
                "how": entry.how,
                "known": list(entry.known),
                "unknown": list(entry.unknown),
                "vector": entry.vector.astype(np.float64).tolist(),
                "half": half.astype(np.float64).tolist(),
            }
        )
    groups = []
    for group in groups_given:
        matrix = lexicon.label_matrix(group)
        apart = [
            not np.array_equal(entry.vector, lexicon.look_up(entry.name).vector) for entry in matrix.entries
        ]
        columns = matrix.vectors.T.astype(np.float64).tolist()
        groups.append({"names": list(group), "vectors": columns, "told_apart": apart})
    return {"names": names, "groups": groups}


def halves() -> list[dict[str, Any]]:
    """Float32 numbers and float16's nearest, ties to even, as numbers and as bits."""
    values = np.array(HALVES, np.float32)
    return [
        {"value": float(value), "bits": f"{bits:08x}", "half": float(half), "half_bits": f"{half_bits:04x}"}
        for value, bits, half, half_bits in zip(
            values,
            values.view(np.uint32).tolist(),
            values.astype(np.float16),
            values.astype(np.float16).view(np.uint16).tolist(),
            strict=True,
        )
    ]
