"""Data sets by what a user calls them: a name, a path, or `auto`."""

from __future__ import annotations

import warnings
from pathlib import Path

from desire_edge.data.dataset import Dataset
from desire_edge.data.readers import READERS, files
from desire_edge.data.readers.delicious import DataNotFoundError, load_delicious
from desire_edge.data.readers.sample import load_sample
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Columns

AUTO = "auto"


def load_dataset(
    source: str = AUTO,
    data_dir: Path | None = None,
    columns: Columns | None = None,
    test: str | None = None,
) -> Dataset:
    """Load the data set called `source`, what is in the file or folder at that path, or `auto`.

    `auto` is Delicious if it is found or can be fetched, and else the sample corpus, with a warning
    that says why; with a `data_dir` named, Delicious must be there. Of files, `columns` say which columns hold what,
    and `test` is the path of the test part, if it is a file of its own. Raises `DesireEdgeError` for an unknown
    source and for files that cannot be read.
    """
    named = next((reader for reader in READERS if reader.reads(source)), None)
    if (named or source == AUTO) and (test is not None or columns not in (None, Columns())):
        raise DesireEdgeError(
            f"the data set {source} has its own columns and test part; name columns and --test with --data FILE"
        )
    if named is not None:
        return named.read(source, data_dir)
    if source == AUTO:
        try:
            return load_delicious(data_dir)
        except DataNotFoundError as error:
            if data_dir is not None:
                raise
            warnings.warn(f"using the sample corpus, because {str(error).splitlines()[0]}", stacklevel=2)
            return load_sample()
    if files.reads(source):
        return files.load_files(source, columns, test)
    known = (AUTO, *(reader.SOURCE for reader in READERS))
    raise DesireEdgeError(f"no data set is called {source!r}; use {', '.join(known)} or {files.SOURCE}")


def lasting_source(source: str, dataset: Dataset) -> str:
    """What finds `dataset`, loaded as `source`, again: `auto` may find another tomorrow, a path lead elsewhere."""
    if source == AUTO:
        return dataset.name
    named = any(reader.reads(source) for reader in READERS)
    return source if named else str(Path(source).absolute())
