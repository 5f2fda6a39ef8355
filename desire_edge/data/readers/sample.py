"""The sample corpus that the package carries."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

from desire_edge.data.dataset import Dataset
from desire_edge.data.readers.files import load_files

SOURCE = "sample"
LICENCE = "MIT, as this package"


def reads(source: str) -> bool:
    """Whether `source` is the name of this corpus."""
    return source == SOURCE


def read(source: str, data_dir: Path | None) -> Dataset:
    """Load it from the package."""
    return load_sample()


def load_sample() -> Dataset:
    """Load the sample corpus: short bookmark-like texts with 3 to 8 tags each."""
    with resources.as_file(resources.files("desire_edge.data") / "sample.jsonl") as path:
        return replace(load_files(path), name=SOURCE, licence=LICENCE)
