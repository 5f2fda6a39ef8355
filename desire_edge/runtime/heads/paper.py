"""The paper's head, Eq. (1), adapted by gradient steps: what was meta-learned, and what export made of it once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from desire_edge import _core
from desire_edge.runtime.heads.arrays import Shapes, checked, read_arrays
from desire_edge.runtime.heads.explained import EPSILON, Learned, Reasons
from desire_edge.runtime.heads.replay import Replay

Array = NDArray[np.float32]
Floats = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PaperSemantics:
    """The model of Eq. (1), all float32, along the features' axes: the principal axes of the base labels' vectors.

    Labels' vectors are of the features' dimension d. `SHAPES` has the shapes; h are the hidden units, B the base
    labels, T the steps.

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

    KIND: ClassVar[str] = "paper"
    WEIGHTS: ClassVar[tuple[str, ...]] = ("w1", "b1", "v", "q", "m")
    """The inputs of `head.onnx` that adapting changes."""

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
        arrays = read_arrays(path)
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
        left_away = ("p", "r") if known_labels else ()
        shapes = {name: shape for name, shape in SHAPES.items() if name not in left_away}
        return cls(**checked(arrays, shapes, sizes, path))

    @property
    def known_labels(self) -> bool:
        """Whether the model uses known labels."""
        return self.p is None

    def arrays(self) -> dict[str, Array]:
        """All of them by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in found.items() if array is not None}

    def packed(self) -> _core.Model:
        """The arrays packed for `learn`, once for all its calls."""
        names = ["w1", "b1", "w2", "b2", "q0", "step_sizes", "threshold_weights"]
        names += ["w_i", "w_base"] if self.known_labels else ["p", "r"]
        arrays: dict[str, Any] = {name: getattr(self, name) for name in names}
        return _core.Model(gamma1=float(self.gamma1), gamma2=float(self.gamma2), **arrays)

    def reasons(self, learned: Learned) -> Reasons:
        """The steps that were taken, as sums over the examples, for explanations."""
        arrays = {name: value.astype(np.float64) for name, value in self.arrays().items()}
        return Replay(arrays, learned)

    def logits(self, weights: Mapping[str, Floats], z: Floats, u: Floats) -> Floats:
        """The logits [..., N] that an adapted head gives inputs, in the precision of what is given.

        Args:
            weights: the task's.
            z: [..., d].
            u: [..., B], the scores of the base labels; read in a model that uses known labels.
        """
        hidden = np.maximum(z @ weights["w1"] + weights["b1"], 0)
        square = ((hidden @ weights["q"]) * hidden).sum(axis=-1, keepdims=True)
        base = u
        if self.r is not None:
            spread = ((z @ self.r) ** 2).sum(axis=-1, keepdims=True)
            base = z / np.sqrt(spread + EPSILON**2)
        logits: Floats = hidden @ weights["v"] / np.sqrt(np.maximum(square, EPSILON**2)) + base @ weights["m"]
        return logits

    def serialize(self) -> bytes:
        """The content of the file."""
        return save(self.arrays())


SHAPES: Shapes = {
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
