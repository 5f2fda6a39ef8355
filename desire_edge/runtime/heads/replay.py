"""The paper's head, explained: its gradient steps as sums over the examples. docs/explain.md has the algebra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.runtime.heads.explained import EPSILON, Learned, Terms, base_scores, logistic

Array = NDArray[np.float64]


class Replay:
    """The inner loop's steps once more, as sums over the examples: what each example changed at each step.

    A step from θ to θ' = θ + Σ_s δ_s changes a logit by f(θ') - f(θ), which is shared among the examples by secants:
    products by the mean of both orders, relu by its mean slope. That is linear in δ_s and leaves nothing over.
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        learned: Learned,
    ) -> None:
        """Take the steps that were kept.

        Args:
            arrays: the bundle's, before adapting, by the names of `PaperSemantics`.
            learned: the support set, and what came of it.
        """
        self._arrays = arrays
        self.z, self.w_novel = learned.z.astype(np.float64), learned.w_novel.astype(np.float64)
        targets, mask, known_labels = learned.targets, learned.mask, learned.known_labels
        self.scores = base_scores(self.z, arrays["w_base"], known_labels)
        self.taken: list[_Step] = []
        gram = self.w_novel.T @ self.w_novel
        state = _State(
            w2=np.vstack([arrays["w2"], arrays["b2"]]),
            gamma1=float(arrays["gamma1"]),
            gamma2=float(arrays["gamma2"]),
        )
        hidden_in = self.z @ arrays["w1"] + arrays["b1"]
        inferred = self.scores @ (arrays["w_i"] @ self.w_novel)
        kernel, base_kernel = self.z @ self.z.T + 1, self.scores @ self.scores.T
        known = int((mask != 0).any(axis=0).sum())
        weight = mask / max(float(mask.sum()), np.finfo(np.float64).tiny)
        for eta in (arrays["step_sizes"] * known)[: learned.steps]:
            hidden = _with_one(np.maximum(hidden_in, 0))
            f = hidden @ state.w2
            norm = np.sqrt((f * f).sum(axis=1, keepdims=True) + EPSILON**2)
            unit = f @ self.w_novel / norm
            error = weight * (logistic(state.gamma1 * unit + state.gamma2 * inferred) - targets)
            through = state.gamma1 * error @ self.w_novel.T
            d_f = (through - (through * f).sum(axis=1, keepdims=True) / norm**2 * f) / norm
            step = _Step(
                hidden=hidden,
                d_f=eta[1] * d_f,
                d_hidden=eta[0] * (d_f @ state.w2[:-1].T) * (hidden_in > 0),
                d_inferred=eta[2] * state.gamma2 * error @ gram,
                d_gamma1=eta[3] * (error * unit).sum(axis=1),
                d_gamma2=eta[4] * (error * inferred).sum(axis=1),
                before=state,
                after=_State(
                    w2=state.w2 - eta[1] * hidden.T @ d_f,
                    gamma1=state.gamma1 - eta[3] * float((error * unit).sum()),
                    gamma2=state.gamma2 - eta[4] * float((error * inferred).sum()),
                ),
            )
            self.taken.append(step)
            state = step.after
            hidden_in = hidden_in - kernel @ step.d_hidden
            inferred = inferred - base_kernel @ step.d_inferred

    def explain(self, z: NDArray[Any], known_labels: NDArray[Any] | None) -> Terms:
        """The terms of one input's logits: z [d] are its features, `known_labels` [B] of 0 and 1, or None."""
        arrays, w_novel = self._arrays, self.w_novel
        z = z.astype(np.float64)
        told = None if known_labels is None else known_labels[None]
        u = base_scores(z[None], arrays["w_base"], told)[0]
        kernel, base_kernel = self.z @ z + 1, self.scores @ u
        hidden_in = z @ arrays["w1"] + arrays["b1"]
        votes = arrays["w_i"] @ w_novel
        inferred = u @ votes
        f = _with_one(np.maximum(hidden_in, 0)) @ np.vstack([arrays["w2"], arrays["b2"]])
        name = float(arrays["gamma1"]) * (f @ w_novel) / np.sqrt(f @ f + EPSILON**2)
        examples = np.zeros((len(self.z), w_novel.shape[1]))
        for step in self.taken:
            next_in = hidden_in - kernel @ step.d_hidden
            next_inferred = inferred - base_kernel @ step.d_inferred
            examples -= self._shares(step, hidden_in, next_in, kernel)
            examples -= np.outer(step.d_gamma2, (inferred + next_inferred) / 2)
            gamma2 = (step.before.gamma2 + step.after.gamma2) / 2
            examples -= gamma2 * base_kernel[:, None] * step.d_inferred
            hidden_in, inferred = next_in, next_inferred
        return Terms(
            name=name,
            base=float(arrays["gamma2"]) * u[:, None] * votes,
            examples=examples,
            bias=np.zeros_like(name),
            scores=u,
        )

    def _shares(self, step: _Step, old_in: Array, new_in: Array, kernel: Array) -> Array:
        """What each example takes off the first term of Eq. (1) at one step, [S, N]."""
        before, after, w_novel = step.before, step.after, self.w_novel
        old, new = _with_one(np.maximum(old_in, 0)), _with_one(np.maximum(new_in, 0))
        old_f, new_f = old @ before.w2, new @ after.w2
        old_norm, new_norm = (np.sqrt(f @ f + EPSILON**2) for f in (old_f, new_f))
        old_y, new_y = old_f @ w_novel, new_f @ w_novel
        # y/n changes by (f' - f) · secant, of each label.
        secant = w_novel * (1 / old_norm + 1 / new_norm) / 2 - np.outer(
            old_f + new_f, (old_y + new_y) / 2 / (old_norm * new_norm * (old_norm + new_norm))
        )
        to_hidden = ((before.w2 + after.w2)[:-1] / 2) @ secant * _relu_slope(old_in, new_in)[:, None]
        through_w1 = kernel[:, None] * (step.d_hidden @ to_hidden)
        through_w2 = (step.hidden @ ((old + new) / 2))[:, None] * (step.d_f @ secant)
        by_gamma1 = np.outer(step.d_gamma1, (old_y / old_norm + new_y / new_norm) / 2)
        return (before.gamma1 + after.gamma1) / 2 * (through_w1 + through_w2) + by_gamma1


@dataclass(frozen=True, eq=False)
class _State:
    """What a step changes and a query cannot follow by kernels: W2~ [h + 1, d] and the factors."""

    w2: Array
    gamma1: float
    gamma2: float


@dataclass(frozen=True, eq=False)
class _Step:
    """One step: the support's rows that its changes are made of, step sizes in them, and the state around it."""

    hidden: Array  # H~, [S, h + 1]: W2~ has changed by -H~ᵀ d_f
    d_f: Array  # [S, d]
    d_hidden: Array  # [S, h]: W_1 has changed by -Zᵀ d_hidden, b_1 by its negative column sums
    d_inferred: Array  # [S, N]: u W_I W_novel has changed by -u Uᵀ d_inferred
    d_gamma1: Array  # [S]: γ1 has changed by its negative sum
    d_gamma2: Array  # [S]
    before: _State
    after: _State


def _with_one(rows: Array) -> Array:
    return np.concatenate([rows, np.ones((*rows.shape[:-1], 1))], axis=-1)


def _relu_slope(old: Array, new: Array) -> Array:
    """(relu(new) - relu(old)) / (new - old), and where they are equal the derivative."""
    change = new - old
    crossed = (old > 0) != (new > 0)
    slope: Array = np.where(
        crossed, (np.maximum(new, 0) - np.maximum(old, 0)) / np.where(crossed, change, 1), old > 0
    )
    return slope
