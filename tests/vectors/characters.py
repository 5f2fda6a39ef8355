"""Write the table of Unicode 14.0.0's characters and what clients hold of it.

`PYTHONPATH=tests python -m vectors.characters` does. The table itself is
made anew only by a Python whose `unicodedata` is of that version (3.11).
"""

from __future__ import annotations

import json
import unicodedata
from itertools import groupby
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
UNICODE = "14.0.0"
TABLE = ROOT / "desire_edge" / "lexicon" / f"unicode-{UNICODE}.json"
CPP = ROOT / "desire_edge" / "clients" / "cpp" / "characters.cpp"
JAVASCRIPT = ROOT / "desire_edge" / "clients" / "web" / "desire-edge" / "characters.js"
LINE = 100  # characters of the table


def table() -> str:
    """The text of `TABLE`: runs of code points of one class, from 0 to 0x10FFFF, each its length and its class.

    Lengths are in base 36, in lower case; classes are U, unassigned; W, of a word (letters, marks, numbers); O, other.
    """
    assert unicodedata.unidata_version == UNICODE, "another version of Python makes another table"
    runs = (
        np.base_repr(len([*run]), 36).lower() + character_class
        for character_class, run in groupby(map(_class_of, range(0x110000)))
    )
    return json.dumps({"unicode": UNICODE, "runs": "".join(runs)}) + "\n"


def cpp(text: str) -> str:
    """The source of `CPP`, from the text of `TABLE`."""
    values = json.loads(text)
    runs = values["runs"]
    lines = [f'    "{runs[start : start + LINE]}"' for start in range(0, len(runs), LINE)]
    head = (
        "/* Made by tests/vectors/characters.py. */",
        '#include "characters.h"',
        "",
        "namespace app {",
        "",
        f'const char* const kUnicode = "{values["unicode"]}";',
        "",
        "const char* const kCharacterRuns =",
    )
    return "\n".join([*head, *lines]) + ";\n\n}  // namespace app\n"


def javascript(text: str) -> str:
    """The source of `JAVASCRIPT`, from the text of `TABLE`."""
    values = json.loads(text)
    return "\n".join(
        (
            "// Made by tests/vectors/characters.py: runs of code points of one class, each its length in base 36 and",
            "// its class: U, unassigned; W, of a word (letters, marks, numbers); O, other.",
            f'export const UNICODE = "{values["unicode"]}";',
            "export const RUNS =",
            f'  "{values["runs"]}";',
            "",
        )
    )


def _class_of(code_point: int) -> str:
    category = unicodedata.category(chr(code_point))
    if category == "Cn":
        return "U"
    return "W" if category[0] in "LMN" else "O"


def main() -> None:
    """Write everything."""
    if unicodedata.unidata_version == UNICODE:
        TABLE.write_text(table(), encoding="utf-8")
    text = TABLE.read_text(encoding="utf-8")
    CPP.write_text(cpp(text), encoding="utf-8")
    JAVASCRIPT.write_text(javascript(text), encoding="utf-8")


if __name__ == "__main__":
    main()
