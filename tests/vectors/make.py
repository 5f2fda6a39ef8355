"""Make the golden vectors beside this file: `PYTHONPATH=tests python -m vectors.make`. The README describes them."""

from __future__ import annotations

import json
import re
from typing import Any

from vectors.cases import CASES, expected
from vectors.refusals import bundles, folders, inputs, lexicons, names, static_lexicons
from vectors.static_lexicon import STATIC, make_static, static
from vectors.tiny import BUNDLES, FOLDER, make_bundle
from vectors.words import halves, labels, texts

# What cannot be told apart by eye, or an editor might change: marks, spaces but for one, formats, the unassigned.
UNSEEN = re.compile(
    "[\u007f-\u00a0\u00ad\u0300-\u036f\u061c\u0897\u1160-\u11ff\u180e\u1680\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ufe0f\ufeff\ufff9-\ufffb\U000105d2\U00010d50-\U00010d8f\U0001fae8]"
)


def text_of(value: Any, depth: int = 0) -> str:
    """JSON with a line for each entry, and for each array of numbers or names."""
    inside, outside = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, dict) and value:
        entries = (f"{json.dumps(key)}: {text_of(item, depth + 1)}" for key, item in value.items())
        return "{" + inside + ("," + inside).join(entries) + outside + "}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return "[" + inside + ("," + inside).join(text_of(item, depth + 1) for item in value) + outside + "]"
    return UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(value, ensure_ascii=False))


def files() -> dict[str, Any]:
    """The content of each JSON file, made from the bundles beside this file."""
    return {
        "cases.json": [expected(case) for case in CASES],
        "texts.json": texts(),
        "labels.json": labels(),
        "static.json": static(),
        "halves.json": halves(),
        "refusals.json": {
            "names": names.cases(),
            "folders": folders.cases(),
            "inputs": inputs.cases(),
            "lexicons": [*lexicons.cases(), *static_lexicons.cases()],
            "manifests": bundles.manifests(),
            "tasks": bundles.tasks(),
        },
    }


def main() -> None:
    """Write everything."""
    for name in BUNDLES:
        make_bundle(FOLDER / name)
    make_static(STATIC)
    for name, content in files().items():
        (FOLDER / name).write_text(text_of(content) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
