"""Reading what the commands print."""

from __future__ import annotations


def in_one_line(table: str) -> str:
    """A table's cells without its lines."""
    return " ".join(table.replace("│", " ").split())
