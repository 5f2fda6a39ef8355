"""The data sets by name: Delicious, the sample corpus, or a corpus of the user's own."""

from __future__ import annotations

import warnings
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np

from desire_edge.data.dataset import Dataset
from desire_edge.data.jsonl import load_jsonl
from desire_edge.data.locate import DELICIOUS_SHA256, DELICIOUS_URL, DataNotFoundError, find_delicious
from desire_edge.data.mulan import read_mulan
from desire_edge.errors import DesireEdgeError

# Not topics, or not readable as words: left out as in the split that the published figures use.
DROPPED_TAGS = (".imported", ".net", "2.0", "2007", "3d", "??", "???", "????")
# Two tags of the file carry TeX accents; a label is read as a word, so it is written as one.
RESPELT_TAGS = {"dise\\~no": "diseño", "m\\'usica": "música"}


def load_delicious(data_dir: Path | None = None) -> Dataset:
    """Load Delicious: 16,105 bookmarked pages (12,920 for training, then 3,185 for test), 500 binary words,
    975 tags.

    The files are found as `find_delicious` says; raises what it raises.
    """
    files = find_delicious(data_dir)
    train, test = read_mulan(files.train, files.header), read_mulan(files.test, files.header)
    kept = [index for index, tag in enumerate(train.labels) if tag not in DROPPED_TAGS]
    digests = ", ".join(f"{name} (sha256 {digest})" for name, digest in DELICIOUS_SHA256.items())
    return Dataset(
        name="delicious",
        labels=tuple(RESPELT_TAGS.get(train.labels[index], train.labels[index]) for index in kept),
        targets=np.ascontiguousarray(np.concatenate([train.targets, test.targets])[:, kept]),
        test_rows=np.repeat([False, True], [len(train.targets), len(test.targets)]),
        features=np.concatenate([train.features, test.features]),
        feature_names=train.feature_names,
        texts=None,
        source=f"Delicious, from {DELICIOUS_URL}: {digests}",
    )


def load_sample() -> Dataset:
    """Load the sample corpus that the package carries: short bookmark-like texts with 3 to 8 tags each."""
    with resources.as_file(resources.files("desire_edge.data") / "sample.jsonl") as path:
        return replace(load_jsonl(path), name="sample")


def load_dataset(name: str = "auto", data_dir: Path | None = None) -> Dataset:
    """Load `delicious`, `sample`, a path that ends in `.jsonl`, or `auto`.

    `auto` is Delicious if it is found or can be fetched, and else the sample corpus, with a warning
    that says why; with a `data_dir` named, Delicious must be there. Raises `DesireEdgeError` for an unknown
    name and for files that cannot be read.
    """
    if name == "delicious":
        return load_delicious(data_dir)
    if name == "sample":
        return load_sample()
    if name == "auto":
        try:
            return load_delicious(data_dir)
        except DataNotFoundError as error:
            if data_dir is not None:
                raise
            warnings.warn(f"using the sample corpus, because {str(error).splitlines()[0]}", stacklevel=2)
            return load_sample()
    if name.endswith(".jsonl"):
        return load_jsonl(Path(name))
    raise DesireEdgeError(
        f"no data set is called {name!r}; use auto, delicious, sample or the path of a .jsonl file"
    )
