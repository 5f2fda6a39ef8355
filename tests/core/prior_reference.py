"""The head `prior` in plain numpy, float64: the reference of docs/model.md that every implementation is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EPSILON = 1e-6
SCALARS = (
    *("names", "names_examples", "names_labels"),
    *("base", "base_examples", "base_labels"),
    *("examples", "examples_examples", "examples_labels"),
    *("neighbours", "neighbours_examples", "neighbours_labels"),
    *("temperature", "temperature_examples", "temperature_labels"),
    *("bias_variance", "bias", "bias_labels", "shift", "shift_labels", "balance"),
)
"""What stands in `scalars`, in this order."""
OUTER_STEPS, FEW_EXAMPLES, CG_STEPS, CG_STEPS_OF_MANY = 6, 128, 18, 48
MOST_ASSUMED = 0.5


@dataclass(frozen=True)
class PriorModel:
    """What a bundle ships of the head, for features of d numbers, names of d_w, and k scores of base labels.

    Attributes:
        name_mean: [d_w], of the base names.
        name_map: [d, d_w], from features to the space of names; None for the identity.
        r: [d, k], the base labels' classifiers.
        inference: [k, d_w], W_I.
        scalars: [21], see `SCALARS`.
    """

    name_mean: Array
    name_map: Array | None
    r: Array
    inference: Array
    scalars: Array


@dataclass(frozen=True)
class PriorHead:
    """logits = z l + u m + b with u = z r / ‖z r‖, or the known labels over their norm.

    Attributes:
        l, m, b: [d, N], [k, N], [N].
        logits: [S, N], of the support.
        losses: of the support, before the examples and after.
    """

    l: Array  # noqa: E741
    m: Array
    b: Array
    logits: Array
    losses: tuple[float, float]


def adapt(
    model: PriorModel,
    z: Array,
    targets: Array,
    mask: Array,
    w_novel: Array,
    known_labels: Array | None = None,
) -> PriorHead:
    """z [S, d], targets and mask [S, N], w_novel [d_w, N], and known labels [S, k] -> the head."""
    tau = trust(model.scalars, mask)
    names = unit(unit(w_novel.T) - model.name_mean).T  # [d_w, N]
    mapped = names if model.name_map is None else model.name_map @ names  # [d, N]
    inferred = model.inference @ names  # [k, N]
    u = base_scores(model, z, known_labels)

    prior = tau["names"] * z @ mapped + tau["base"] * u @ inferred + tau["bias"]
    targets = np.where(mask > 0, targets, 0)
    bias_variance = tau["bias_variance"] * np.where(targets.sum(axis=0) > 0, 1, 0.1)
    kernel = tau["examples"] * z @ z.T + tau["neighbours"] * u @ u.T
    counted = assumed(targets, mask, tau["bias"])
    positives, negatives = (counted * targets).sum(axis=0), (counted * (1 - targets)).sum(axis=0)
    known = np.where(positives + negatives > 0, positives + negatives, 1)  # where nothing is, `counted` is 0
    weights = counted * np.where(
        targets > 0,
        (known / (2 * np.maximum(positives, 0.5))) ** tau["balance"],
        (known / (2 * np.maximum(negatives, 0.5))) ** tau["balance"],
    )
    alpha = dual(kernel, prior, targets, weights, bias_variance)

    temperature, shift = tau["temperature"], tau["shift"]
    l = temperature * (tau["examples"] * z.T @ alpha + tau["names"] * mapped)  # noqa: E741
    m = temperature * (tau["neighbours"] * u.T @ alpha + tau["base"] * inferred)
    b = temperature * (bias_variance * alpha.sum(axis=0) + tau["bias"]) + shift
    logits = z @ l + u @ m + b
    before = temperature * prior + shift
    return PriorHead(l, m, b, logits, (loss(before, targets, mask), loss(logits, targets, mask)))


def assumed(targets: Array, mask: Array, bias: float) -> Array:
    """[S, N]: the mask, and how far a target that is not known counts as negative, 0 to ½.

    By its bias a label has e^−bias negatives a positive. Where fewer are known, as when people say what holds and
    nothing else, its unknown targets make up for them; an example of which nothing is known does not.
    """
    positives, negatives = (mask * targets).sum(axis=0), (mask * (1 - targets)).sum(axis=0)
    unknown = (mask == 0) & mask.any(axis=1, keepdims=True)
    missing = positives * np.exp(-bias) - negatives
    share: Array = np.clip(missing / np.maximum(unknown.sum(axis=0), 1), 0, MOST_ASSUMED)
    return np.where(unknown, share, mask)


def trust(scalars: Array, mask: Array) -> dict[str, float]:
    """How far names, base labels, examples and neighbours are trusted in a task of this size, and the rest."""
    s = dict(zip(SCALARS, scalars.tolist(), strict=True))
    labels = mask.shape[1]
    examples = np.log(max(mask.sum() / labels, 1) / 25)  # mean number of known targets a label
    ways = np.log(labels / 5)
    found = {
        name: float(np.exp(s[name] + s[f"{name}_examples"] * examples + s[f"{name}_labels"] * ways))
        for name in ("names", "base", "examples", "neighbours", "temperature")
    }
    return found | {
        "bias_variance": float(np.exp(s["bias_variance"])),
        "bias": s["bias"] + s["bias_labels"] * np.log(labels),
        "shift": s["shift"] + s["shift_labels"] * ways,
        "balance": s["balance"],
    }


def dual(kernel: Array, prior: Array, targets: Array, weights: Array, bias_variance: Array) -> Array:
    """α [S, N] of least Σ c·BCE(f, y) + ½ αᵀ A(α), f = prior + A(α), A(α) = K α + τ_b 1ᵀα, by a few outer steps.

    Each bounds the loss by a parabola about f whose curvature is safe far from it, and goes towards its least by
    conjugate gradients on (I + h A h) β, h the square root of the curvatures, α = h β.
    """

    def a(v: Array) -> Array:
        found: Array = kernel @ v + bias_variance * v.sum(axis=0)
        return found

    alpha: Array = np.zeros_like(prior)
    f = prior
    steps = CG_STEPS if len(kernel) <= FEW_EXAMPLES else CG_STEPS_OF_MANY
    for _ in range(OUTER_STEPS):
        p = 1 / (1 + np.exp(-f))
        size = np.maximum(np.abs(f), 0.01)
        curvature = np.maximum(0.25 * np.tanh(size / 2) / size + 0.5 * p * (1 - p), 1e-3)
        h = np.sqrt(weights * curvature)
        inverse = np.divide(1, h, out=np.zeros_like(h), where=h > 0)
        beta = alpha * inverse
        residual = h * (f - prior) + weights * (targets - p) * inverse - (beta + h * a(h * beta))
        direction, square = residual, (residual**2).sum(axis=0)
        for _ in range(steps):
            image = direction + h * a(h * direction)
            step = square / ((direction * image).sum(axis=0) + 1e-20)
            beta = beta + step * direction
            residual = residual - step * image
            before, square = square, (residual**2).sum(axis=0)
            direction = residual + square / (before + 1e-20) * direction
        alpha = h * beta
        f = prior + a(alpha)
    return alpha


def base_scores(model: PriorModel, z: Array, known_labels: Array | None) -> Array:
    """u [S, k]: the known labels of a row that has any, else z r, over their norm."""
    scores = z @ model.r
    if known_labels is not None:
        scores = np.where(known_labels.any(axis=1, keepdims=True), known_labels, scores)
    return unit(scores)


def unit(rows: Array) -> Array:
    """Rows over their norms √(a·a + ε²)."""
    found: Array = rows / np.sqrt((rows**2).sum(axis=-1, keepdims=True) + EPSILON**2)
    return found


def loss(logits: Array, targets: Array, mask: Array) -> float:
    """Σ m·BCE / Σ m; 0 where nothing is known."""
    losses = np.logaddexp(0, logits) - targets * logits
    return float((mask * losses).sum() / mask.sum()) if mask.any() else 0.0


def scalars_of(values: Mapping[str, float]) -> Array:
    """[21] from a value by name; those not named are 0."""
    return np.array([values.get(name, 0.0) for name in SCALARS])
