"""The head `prior`: what names and base labels say before examples, which correct it by a kernel. docs/model.md."""

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
from desire_edge.runtime.heads.explained import EPSILON, Learned, Reasons, Terms, base_scores
from desire_edge.scalars import SCALARS, TRUSTS

Array = NDArray[np.float32]
Double = NDArray[np.float64]
Floats = NDArray[Any]


def scalar(values: NDArray[Any], name: str) -> float:
    """One of `scalars` by its name."""
    return float(values[SCALARS.index(name)])


@dataclass(frozen=True, eq=False)
class PriorSemantics:
    """The head in closed form and its scalars, all float32.

    d is the features' dimension, d_w the names', B the base labels.

    Attributes:
        name_mean: [d_w], of the base labels' names at unit length.
        r, base_bias: [d, B] and [B]: z r + base_bias are the base labels' log odds.
        inference: W_I [B, d_w].
        scalars: [21], see `desire_edge.scalars`.
        threshold_weights: see `desire_edge_thresholds`.
        name_map: W_Z [d, d_w]; None for the identity.
        known_labels: whether the model uses known labels.
    """

    KIND: ClassVar[str] = "prior"
    WEIGHTS: ClassVar[tuple[str, ...]] = ("l", "m", "b")
    """The inputs of `head.onnx` that adapting changes."""

    name_mean: Array
    r: Array
    base_bias: Array
    inference: Array
    scalars: Array
    threshold_weights: Array
    name_map: Array | None = None
    known_labels: bool = False

    @classmethod
    def of(cls, arrays: Mapping[str, Any], *, known_labels: bool = False) -> Self:
        """From arrays by these names, in any precision."""
        known = {field.name for field in fields(cls)} & set(arrays)
        return cls(
            **{name: np.array(arrays[name], np.float32, order="C") for name in known},
            known_labels=known_labels,
        )

    @classmethod
    def read(
        cls, path: Path, dimension: int, name_dimension: int, base_labels: int, *, known_labels: bool
    ) -> Self:
        """Read and check `path`, of a bundle with these d, d_w and B.

        Raises:
            DesireEdgeError: not a safetensors file, or an array that is not there, finite, float32 and of its shape.
        """
        arrays = read_arrays(path)
        sizes = {
            "d": dimension,
            "d_w": name_dimension,
            "B": base_labels,
            "scalars": len(SCALARS),
            "thresholds": _core.THRESHOLD_WEIGHTS,
        }
        same_space = dimension == name_dimension and "name_map" not in arrays
        shapes = {name: shape for name, shape in SHAPES.items() if not (same_space and name == "name_map")}
        return cls(**checked(arrays, shapes, sizes, path), known_labels=known_labels)

    @property
    def w_base(self) -> Array:
        """[d, B], the base labels' classifiers."""
        return self.r

    def arrays(self) -> dict[str, Array]:
        """All of them by name."""
        found = {name: getattr(self, name) for name in SHAPES}
        return {name: array for name, array in found.items() if array is not None}

    def serialize(self) -> bytes:
        """The content of the file."""
        return save(self.arrays())

    def packed(self) -> _core.PriorModel:
        """The arrays packed for `learn`, once for all its calls."""
        return _core.PriorModel(
            name_mean=self.name_mean,
            name_map=self.name_map,
            r=self.r,
            inference=self.inference,
            scalars=self.scalars,
            threshold_weights=self.threshold_weights,
            known_labels=self.known_labels,
        )

    def logits(self, weights: Mapping[str, Floats], z: Floats, u: Floats) -> Floats:
        """The logits [..., N] that an adapted head gives inputs, in the precision of what is given.

        Args:
            weights: the task's.
            z: [..., d].
            u: [..., B], the scores of the base labels.
        """
        logits: Floats = z @ weights["l"] + u @ weights["m"] + weights["b"]
        return logits

    def reasons(self, learned: Learned) -> Reasons:
        """What explains the logits of what was learned."""
        return _Sums(self, learned)


SHAPES: Shapes = {
    "name_mean": ("d_w",),
    "r": ("d", "B"),
    "base_bias": ("B",),
    "inference": ("B", "d_w"),
    "scalars": ("scalars",),
    "threshold_weights": ("thresholds",),
    "name_map": ("d", "d_w"),
}


class _Sums:
    """A logit as a sum: every term of this head is linear in the examples' weights."""

    def __init__(self, semantics: PriorSemantics, learned: Learned) -> None:
        assert learned.alpha is not None, "the head `prior` has weights of examples"
        self._arrays = arrays = {name: value.astype(np.float64) for name, value in semantics.arrays().items()}
        self._z, self._alpha = learned.z.astype(np.float64), learned.alpha.astype(np.float64)
        self._u = base_scores(self._z, arrays["r"], learned.known_labels)
        self._names = _unit(_unit(learned.w_novel.astype(np.float64).T) - arrays["name_mean"]).T
        self._trust = _trust(arrays["scalars"], learned.mask)
        some = (learned.targets * learned.mask).sum(axis=0) > 0
        self._bias_variance = self._trust["bias_variance"] * np.where(some, 1, 0.1)

    def explain(self, z: NDArray[Any], known_labels: NDArray[Any] | None) -> Terms:
        """The terms of one input's logits: z [d] are its features, `known_labels` [B] of 0 and 1, or None."""
        arrays, names, trust = self._arrays, self._names, self._trust
        z = z.astype(np.float64)
        told = None if known_labels is None else known_labels[None]
        u = base_scores(z[None], arrays["r"], told)[0]
        mapped = arrays["name_map"] @ names if "name_map" in arrays else names
        near = trust["examples"] * self._z @ z + trust["neighbours"] * self._u @ u
        t = trust["temperature"]
        return Terms(
            name=t * trust["names"] * z @ mapped,
            base=t * trust["base"] * u[:, None] * (arrays["inference"] @ names),
            examples=t * (near[:, None] + self._bias_variance) * self._alpha,
            bias=np.full(names.shape[1], t * trust["bias"] + trust["shift"]),
            scores=u,
        )


def _unit(rows: Double) -> Double:
    found: Double = rows / np.sqrt((rows**2).sum(axis=1, keepdims=True) + EPSILON**2)
    return found


def _trust(scalars: Double, mask: NDArray[Any]) -> dict[str, float]:
    """The scalars for a task of that mask [S, N]."""
    labels = mask.shape[1]
    examples, ways = np.log(max(float(mask.sum()) / labels, 1) / 25), np.log(labels / 5)
    of = {name: scalar(scalars, name) for name in SCALARS}
    found = {
        name: float(np.exp(of[name] + of[f"{name}_examples"] * examples + of[f"{name}_labels"] * ways))
        for name in TRUSTS
    }
    return found | {
        "bias_variance": float(np.exp(of["bias_variance"])),
        "bias": of["bias"] + of["bias_labels"] * float(np.log(labels)),
        "shift": of["shift"] + of["shift_labels"] * float(ways),
    }
