"""Readers of data sets, one file a format. A new format is a file here and its module in `READERS`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from desire_edge.data.dataset import Dataset
from desire_edge.data.readers import delicious, fetched, jsonl, sample


class Reader(Protocol):
    """What a format's module has.

    Attributes:
        SOURCE: the name of its data set, or, where it reads files of the user's own, what to give: "the path of a …".
    """

    SOURCE: str

    def reads(self, source: str) -> bool:
        """Whether `source` is this reader's, by its name or its ending."""

    def read(self, source: str, data_dir: Path | None) -> Dataset:
        """Load `source`; `data_dir` is where the user has Delicious.

        Raises:
            DesireEdgeError: it cannot be read, or is not in the format.
        """


READERS: tuple[Reader, ...] = (delicious, sample, *fetched.READERS, jsonl)
"""All of them; the first that reads a source does."""
