"""What teaching a task takes in the core, on one thread, in one run: the head `prior`, the paper's, and scikit-learn's
logistic regression, each after the other in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from timing import interleaved

from desire_edge import _core
from desire_edge.export.weights import inference_product, output_gram
from desire_edge.scalars import SCALARS
from desire_edge.training.prior.scalars import CAUTIOUS

from .part import Measured

SIZES = ((5, 1), (5, 5), (20, 5))
DIMENSION, HIDDEN, STEPS, BASE = 384, 300, 8, 189
ROUNDS = 15

Array = NDArray[np.float32]


def task(rng: np.random.Generator, ways: int, shots: int) -> dict[str, Array]:
    """z, targets, mask and w_novel of a task whose labels are directions among the features."""
    w_novel = rng.normal(size=(DIMENSION, ways))
    targets = np.repeat(np.eye(ways), shots, axis=0)
    targets = np.maximum(targets, rng.random(targets.shape) < 0.1)
    z = targets @ w_novel.T + 2 * rng.normal(size=(len(targets), DIMENSION))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    arrays = {"z": z, "targets": targets, "mask": np.ones_like(targets), "w_novel": w_novel}
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def prior_model(rng: np.random.Generator) -> _core.PriorModel:
    """Of the sizes of debtags behind MiniLM."""
    return _core.PriorModel(
        name_mean=(0.01 * rng.normal(size=DIMENSION)).astype(np.float32),
        r=rng.normal(size=(DIMENSION, BASE)).astype(np.float32),
        inference=(rng.normal(size=(BASE, DIMENSION)) / np.sqrt(BASE)).astype(np.float32),
        scalars=np.array([CAUTIOUS.get(name, 0.0) for name in SCALARS], np.float32),
        threshold_weights=np.zeros(_core.THRESHOLD_WEIGHTS, np.float32),
    )


def sgd_model(rng: np.random.Generator) -> _core.Model:
    """The paper's head of the same sizes."""

    def normal(*shape: int) -> NDArray[np.float64]:
        return np.asarray(rng.normal(size=shape) / np.sqrt(shape[0]))

    w1, w2 = normal(DIMENSION, HIDDEN), normal(HIDDEN, DIMENSION)
    b2, w_base, w_i = np.zeros(DIMENSION), normal(DIMENSION, BASE), normal(BASE, DIMENSION)
    axes, lengths, _ = np.linalg.svd(w_base, full_matrices=True)
    r = np.zeros(DIMENSION)
    r[: len(lengths)] = lengths
    arrays: dict[str, Any] = {
        "w1": w1,
        "b1": np.zeros(HIDDEN),
        "w2": w2,
        "b2": b2,
        "p": inference_product(axes.T @ w_base, w_i),
        "r": np.diag(r),
        "q0": output_gram(w2, b2),
        "step_sizes": np.full((STEPS, 5), 0.05),
        "threshold_weights": np.zeros(_core.THRESHOLD_WEIGHTS),
    }
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    return _core.Model(gamma1=1.0, gamma2=1.0, **arrays)


def measure() -> Measured:
    """The medians, and how many times faster the head `prior` is."""
    rng = np.random.default_rng(0)
    prior, sgd = prior_model(rng), sgd_model(rng)
    metrics: dict[str, float] = {}
    with threadpool_limits(1):
        for ways, shots in SIZES:
            given = task(rng, ways, shots)
            taken = sgd.learn(**given, ways=ways)
            assert taken["steps"] == STEPS and taken["conditioning"] < _core.MAX_CONDITIONING, (
                "it does less, or more"
            )
            contenders: dict[str, Callable[[], object]] = {
                "prior": partial(prior.learn, **given, ways=ways),
                "sgd": partial(sgd.learn, **given, ways=ways),
                "logistic": partial(logistic, given["z"], given["targets"]),
            }
            found = interleaved({name: timed(call) for name, call in contenders.items()}, ROUNDS)
            cell, middle = f"{ways}w{shots}s", {name: timing.median for name, timing in found.items()}
            metrics |= {f"{name}_{cell}_ms": 1000 * value for name, value in middle.items()}
            metrics[f"prior_over_sgd_speedup_{cell}"] = middle["sgd"] / middle["prior"]
            metrics[f"prior_over_logistic_speedup_{cell}"] = middle["logistic"] / middle["prior"]
    sizes = {"d": DIMENSION, "h": HIDDEN, "T": STEPS, "B": BASE}
    return Measured(metrics, {"sizes": sizes, "kernels": _core.kernels()[0]})


def logistic(z: Array, targets: Array) -> None:
    """scikit-learn's logistic regression, a label at a time."""
    for carried in targets.T > 0:
        LogisticRegression(C=10, max_iter=1000).fit(z, carried)


def timed(call: Callable[[], object]) -> Callable[[], float]:
    """What does it once and returns the seconds it took."""

    def once() -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    return once
