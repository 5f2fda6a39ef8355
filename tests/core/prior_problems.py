"""Models and tasks of realistic numbers for the core's head `prior`, and what the reference makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from core.learning import THRESHOLD_WEIGHTS
from core.prior_reference import Array, PriorHead, PriorModel, adapt, base_scores, scalars_of

from desire_edge import _core

TRUST = {
    **{"names": 1.4, "names_examples": -0.05, "names_labels": 0.1},
    **{"base": 0.72, "base_examples": -0.1, "base_labels": 0.35},
    **{"examples": 1.2, "examples_examples": -0.1, "examples_labels": -0.4},
    **{"neighbours": 1.35, "neighbours_examples": -0.6, "neighbours_labels": -0.1},
    **{"temperature": 0.44, "temperature_examples": 0.03, "temperature_labels": -0.08},
    **{"bias_variance": 1.5, "bias": 0.53, "bias_labels": -1, "shift": 0.12, "shift_labels": 0.05},
    "balance": 0.4,
}


@dataclass(frozen=True)
class Task:
    """z [S, d], targets and mask [S, N], w_novel [d_w, N], and known labels [S, k] or None."""

    z: Array
    targets: Array
    mask: Array
    w_novel: Array
    known_labels: Array | None = None

    def arrays(self, dtype: Any) -> dict[str, Any]:
        return {name: value.astype(dtype) for name, value in vars(self).items() if value is not None}


def in_single(array: Array) -> Array:
    """Rounded to what float32 has: the core is to be held to what it is given."""
    return array.astype(np.float32).astype(np.float64)


def unit(rows: Array) -> Array:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def random_model(rng: np.random.Generator, d: int, d_w: int, k: int, mapped: bool = False) -> PriorModel:
    """As trained: a classifier's column and a row of W_I have a norm of about 1."""
    return PriorModel(
        name_mean=in_single(rng.normal(size=d_w) * 0.3 / d_w**0.5),
        name_map=in_single(rng.normal(size=(d, d_w)) / d**0.5) if mapped or d != d_w else None,
        r=in_single(rng.normal(size=(d, k))),
        inference=in_single(rng.normal(size=(k, d_w)) / k**0.5),
        scalars=in_single(scalars_of(TRUST)),
    )


def random_task(rng: np.random.Generator, S: int, N: int, model: PriorModel, known: bool = False) -> Task:
    """Examples of labels that z tells apart, some targets unknown and some known in part."""
    d, k = model.r.shape
    targets = (rng.random((S, N)) < 0.3).astype(np.float64)
    z = unit(targets @ rng.normal(size=(N, d)) + rng.normal(size=(S, d)))
    kinds = rng.random((S, N))
    mask = np.where(kinds < 0.2, 0, np.where(kinds < 0.4, rng.random((S, N)), 1))
    told = None
    if known:
        told = (rng.random((S, k)) < 0.3).astype(np.float64)
        told[::2] = 0
    w_novel = in_single(rng.normal(size=(len(model.name_mean), N)))
    return Task(in_single(z), targets, in_single(mask), w_novel, told)


def expected(model: PriorModel, task: Task) -> PriorHead:
    return adapt(model, task.z, task.targets, task.mask, task.w_novel, task.known_labels)


def arrays_of(model: PriorModel, dtype: Any) -> dict[str, Any]:
    return {name: value.astype(dtype) for name, value in vars(model).items() if value is not None}


def packed(model: PriorModel, known: bool = False) -> _core.PriorModel:
    arrays = arrays_of(model, np.float32)
    return _core.PriorModel(**arrays, threshold_weights=THRESHOLD_WEIGHTS, known_labels=known)


def learned(model: PriorModel, task: Task, ways: int | None = None) -> dict[str, Any]:
    handle = packed(model, known=task.known_labels is not None)
    return dict(handle.learn(**task.arrays(np.float32), ways=ways or task.w_novel.shape[1]))


def in_double(model: PriorModel, task: Task) -> dict[str, Any]:
    return dict(_core.adapt_prior(**task.arrays(np.float64), **arrays_of(model, np.float64)))


def logits_of(weights: Any, model: PriorModel, z: Array, known_labels: Array | None) -> Array:
    """What head.onnx makes of the weights, [n, ways], in float64."""
    l, m, b = (np.asarray(weights[name], np.float64) for name in ("l", "m", "b"))  # noqa: E741
    return np.asarray(z @ l + base_scores(model, z, known_labels) @ m + b)


def queries(model: PriorModel, task: Task) -> tuple[Array, Array | None]:
    """The examples and unseen ones, [S + 8, d], and their known labels."""
    rng = np.random.default_rng(11)
    z = np.concatenate([task.z, unit(rng.normal(size=(8, model.r.shape[0])))])
    if task.known_labels is None:
        return z, None
    return z, np.concatenate([task.known_labels, np.zeros((8, model.r.shape[1]))])


def random_case(
    S: int, N: int, d: int = 24, k: int = 10, seed: int = 3, known: bool = False
) -> tuple[PriorModel, Task]:
    rng = np.random.default_rng(seed)
    model = random_model(rng, d, d, k)
    return model, random_task(rng, S, N, model, known)


def _corners() -> dict[str, tuple[PriorModel, Task]]:
    rng = np.random.default_rng(7)
    model = random_model(rng, 24, 24, 10)
    task = random_task(rng, 12, 5, model)
    half = np.arange(12) // 2
    zero_rows = task.z.copy()
    zero_rows[[2, 7]] = 0
    unknown = task.mask.copy()
    unknown[:, [0, 3]] = 0
    same_names = task.w_novel.copy()
    same_names[:, 1] = 0
    loose = replace(model, scalars=in_single(scalars_of(TRUST | {"examples": 4, "bias_variance": 4})))
    rare_count_less = replace(model, scalars=in_single(scalars_of(TRUST | {"balance": -0.5})))
    told = random_task(rng, 12, 5, model, known=True)
    return {
        "duplicate examples": (
            model,
            replace(task, z=task.z[half], targets=task.targets[half], mask=task.mask[half]),
        ),
        "duplicates that disagree": (model, replace(task, z=task.z[half])),
        "all negative": (model, replace(task, targets=0 * task.targets, mask=0 * task.mask + 1)),
        "all positive": (model, replace(task, targets=0 * task.targets + 1)),
        "soft targets": (model, replace(task, targets=in_single(0 * task.targets + 0.3))),
        "nothing known": (model, replace(task, mask=0 * task.mask)),
        "labels with nothing known": (model, replace(task, mask=unknown)),
        "labels with nothing known, rare targets counting less": (
            rare_count_less,
            replace(task, mask=unknown),
        ),
        "a mask of next to nothing": (model, replace(task, mask=in_single(1e-30 * task.mask))),
        "zero rows": (model, replace(task, z=zero_rows)),
        "a name of zeros": (model, replace(task, w_novel=same_names)),
        "no base label says anything": (replace(model, r=0 * model.r), task),
        "large features": (model, replace(task, z=8 * task.z)),
        "much trust in examples": (loose, task),
        "no example": random_case(0, 5),
        "one example": random_case(1, 1),
        "one base label": random_case(9, 4, k=1),
        "told what they carry": (model, told),
        "each told nothing": (model, replace(told, known_labels=np.zeros((12, 10)))),
    }


CORNERS = _corners()
