"""Why a label was predicted: its logit as an exact sum over the label's name, the base labels and the examples.

docs/explain.md has the algebra. All of it is in float64, from what a task holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.inputs.spec import RawInput
from desire_edge.runtime.adaptation import AdaptedHead
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.semantics import Semantics
from desire_edge.runtime.taught import Taught

Array = NDArray[np.float64]

EPSILON = 1e-6
"""The ε of every norm; see docs/model.md."""


@dataclass(frozen=True)
class Term:
    """One term of a logit.

    Attributes:
        kind: what spoke: the label's name, a base label, an example, or nothing but single precision (rounding).
        what: its name: a base label, or an example's number; of several together, how many there are.
        value: what it adds to the logit.
        like: of one base label, whether the input is like it (1), unlike it (-1) or neither (0); else 0.
    """

    kind: Literal["name", "base label", "base labels", "example", "examples", "rounding"]
    what: str
    value: float
    like: int = 0


@dataclass(frozen=True, eq=False)
class Explanation:
    """One input's logits, each the sum of its terms: `name + base.sum(0) + examples.sum(0) + rounding`.

    Attributes:
        labels: the task's N labels.
        base_labels: the bundle's B base labels.
        example_labels: of each of the task's S examples, the labels it is known to carry.
        logits: [N], what the adapted model says; `probabilities` are their logistic function.
        thresholds: [N], the probability from which each label is said to hold.
        name: [N], how like the label's name the input is by its features, before any example.
        base: [B, N], what each base label says, before any example.
        examples: [S, N], what each example changed.
        rounding: [N], what the model's single precision adds.
        scores: [B], u: how like each base label the input is, over the norm.
    """

    labels: tuple[str, ...]
    base_labels: tuple[str, ...]
    example_labels: tuple[tuple[str, ...], ...]
    logits: Array
    thresholds: tuple[float, ...]
    name: Array
    base: Array
    examples: Array
    rounding: Array
    scores: Array

    @property
    def probabilities(self) -> Array:
        """[N]."""
        return logistic(self.logits)

    @property
    def predicted(self) -> tuple[str, ...]:
        """The labels that hold, the most probable first; where none does, the most probable one."""
        holds = self.probabilities >= np.array(self.thresholds)
        order = np.argsort(-self.probabilities, kind="stable").tolist()
        return tuple(self.labels[index] for index in order if holds[index]) or (self.labels[order[0]],)

    def terms(self, label: str, most: int = 5) -> tuple[Term, ...]:
        """The terms of a label's logit: its name, the `most` strongest base labels and examples, and the rest of each.

        They add up to the logit.
        """
        n = self.labels.index(label)
        base, examples = self.base[:, n], self.examples[:, n]
        like = np.sign(self.scores)
        first, others = _strongest(base, most)
        terms = [Term("name", label, float(self.name[n]))]
        terms += [Term("base label", self.base_labels[b], float(base[b]), int(like[b])) for b in first]
        if others:
            terms.append(Term("base labels", str(len(others)), float(base[others].sum())))
        first, others = _strongest(examples, most)
        terms += [Term("example", str(s), float(examples[s])) for s in first]
        if others:
            terms.append(Term("examples", str(len(others)), float(examples[others].sum())))
        return (*terms, Term("rounding", "", float(self.rounding[n])))

    def to_json(self) -> dict[str, Any]:
        """Every term of every label, as JSON values."""
        return {
            label: {
                "logit": float(self.logits[n]),
                "probability": float(self.probabilities[n]),
                "threshold": self.thresholds[n],
                "name": float(self.name[n]),
                "base_labels": dict(zip(self.base_labels, self.base[:, n].tolist(), strict=True)),
                "examples": self.examples[:, n].tolist(),
                "rounding": float(self.rounding[n]),
            }
            for n, label in enumerate(self.labels)
        }


def _strongest(values: Array, most: int) -> tuple[list[int], list[int]]:
    """The `most` largest by magnitude, in that order, and all others; of one other alone nothing would be saved."""
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    most = most if len(order) > most + 1 else len(order)
    return order[:most], order[most:]


class Replay:
    """The inner loop's steps once more, as sums over the examples: what each example changed at each step.

    A step from θ to θ' = θ + Σ_s δ_s changes a logit by f(θ') - f(θ), which is shared among the examples by secants:
    products by the mean of both orders, relu by its mean slope. That is linear in δ_s and leaves nothing over.
    """

    def __init__(
        self,
        semantics: Semantics,
        z: NDArray[Any],
        targets: NDArray[Any],
        mask: NDArray[Any],
        w_novel: NDArray[Any],
        known_labels: NDArray[Any] | None,
        steps: int,
    ) -> None:
        """Take the first `steps` steps on a support set.

        Args:
            semantics: the bundle's, before adapting.
            z: [S, d].
            targets: [S, N].
            mask: [S, N].
            w_novel: [d, N].
            known_labels: [S, B] of 0 and 1, or None.
            steps: how many the core kept.
        """
        self._arrays = arrays = {name: value.astype(np.float64) for name, value in semantics.arrays().items()}
        self.z, self.w_novel = z.astype(np.float64), w_novel.astype(np.float64)
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
        for eta in (arrays["step_sizes"] * known)[:steps]:
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

    def explain(self, z: NDArray[Any], known_labels: NDArray[Any] | None) -> Mapping[str, Array]:
        """The terms of one input's logits.

        Args:
            z: [d], its features.
            known_labels: [B] of 0 and 1, or None.

        Returns:
            `name` [N], `base` [B, N], `examples` [S, N] and `scores` [B]; see `Explanation`.
        """
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
        return {
            "name": name,
            "base": float(arrays["gamma2"]) * u[:, None] * votes,
            "examples": examples,
            "scores": u,
        }

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


def replayed(bundle: OpenedBundle, taught: Taught, steps: int) -> Replay:
    """The first `steps` steps of adapting a bundle to what a task holds."""
    return Replay(
        bundle.semantics,
        taught.z,
        taught.targets.astype(np.float64),
        taught.mask.astype(np.float64),
        taught.vectors,
        taught.known_labels if bundle.manifest.known_labels else None,
        steps,
    )


def explain(
    bundle: OpenedBundle,
    taught: Taught,
    head: AdaptedHead,
    replay: Replay,
    raw: RawInput,
    known_labels: Iterable[str],
) -> Explanation:
    """Why `head`, which the bundle learned from `taught` by the steps of `replay`, says what it says of a raw input.

    See `Task.explain`.
    """
    said = bundle.manifest
    base_labels = said.base_labels if said.known_labels else ()
    known = known_rows([known_labels], ["the input"], base_labels, f"the bundle {said.name}")[0]
    z = bundle.extract([said.input.features_of(raw, "the input")])[0]
    terms = replay.explain(z, known if base_labels else None)
    logits = head_logits(head.weights, z, terms["scores"], bundle.semantics.r)
    total = terms["name"] + terms["base"].sum(axis=0) + terms["examples"].sum(axis=0)
    return Explanation(
        labels=taught.labels,
        base_labels=said.base_labels,
        example_labels=tuple(tuple(compress(taught.labels, row)) for row in taught.targets & taught.mask),
        logits=logits,
        thresholds=tuple(head.thresholds.tolist()),
        rounding=logits - total,
        **terms,
    )


def base_scores(z: Array, w_base: Array, known_labels: NDArray[Any] | None) -> Array:
    """u of rows z [S, d]: z W_base, or the row of known_labels [S, B] where it has a 1, over its norm: [S, B]."""
    base = z @ w_base
    if known_labels is not None:
        base = np.where(known_labels.any(axis=1, keepdims=True), known_labels, base)
    scores: Array = base / np.sqrt((base * base).sum(axis=1, keepdims=True) + EPSILON**2)
    return scores


def head_logits(
    weights: Mapping[str, NDArray[Any]], z: NDArray[Any], u: Array, r: NDArray[Any] | None
) -> Array:
    """The logits [N] that an adapted head gives one input, in double.

    Args:
        weights: of `AdaptedHead`.
        z: [d].
        u: [B], read in a model that uses known labels.
        r: R [d, d], or None in such a model.
    """
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    z = z.astype(np.float64)
    hidden = np.maximum(z @ w["w1"] + w["b1"], 0)
    base = u if r is None else z / np.sqrt(((z @ r.astype(np.float64)) ** 2).sum() + EPSILON**2)
    logits: Array = hidden @ w["v"] / np.sqrt(hidden @ w["q"] @ hidden) + base @ w["m"]
    return logits[w["used"] > 0]


def logistic(values: Array) -> Array:
    """1 / (1 + exp(-values)), for values of any size."""
    return 0.5 * (1 + np.tanh(0.5 * values))


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
