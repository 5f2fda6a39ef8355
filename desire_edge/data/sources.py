"""Data sets by what a user calls them: a name, a path, or `auto`."""

from __future__ import annotations

import warnings
from pathlib import Path

from desire_edge.data.dataset import Dataset
from desire_edge.data.readers import READERS
from desire_edge.data.readers.delicious import DataNotFoundError, load_delicious
from desire_edge.data.readers.sample import load_sample
from desire_edge.errors import DesireEdgeError

AUTO = "auto"


def load_dataset(source: str = AUTO, data_dir: Path | None = None) -> Dataset:
    """Load what a reader reads `source` as, or `auto`.

    `auto` is Delicious if it is found or can be fetched, and else the sample corpus, with a warning
    that says why; with a `data_dir` named, Delicious must be there. Raises `DesireEdgeError` for an unknown
    source and for files that cannot be read.
    """
    if source == AUTO:
        try:
            return load_delicious(data_dir)
        except DataNotFoundError as error:
            if data_dir is not None:
                raise
            warnings.warn(f"using the sample corpus, because {str(error).splitlines()[0]}", stacklevel=2)
            return load_sample()
    for reader in READERS:
        if reader.reads(source):
            return reader.read(source, data_dir)
    *known, last = (AUTO, *(reader.SOURCE for reader in READERS))
    raise DesireEdgeError(f"no data set is called {source!r}; use {', '.join(known)} or {last}")


def lasting_source(source: str, dataset: Dataset) -> str:
    """What finds `dataset`, loaded as `source`, again: `auto` may find another tomorrow, a path lead elsewhere."""
    if source == AUTO:
        return dataset.name
    named = any(source == reader.SOURCE for reader in READERS)
    return source if named else str(Path(source).absolute())
