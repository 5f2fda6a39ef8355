"""Labels in the cells of a table: lists of names, or text that holds several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.lexicon.characters import SPACE

# A comma in a label is rare: from this share of the labelled examples on, somebody is told.
COMMAS_ARE_RARE = 0.1


def names_of(cell: Any, separator: str, numbered: Sequence[str], where: str) -> Any:
    """The names in a cell, unchecked: a list of them, JSON text of one, or text that `separator` divides.

    Whole numbers are places in `numbered`, the names that a data set gives its numbers, or, where it gives none,
    names.
    """
    if cell is None:
        return []
    if isinstance(cell, str):
        text = cell.strip(SPACE)
        if text.startswith("[") and text.endswith("]"):
            with suppress(ValueError):  # a label that stands in brackets
                return parse_json(text)
        return text.split(separator) if text else []
    if isinstance(cell, int) and not isinstance(cell, bool):
        return _numbered([cell], numbered, where)
    if isinstance(cell, list) and cell and all(type(item) is int for item in cell):
        return _numbered(cell, numbered, where)
    return cell


def _numbered(values: Iterable[int], names: Sequence[str], where: str) -> list[str]:
    """Names by their numbers; −1 is how Hugging Face says that there is none."""
    if not names:
        return [str(value) for value in values]
    for value in values:
        if not -1 <= value < len(names):
            raise DesireEdgeError(
                f"{where}: the label {value} is none of those that the data set names, 0 to {len(names) - 1}",
                "name-type",
            )
    return [names[value] for value in values if value >= 0]


def marked(cell: Any, column: str, where: str) -> bool:
    """Whether a cell of 0 and 1, as the column of one label holds them, is 1."""
    text = str(cell).strip(SPACE).lower() if cell is not None else ""
    if text in ("1", "1.0", "true"):
        return True
    if text in ("0", "0.0", "false", ""):
        return False
    raise DesireEdgeError(
        f"{where}: the column {column!r} holds {text[:40]!r}; as the column of one label it must hold 0 or 1; give "
        "one column with --labels-column if it holds the labels' names",
        "names-type",
    )


def label_warnings(labels: Sequence[Sequence[str]], separator: str, path: object) -> tuple[str, ...]:
    """What looks wrong with the labels of all examples: two names in one, or no names but numbers."""
    found: list[str] = []
    labelled = [names for names in labels if names]
    commas = [names[0] for names in labelled if len(names) == 1 and "," in names[0]]
    if commas and separator != "," and len(commas) >= COMMAS_ARE_RARE * len(labelled):
        found.append(
            f"{path}: labels such as '{commas[0]}' ({len(commas)} of {len(labelled)} examples) look like several in "
            "one; if they are, give what stands between them, --label-separator ','"
        )
    names = {name for group in labelled for name in group}
    if names and all(name.isascii() and name.isdigit() for name in names):
        found.append(
            f"{path}: the labels are numbers ({', '.join(sorted(names)[:3])}), and a model learns from what names "
            "mean; write words in their place"
        )
    return tuple(found)
