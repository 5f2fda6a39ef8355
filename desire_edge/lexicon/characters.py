"""Characters by one version of Unicode, whatever Python's is: training and every client split texts alike.

What a later version adds is here no letter and has no other case or form. Of the characters there were, no version
changes the forms (Unicode's stability policy), so Python's own are used.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal

UNICODE = "14.0.0"
SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space."""


def kinds(text: str) -> str:
    """Each character's kind: `a`, of a word (a letter, mark or number); `?`, unassigned; `+` and `#`; else a space."""
    return bytes(map(_table().__getitem__, map(ord, text))).decode("ascii")


def normalize(text: str, form: Literal["NFC", "NFKC"]) -> str:
    """`text` in a normal form of Unicode's."""
    return text if text.isascii() else _each_run(text, lambda run: unicodedata.normalize(form, run))


def fold(text: str) -> str:
    """`text` in Unicode's NFKC form, lower-cased."""
    return _each_run(text, lambda run: unicodedata.normalize("NFKC", run).lower())


def _each_run(text: str, change: Callable[[str], str]) -> str:
    """`text` with `change` made of each longest run of characters that are assigned."""
    if text.isascii():
        return change(text)
    found = kinds(text)
    if "?" not in found:
        return change(text)
    parts = []
    for run in re.finditer(r"[^?]+|\?+", found):
        part = text[run.start() : run.end()]
        parts.append(part if found[run.start()] == "?" else change(part))
    return "".join(parts)


@cache
def _table() -> bytes:
    """The kind of every code point, from the table that tests/vectors/characters.py makes; ASCII text needs none."""
    path = Path(__file__).with_name(f"unicode-{UNICODE}.json")
    runs = re.findall("([0-9a-z]+)([UWO])", json.loads(path.read_text(encoding="ascii"))["runs"])
    kind = {"U": b"?", "W": b"a", "O": b" "}
    table = bytearray(b"".join(kind[letter] * int(length, 36) for length, letter in runs))
    for character in b"+#":
        table[character] = character
    return bytes(table)
