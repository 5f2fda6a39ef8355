"""Names of labels: the one check of them, in training, in support sets and on the command line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from desire_edge.errors import CONTROL, DesireEdgeError

MAX_NAME = 200


def check_name(name: Any, where: str) -> str:
    """The label name, stripped; empty ones, ones over 200 characters and ones with control characters are refused."""
    if not isinstance(name, str):
        raise DesireEdgeError(f"{where}: a label is {reprlib.repr(name)}, not a name")
    stripped = name.strip()
    if not stripped:
        raise DesireEdgeError(f"{where}: a label name is empty")
    if len(stripped) > MAX_NAME or CONTROL.search(stripped):
        raise DesireEdgeError(
            f"{where}: label names are at most {MAX_NAME} characters without control characters, "
            f"and {stripped[:40]!r} is not"
        )
    return stripped


def check_names(names: Iterable[Any], where: str) -> tuple[str, ...]:
    """Checked names, none of them twice."""
    if isinstance(names, str):
        raise DesireEdgeError(f"{where} are one string, {names!r}; give a list of names")
    checked = tuple(check_name(name, where) for name in names)
    seen: set[str] = set()
    for name in checked:
        if name in seen:
            raise DesireEdgeError(f"{where}: the label '{name}' is named twice")
        seen.add(name)
    return checked


def list_of_names(value: Any, field: str, where: str) -> tuple[str, ...]:
    """Checked names from `value`, which must be a list of them; `field` is what errors call it."""
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise DesireEdgeError(f"{where}: {field} must be a list of names, and is {reprlib.repr(value)}")
    return check_names(value, where)
