"""What the folders of fetched data sets have in common: where they are, and what they say of themselves."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

README = "README.txt"
MIN_EXAMPLES = 20
"""A label with fewer examples is left out of a worked data set: no task with five shots and 15 queries has it."""

Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is; a total of 0 if that cannot be known."""


def cached(name: str) -> Path:
    """The folder of the data set `name` in the user's cache, beside that of Delicious."""
    import pooch

    return Path(pooch.os_cache("desire-edge")) / name


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write JSON Lines, an object a line."""
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def digest(content: bytes) -> str:
    """What a README says of a file's content."""
    return f"sha256 {hashlib.sha256(content).hexdigest()}"


def figures(path: Path) -> dict[str, int | float]:
    """What a data set's JSON Lines hold: rows, labels with at least `MIN_EXAMPLES` of them, and how many a row has."""
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line)["labels"] for line in file]
    counts = Counter(label for labels in rows for label in labels)
    frequent = [count for count in counts.values() if count >= MIN_EXAMPLES]
    return {
        "rows": len(rows),
        "labels": len(frequent),
        "labels_per_row": round(sum(frequent) / len(rows), 2),
    }
