"""Readers of data sets that have a name, a file each, and of files of the user's own (`files`).

A new data set is a file here and its module in `READERS`; a new format is one in `desire_edge/inputs/readers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from desire_edge.data.dataset import Dataset
from desire_edge.data.readers import delicious, fetched, sample


class Reader(Protocol):
    """What the module of a data set has.

    Attributes:
        SOURCE: its name.
    """

    SOURCE: str

    def reads(self, source: str) -> bool:
        """Whether `source` is this reader's."""

    def read(self, source: str, data_dir: Path | None) -> Dataset:
        """Load `source`; `data_dir` is where the user has Delicious.

        Raises:
            DesireEdgeError: it cannot be read, or is not in the format.
        """


READERS: tuple[Reader, ...] = (delicious, sample, *fetched.READERS)
"""All of them; the first that reads a source does."""
