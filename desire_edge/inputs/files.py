"""One raw input from one file, by its ending."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.spec import RawInput

MAX_FILE_BYTES = 16 * 2**20  # a file comes from anyone: what is read of it is bounded


def read_input(path: Path) -> RawInput:
    """Read one raw input: text from `.txt`, a vector from `.npy`, sparse features from `.json`.

    Raises:
        DesireEdgeError: not there, too large, of another kind, or not what its ending says.
    """
    if path.suffix not in READERS:
        raise DesireEdgeError(f"{path} is of no kind that can be read; use {', '.join(READERS)}")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DesireEdgeError(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MiB, so it is not read")
        content = path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        return READERS[path.suffix](content)
    except (ValueError, MemoryError, RecursionError) as error:  # the last two: a hostile .npy header
        reason = str(error).partition("\n")[0] or "its header cannot be"
        raise DesireEdgeError(f"{path} is not a readable {path.suffix} file: {reason}") from error


def _text(content: bytes) -> str:
    return content.decode("utf-8")


def _array(content: bytes) -> NDArray[Any]:
    # Not np.load, which also opens zip archives, of any size once unpacked.
    array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    return array


def _sparse(content: bytes) -> dict[str, float]:
    values = parse_json(content)
    if not isinstance(values, dict):
        raise ValueError("expected an object from feature name to number")
    return values


READERS: dict[str, Callable[[bytes], RawInput]] = {".txt": _text, ".npy": _array, ".json": _sparse}
"""From a file's bytes to raw input, by the file's ending."""
