"""What is wrong with a data set, or looks so: a sentence, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desire_edge.data.dataset import Dataset


@dataclass(frozen=True)
class Finding:
    """Something that the owner of the data should know.

    Attributes:
        code: what it is, in words that stay the same.
        message: one sentence for a person, with the mend.
        places: where it is: examples, or labels.
    """

    code: str
    message: str
    places: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"code": self.code, "message": self.message, "places": list(self.places)}


def counted(count: int, one: str, many: str | None = None) -> str:
    """The number with its noun, as in "1 example", "3 examples"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def placed(dataset: Dataset) -> tuple[str, ...]:
    """Where each example stands: in its file, without the folder if all are in one, else its number from 1."""
    if not dataset.places:
        return tuple(f"row {row + 1}" for row in range(dataset.rows))
    alone = len({Path(where).parent for where in dataset.places}) == 1
    return tuple(Path(where).name for where in dataset.places) if alone else dataset.places
