"""`semantics.safetensors`: what was meta-learned, and what export made of it once, so that a device need not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from desire_edge import _core
from desire_edge.errors import DesireEdgeError

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Semantics:
    """The model of Eq. (1), all float32, along the features' axes: the principal axes of the base labels' vectors.

    `SHAPES` has the shapes; d is the dimension, h the hidden units, B the base labels, T the steps.

    Attributes:
        w_base: W_base, the base labels' vectors.
        w_i: W_I, the inference matrix.
        w1, b1, w2, b2: W_Z.
        gamma1, gamma2: γ1 and γ2.
        step_sizes: η of each inner step; the columns are for w1 and b1, w2 and b2, w_i, γ1, γ2.
        q0: W2~ W2~ᵀ, W2~ = [w2; b2].
        base_bias: of the base labels' logits.
        threshold_weights: see `desire_edge_thresholds`.
        p, r: W_base W_I, and the diagonal R with ‖z R‖ = ‖z W_base‖; None in a model that uses known labels.
    """

    w_base: Array
    w_i: Array
    w1: Array
    b1: Array
    w2: Array
    b2: Array
    gamma1: Array
    gamma2: Array
    step_sizes: Array
    q0: Array
    base_bias: Array
    threshold_weights: Array
    p: Array | None = None
    r: Array | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, Any]) -> Self:
        """From arrays by these names, in any precision; others among them are left away."""
        known = {field.name for field in fields(cls)} & set(arrays)
        return cls(**{name: np.array(arrays[name], np.float32, order="C") for name in known})

    @classmethod
    def read(cls, path: Path, dimension: int, hidden: int, base_labels: int, *, known_labels: bool) -> Self:
        """Read and check `path`, of a bundle with these d, h and B.

        Raises:
            DesireEdgeError: not a safetensors file, or an array that is not there, finite, float32 and of its shape.
        """
        try:
            arrays = load(path.read_bytes())
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DesireEdgeError(f"{path} is not a readable safetensors file: {error}") from error
        steps = arrays.get("step_sizes")
        sizes = {
            "d": dimension,
            "h": hidden,
            "h+1": hidden + 1,
            "B": base_labels,
            "T": len(steps) if steps is not None and steps.ndim else 0,
            "5": 5,
            "thresholds": _core.THRESHOLD_WEIGHTS,
        }
        names = [name for name in SHAPES if not (known_labels and name in ("p", "r"))]
        for name in names:
            shape = tuple(sizes[size] for size in SHAPES[name])
            array = arrays.get(name)
            if (
                array is None
                or array.dtype != np.float32
                or array.shape != shape
                or not np.isfinite(array).all()
            ):
                raise DesireEdgeError(
                    f"{path}: {name} is not a finite float32 array of shape {list(shape)}; export the bundle again"
                )
        return cls(**{name: arrays[name] for name in names})

    @property
    def known_labels(self) -> bool:
        """Whether the model uses known labels."""
        return self.p is None

    def arrays(self) -> dict[str, Array]:
        """All of them by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in found.items() if array is not None}

    def serialize(self) -> bytes:
        """The content of the file."""
        return save(self.arrays())


SHAPES: dict[str, tuple[str, ...]] = {
    "w_base": ("d", "B"),
    "w_i": ("B", "d"),
    "w1": ("d", "h"),
    "b1": ("h",),
    "w2": ("h", "d"),
    "b2": ("d",),
    "gamma1": (),
    "gamma2": (),
    "step_sizes": ("T", "5"),
    "q0": ("h+1", "h+1"),
    "base_bias": ("B",),
    "threshold_weights": ("thresholds",),
    "p": ("d", "d"),
    "r": ("d", "d"),
}
"""The shape of each array, by the names of its sizes."""
