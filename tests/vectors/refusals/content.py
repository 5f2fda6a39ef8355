"""Content of files, and cases, as they stand in refusals.json, and what is made of them to run them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
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


def write(path: Path, content: dict[str, str]) -> Path:
    """Write a file as the cases give its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content.get("text")
    path.write_bytes(base64.b64decode(content["base64"]) if text is None else text.encode())
    return path


def merged(value: Any, patch: Any) -> Any:
    """A JSON value after a merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), item)
    return result
