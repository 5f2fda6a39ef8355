"""Content of files, and cases, as they stand in refusals.json."""

from __future__ import annotations

import base64
import json
from typing import Any


def content(value: str | bytes) -> dict[str, str]:
    """The content of a file: text, or bytes that need not be text."""
    if isinstance(value, str):
        return {"text": value}
    return {"base64": base64.b64encode(value).decode()}


def taken(about: str, gives: Any, **given: Any) -> dict[str, Any]:
    """A case that gives something."""
    return {"about": about, **given, "gives": gives}


def refused(about: str, code: str, **given: Any) -> dict[str, Any]:
    """A case that is refused with this code."""
    return {"about": about, **given, "refuses": code}


def lines(*entries: Any) -> str:
    """Entries as JSON Lines."""
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def titled(topic: str, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases, of which each says what topic it is about."""
    return [{**case, "about": f"{topic}: {case['about']}"} for case in cases]
