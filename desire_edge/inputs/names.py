"""Names of labels: the one check of them, in training, in support sets and on the command line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from desire_edge.errors import CONTROL, DesireEdgeError
from desire_edge.inputs.files import read_bounded, text_of
from desire_edge.lexicon.characters import SPACE, normalize

MAX_NAME = 200

# Format characters that nobody sees, but for the joiners U+200C and U+200D, which carry meaning.
_UNSEEN = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)


def clean_name(name: str) -> str:
    """The name as it is compared: composed (NFC), without invisible format characters or white space at its ends."""
    return normalize(_UNSEEN.sub("", name), "NFC").strip(SPACE)


def check_name(name: Any, where: str) -> str:
    """The clean name; empty ones, ones over 200 characters and ones with control characters are refused."""
    if not isinstance(name, str):
        raise DesireEdgeError(f"{where}: a label is {reprlib.repr(name)}, not a name", "name-type")
    clean = clean_name(name)
    if not clean:
        raise DesireEdgeError(f"{where}: a label name is empty", "name-empty")
    for wrong, code in ((len(clean) > MAX_NAME, "name-long"), (CONTROL.search(clean), "name-control")):
        if wrong:
            raise DesireEdgeError(
                f"{where}: label names are at most {MAX_NAME} characters without control characters, "
                f"and {clean[:40]!r} is not",
                code,
            )
    return clean


def check_names(names: Any, where: str) -> tuple[str, ...]:
    """Clean names from any iterable of them, none of them twice."""
    if not _is_list(names):
        raise DesireEdgeError(f"{where} must be a list of names, and are {reprlib.repr(names)}", "names-type")
    checked = tuple(check_name(name, where) for name in names)
    refuse_twice(checked, where)
    return checked


def refuse_twice(names: Iterable[str], where: str) -> None:
    """Refuse names of which one is there twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DesireEdgeError(f"{where}: the label '{name}' is named twice", "name-twice")
        seen.add(name)


def list_of_names(value: Any, field: str, where: str) -> tuple[str, ...]:
    """Clean names from `value`, which must be a list of them; `field` is what errors call it."""
    if not _is_list(value):
        raise DesireEdgeError(
            f"{where}: {field} must be a list of names, and is {reprlib.repr(value)}", "names-type"
        )
    return check_names(value, where)


def columns(names: Sequence[str]) -> dict[str, int]:
    """The place of each name of a model or task, by the clean name: files of earlier versions hold others."""
    return {clean_name(name): index for index, name in enumerate(names)}


def read_names(path: Path) -> tuple[str, ...]:
    """Clean names from a file that holds one a line, none of them twice; blank lines are skipped."""
    lines = text_of(read_bounded(path), str(path)).splitlines()
    names = [
        check_name(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip(SPACE)
    ]
    refuse_twice(names, str(path))
    if not names:
        raise DesireEdgeError(f"{path} names no label; write one a line", "labels-none")
    return tuple(names)


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | Mapping)
