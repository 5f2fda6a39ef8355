"""From the support's features to the folded head's weights, through the C++ core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.errors import DesireEdgeError

Array = NDArray[np.float32]
EPSILON = 1e-6
"""The ε of the model's l2 norms."""

WEIGHTS = ("w1", "b1", "v", "q", "m")
"""A folded head's arrays."""
HEAD = (*WEIGHTS, "gamma1", "gamma2")
"""What a folded head is made of."""

MAX_CONDITIONING = 7.0
"""κ = ‖H W_2‖ / ‖W_Z(Z)‖ beyond which single precision loses more than about 4e-6 of the logits."""


@dataclass(frozen=True, eq=False)
class AdaptedHead:
    """The folded head after adaptation: `w1` [d, h], `b1` [h], `v` [h+1, N], `q` [h+1, h+1], `m` [d, N], γ1, γ2.

    In a model that uses known labels `m` is [B, N] and multiplies the base labels' scores in place of z.
    `losses` holds the support loss before each step taken and after the last, `logits` [S, N] what the head says of the
    support examples; `conditioning` is the largest κ seen.
    """

    w1: Array
    b1: Array
    v: Array
    q: Array
    m: Array
    gamma1: float
    gamma2: float
    losses: tuple[float, ...]
    logits: Array
    conditioning: float

    def task_weights(self, ways: int) -> dict[str, Array]:
        """The inputs of `head.onnx` beside z, for graphs of `ways` labels; unused ways are 0 throughout."""
        labels = self.v.shape[1]

        def padded(array: Array) -> Array:
            return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, ways - labels)])

        q = self.q.copy()
        q[-1, -1] += EPSILON**2
        return {
            "w1": np.pad(self.w1, [(0, 0), (0, 1)]),  # the last hidden unit is 1 for every z
            "b1": np.append(self.b1, np.float32(1)),
            "v": padded(np.float32(self.gamma1) * self.v),
            "q": q,
            "m": padded(np.float32(self.gamma2) * self.m),
            "used": padded(np.ones(labels, np.float32)),
        }


def packed_model(semantics: Mapping[str, Array], *, known_labels: bool) -> _core.Model:
    """The model's arrays packed for `adapt_head`, once for all its calls.

    Args:
        semantics: the bundle's arrays.
        known_labels: the model uses known labels.
    """
    return _core.Model(**_model_arguments(semantics, np.float32, known_labels=known_labels))


def adapt_head(
    model: _core.Model,
    semantics: Mapping[str, Array],
    z: Array,
    targets: Array,
    mask: Array,
    w_novel: Array,
    known_labels: Array | None = None,
) -> AdaptedHead:
    """Run the inner loop (MAML's, low-rank form) on z [S, d], targets and mask [S, N], w_novel [d, N].

    `model` is `semantics` packed. One that uses known labels takes them as `known_labels` [S, B] of 0 and 1, a row of
    zeros where there is none.

    Without examples, or where nothing is known of them, no step is taken: the labels go by their names alone. Steps
    past the lowest support loss are not taken either: they have overshot. Where single precision would lose more than
    about 4e-6 of the logits (κ above 7), the loop runs in double.

    Raises:
        DesireEdgeError: a size or value the core refuses, or an adaptation that does not stay finite.
    """
    scores = None if known_labels is None else base_scores(z, semantics["w_base"], known_labels)
    # The inner loss is a sum over labels; the core's is a mean, so its steps are that much longer.
    ways = np.float32(mask.any(axis=0).sum())
    steps = ways * semantics["step_sizes"] if ways else semantics["step_sizes"][:0]

    def in_single(steps: Array) -> Mapping[str, Any]:
        return model.adapt(
            model.labels(_contiguous(w_novel, np.float32)),
            z=_contiguous(z, np.float32),
            targets=_contiguous(targets, np.float32),
            mask=_contiguous(mask, np.float32),
            step_sizes=_contiguous(steps, np.float32),
            scores=None if scores is None else _contiguous(scores, np.float32),
            keep_lowest=True,
        )

    def in_double(steps: Array) -> Mapping[str, Any]:
        return _core.adapt_lowrank(
            z=_contiguous(z, np.float64),
            targets=_contiguous(targets, np.float64),
            mask=_contiguous(mask, np.float64),
            w_novel=_contiguous(w_novel, np.float64),
            step_sizes=_contiguous(steps, np.float64),
            scores=None if scores is None else _contiguous(scores, np.float64),
            **_model_arguments(semantics, np.float64, known_labels=scores is not None),
        )

    with _refusals(len(z)):
        result = _finite(in_single, steps)
        if max(result["conditioning"]) > MAX_CONDITIONING:
            result = dict(_finite(in_double, steps[: result["steps"]]))
            factors = {name: result[name] for name in HEAD}
            result["logits"] = _core.head_logits(
                z=_contiguous(z, np.float64),
                r=_contiguous(semantics["r"], np.float64) if scores is None else None,
                scores=scores,
                **factors,
            )
    return _adapted_head(result)


def base_scores(z: Array, w_base: Array, known_labels: Array) -> NDArray[np.float64]:
    """The base labels' scores over their norm, [S, B]: an example's known labels, or z W_base where there is none.

    Args:
        z: [S, d].
        w_base: [d, B].
        known_labels: [S, B] of 0 and 1.
    """
    # Not z @ w_base, whose last bits may depend on how many threads it runs on.
    seen = np.einsum("sd,db->sb", z.astype(np.float64), w_base.astype(np.float64))
    scores = np.where(known_labels.any(axis=1, keepdims=True), known_labels, seen)
    norms: NDArray[np.float64] = np.sqrt((scores * scores).sum(axis=1, keepdims=True) + EPSILON**2)
    return scores / norms


def _model_arguments(
    semantics: Mapping[str, Array], dtype: type[np.float32] | type[np.float64], *, known_labels: bool
) -> dict[str, Any]:
    """What the core takes of a model's arrays, in one precision."""
    names = ("w1", "b1", "w2", "b2", "q0", *(("w_i",) if known_labels else ("p", "r")))
    arrays = {name: _contiguous(semantics[name], dtype) for name in names}
    return {"gamma1": float(semantics["gamma1"]), "gamma2": float(semantics["gamma2"]), **arrays}


def _contiguous(array: NDArray[Any], dtype: type[np.float32] | type[np.float64]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype)


def _finite(adapt: Callable[[Array], Mapping[str, Any]], steps: Array) -> Mapping[str, Any]:
    """The result of `adapt` on as many of the steps [T, 5] as stay finite: half of them, until they do."""
    while True:
        try:
            return adapt(steps)
        except _core.DivergedError:
            if not len(steps):
                raise
            steps = steps[: len(steps) // 2]  # so far overshot that nothing is finite: stop earlier


def _adapted_head(result: Mapping[str, Any]) -> AdaptedHead:
    taken = result.get("steps", len(result["losses"]) - 1)
    return AdaptedHead(
        **{name: np.asarray(result[name], np.float32) for name in WEIGHTS},
        gamma1=float(result["gamma1"]),
        gamma2=float(result["gamma2"]),
        losses=tuple(float(loss) for loss in result["losses"][: taken + 1]),
        logits=np.asarray(result["logits"], np.float32),
        conditioning=float(max(result["conditioning"])),
    )


@contextmanager
def _refusals(examples: int) -> Iterator[None]:
    """What the core says of so many examples that it cannot take, as an error of ours."""
    try:
        yield
    except MemoryError as error:
        raise DesireEdgeError(
            f"{examples} examples do not fit into this machine's memory; adapt with fewer"
        ) from error
    except (ValueError, ArithmeticError) as error:
        code = "diverged" if isinstance(error, _core.DivergedError) else "invalid"
        raise DesireEdgeError(f"the labels could not be learned: {error}", code) from error
