"""A multi-label data set as every other room sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples and their labels: vectors (`features`), raw texts (`texts`) or pictures (`images`), one of these.

    Attributes:
        name: short name, for records and messages.
        labels: the L label names, as a person would write them.
        targets: bool [rows, L], True where the example carries the label.
        test_rows: bool [rows], True for the rows of the data set's own test part.
        features: float32 [rows, features], or None.
        feature_names: what each feature column counts; () for raw text, pictures and numbers without names.
        texts: the raw texts, title and body joined by a newline; or None.
        images: the pictures, each a file or the bytes of one; or None.
        source: where the data came from, with the sha256 of every file, for a run's record.
        groups: what each example belongs to, None where to nothing else; None where nobody said. No group has examples
            in both the training and the test part.
        places: where each example stands, in messages; () where nobody said.
        found: what was read from which columns, as in {"text": "title, text", "labels": "tags"}.
        warnings: what looks wrong with the data and may be right.
        licence: under which licence the data are, where that is known; None of a user's own.
    """

    name: str
    labels: tuple[str, ...]
    targets: NDArray[np.bool_]
    test_rows: NDArray[np.bool_]
    features: NDArray[np.float32] | None
    feature_names: tuple[str, ...]
    texts: tuple[str, ...] | None
    source: str
    images: tuple[Path | bytes, ...] | None = None
    groups: tuple[str | None, ...] | None = None
    places: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    licence: str | None = None

    def __post_init__(self) -> None:
        rows = len(self.test_rows)
        given = [inputs for inputs in (self.features, self.texts, self.images) if inputs is not None]
        if len(given) != 1:
            raise ValueError("a Dataset holds features, texts or images, one of these")
        (inputs,) = given
        if self.targets.shape != (rows, len(self.labels)) or len(inputs) != rows:
            raise ValueError(
                f"{rows} rows and {len(self.labels)} labels do not fit targets {self.targets.shape} "
                f"and {len(inputs)} inputs"
            )
        if self.groups is not None and len(self.groups) != rows:
            raise ValueError(f"{rows} rows do not fit {len(self.groups)} groups")

    def picture(self, row: int) -> bytes:
        """The file that the picture of a row is."""
        assert self.images is not None, "a data set of pictures has images"
        image = self.images[row]
        return image if isinstance(image, bytes) else image.read_bytes()

    @property
    def rows(self) -> int:
        """The number of examples."""
        return len(self.test_rows)
