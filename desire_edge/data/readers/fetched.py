"""The worked data sets that `desire-edge data fetch` builds, by their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from desire_edge.data import fetch
from desire_edge.data.dataset import Dataset
from desire_edge.data.fetch.folder import MIN_EXAMPLES, cached
from desire_edge.data.readers.files import load_files
from desire_edge.errors import DesireEdgeError


class Reader:
    """Reads one of them."""

    def __init__(self, fetcher: fetch.Fetcher) -> None:
        """Read what `fetcher` builds."""
        self.SOURCE = fetcher.NAME
        self._path = fetcher.PATH
        self._licence = fetcher.LICENCE

    def reads(self, source: str) -> bool:
        """Whether `source` is its name."""
        return source == self.SOURCE

    def read(self, source: str, data_dir: Path | None) -> Dataset:
        """Load it from the user's cache, without the labels that have fewer than `MIN_EXAMPLES` examples."""
        path = cached(self.SOURCE) / self._path
        if not path.exists():
            raise DesireEdgeError(
                f"the data set {self.SOURCE} is not on this machine; run `desire-edge data fetch {self.SOURCE}`"
            )
        return replace(keep_frequent(load_files(path)), name=self.SOURCE, licence=self._licence)


def keep_frequent(dataset: Dataset) -> Dataset:
    """`dataset` without the labels that have fewer than `MIN_EXAMPLES` examples; all rows stay."""
    kept = np.flatnonzero(dataset.targets.sum(axis=0) >= MIN_EXAMPLES)
    return replace(
        dataset,
        labels=tuple(dataset.labels[label] for label in kept.tolist()),
        targets=np.ascontiguousarray(dataset.targets[:, kept]),
    )


READERS = tuple(map(Reader, fetch.FETCHERS))
