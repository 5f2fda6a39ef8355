"""The files that an input needs beside the model: a tokenizer, a lexicon."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from desire_edge.errors import DesireEdgeError


@dataclass(frozen=True)
class Assets:
    """Where they are: in a bundle's folder, beside an adapted model; None for a model of bytes alone."""

    folder: Path | None = None

    def path(self, name: str) -> Path:
        """Where the file `name` is.

        Raises:
            DesireEdgeError: it is not there.
        """
        if self.folder is None:
            raise DesireEdgeError(
                f"the model needs the file {name} beside it; open it by its path, not by its bytes",
                "asset-none",
            )
        path = self.folder / name
        if not path.is_file():
            raise DesireEdgeError(
                f"the model needs the file {name}, which {self.folder} does not hold; copy the whole folder",
                "asset-none",
            )
        return path

    def checked(self, name: str, sha256: str) -> Path:
        """Where the file `name` is, which must be of that SHA-256."""
        path = self.path(name)
        if sha256_of(path) != sha256:
            raise DesireEdgeError(
                f"{path} is not the file that the model was made with (its SHA-256 differs); copy the whole folder",
                "asset-changed",
            )
        return path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error


def digests_from_json(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of the assets `names` by name, from an input's JSON; a ValueError where it says something else."""
    files = value["files"]
    if not isinstance(files, dict) or sorted(files) != sorted(names):
        raise ValueError(f"its files are not {', '.join(names)}")
    if not all(isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) for digest in files.values()):
        raise ValueError("a file has no SHA-256")
    return files
