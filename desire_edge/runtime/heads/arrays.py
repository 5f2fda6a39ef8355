"""`semantics.safetensors`, whatever the head: arrays, checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from desire_edge.errors import DesireEdgeError

Array = NDArray[np.float32]
Shapes = Mapping[str, tuple[str, ...]]
"""The shape of each array, by the names of its sizes."""


def read_arrays(path: Path) -> dict[str, Array]:
    """All arrays of the file at `path`.

    Raises:
        DesireEdgeError: not a safetensors file.
    """
    try:
        arrays: dict[str, Array] = load(path.read_bytes())
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DesireEdgeError(f"{path} is not a readable safetensors file: {error}") from error
    return arrays


def checked(
    arrays: Mapping[str, Array], shapes: Shapes, sizes: Mapping[str, int], path: Path
) -> dict[str, Array]:
    """Those of `arrays` that `shapes` name, of sizes that `sizes` give.

    Raises:
        DesireEdgeError: an array that is not there, finite, float32 and of its shape.
    """
    for name, dimensions in shapes.items():
        shape = tuple(sizes[size] for size in dimensions)
        array = arrays.get(name)
        if array is None or array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
            raise DesireEdgeError(
                f"{path}: {name} is not a finite float32 array of shape {list(shape)}; export the bundle again"
            )
    return {name: arrays[name] for name in shapes}
