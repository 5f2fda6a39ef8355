"""Tasks for the head `prior`, with what is odd in users': unknown targets, labels of one kind, twins, empty texts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from core.prior_problems import in_single, random_model
from core.prior_reference import Array, PriorModel, unit


@dataclass(frozen=True)
class Problem:
    """A model, and a task's arguments of `adapt`."""

    model: PriorModel
    z: Array
    targets: Array
    mask: Array
    w_novel: Array
    known_labels: Array | None


def problem(
    rng: np.random.Generator,
    examples: int,
    labels: int,
    *,
    shared: bool,
    known: bool = False,
    d: int = 24,
    names: int = 17,
    base: int = 15,
) -> Problem:
    """Of numbers that single precision holds."""
    names = d if shared else names
    model = random_model(rng, d, names, base, mapped=not shared)
    model = replace(model, scalars=in_single(model.scalars + 0.1 * rng.normal(size=len(model.scalars))))
    z = unit(rng.normal(size=(examples, d)))
    z[rng.random(examples) < 0.1] = 0
    if examples > 2:
        z[1] = z[0]
    targets = 1.0 * (rng.random((examples, labels)) < 0.3) * (rng.random(labels) < 0.9)
    mask = 1.0 * (rng.random((examples, labels)) < 0.8)
    told = 1.0 * (rng.random((examples, base)) < 0.2) * (rng.random((examples, 1)) < 0.5)
    return Problem(
        model,
        in_single(z),
        targets.astype(np.float64),
        mask.astype(np.float64),
        in_single(rng.normal(size=(names, labels))),
        told.astype(np.float64) if known else None,
    )
