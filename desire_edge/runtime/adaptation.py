"""From the support's features to the folded head's weights, through the C++ core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.errors import DesireEdgeError

Array = NDArray[np.float32]
EPSILON = 1e-6
"""The ε of the model's l2 norms."""


MAX_CONDITIONING = 7.0
"""κ = ‖H W_2‖ / ‖W_Z(Z)‖ beyond which single precision loses more than about 4e-6 of the logits."""


@dataclass(frozen=True, eq=False)
class AdaptedHead:
    """The folded head after adaptation: `w1` [d, h], `b1` [h], `v` [h+1, N], `q` [h+1, h+1], `m` [d, N], γ1, γ2.

    `losses` holds the support loss before each step taken and after the last; `conditioning` is the largest κ seen.
    """

    w1: Array
    b1: Array
    v: Array
    q: Array
    m: Array
    gamma1: float
    gamma2: float
    losses: tuple[float, ...]
    conditioning: float

    def task_weights(self, ways: int) -> dict[str, Array]:
        """The inputs of `head.onnx` beside z, for graphs of `ways` labels; unused ways are 0 throughout."""
        labels = self.v.shape[1]

        def padded(array: Array) -> Array:
            return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, ways - labels)])

        v, m = padded(np.float32(self.gamma1) * self.v), padded(np.float32(self.gamma2) * self.m)
        return {
            "w1": self.w1,
            "b1": self.b1,
            "v": v[:-1],
            "v0": v[-1],
            "q": self.q[:-1, :-1],
            "q1": 2 * self.q[-1, :-1],
            "q0": np.asarray(self.q[-1, -1] + EPSILON**2, np.float32),
            "m": m,
            "used": padded(np.ones(labels, np.float32)),
        }


def adapt_head(
    semantics: Mapping[str, Array], z: Array, targets: Array, mask: Array, w_novel: Array
) -> AdaptedHead:
    """Run the inner loop (MAML's, low-rank form) on z [S, d], targets and mask [S, N], w_novel [d, N].

    Without examples, or where nothing is known of them, no step is taken: the labels go by their names alone. Steps
    past the lowest support loss are not taken either: they have overshot. Where single precision would lose more than
    about 4e-6 of the logits (κ above 7), the loop runs in double.

    Raises:
        DesireEdgeError: a size or value the core refuses, or an adaptation that does not stay finite.
    """
    steps = semantics["step_sizes"] if mask.any() else semantics["step_sizes"][:0]
    head = _run_core(semantics, z, targets, mask, w_novel, steps, np.float32)
    best = max(step for step, loss in enumerate(head.losses) if loss == min(head.losses))
    ill_conditioned = head.conditioning > MAX_CONDITIONING
    if best < len(steps) or ill_conditioned:
        dtype = np.float64 if ill_conditioned else np.float32
        head = _run_core(semantics, z, targets, mask, w_novel, steps[:best], dtype)
    return head


def _run_core(
    semantics: Mapping[str, Array],
    z: Array,
    targets: Array,
    mask: Array,
    w_novel: Array,
    steps: Array,
    dtype: type[np.float32] | type[np.float64],
) -> AdaptedHead:
    def as_dtype(array: Array) -> NDArray[Any]:
        return np.ascontiguousarray(array, dtype)

    try:
        result = _core.adapt_lowrank(
            z=as_dtype(z),
            targets=as_dtype(targets),
            mask=as_dtype(mask),
            w_novel=as_dtype(w_novel),
            step_sizes=as_dtype(steps),
            gamma1=float(semantics["gamma1"]),
            gamma2=float(semantics["gamma2"]),
            **{name: as_dtype(semantics[name]) for name in ("w1", "b1", "w2", "b2", "p", "r", "q0")},
        )
    except MemoryError as error:
        raise DesireEdgeError(
            f"{len(z)} examples do not fit into this machine's memory; adapt with fewer"
        ) from error
    except (ValueError, ArithmeticError) as error:
        raise DesireEdgeError(f"the labels could not be learned: {error}") from error
    losses = tuple(float(loss) for loss in result["losses"])
    return AdaptedHead(
        **{name: np.asarray(result[name], np.float32) for name in ("w1", "b1", "v", "q", "m")},
        gamma1=float(result["gamma1"]),
        gamma2=float(result["gamma2"]),
        losses=losses,
        conditioning=float(np.max(result["conditioning"], initial=0.0)),
    )
