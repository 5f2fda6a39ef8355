"""Tasks as `Model.learn` takes them, and what autograd keeps of their steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from core.reference import Model, Task, adapt, lowrank_arrays, scored_arrays
from numpy.typing import NDArray

from desire_edge import _core

THRESHOLD_WEIGHTS = np.array([0.1, -0.4, 0.3, 0.2, 0.5], np.float32)


def single(array: Any) -> Any:
    return np.asarray(array, np.float32)


def told(task: Task, base_labels: int) -> Task:
    """The task with known labels for every other example: a base label or two."""
    known = torch.zeros(len(task.z), base_labels, dtype=torch.float64)
    for row in range(0, len(known), 2):
        known[row, [row % base_labels, 5 * row % base_labels]] = 1
    return replace(task, known_labels=known)


def problem_of(model: Model, task: Task, known: bool) -> tuple[Model, Task]:
    """Targets known or not, and the task told known labels where the model is to use them."""
    task = replace(task, mask=(task.mask > 0).double())
    return model, told(task, model.w_base.shape[1]) if known else task


def model_arrays(model: Model, task: Task) -> dict[str, Any]:
    """What `_core.Model` takes to learn: of a model that uses known labels if the task has them."""
    rules = {"step_sizes": single(task.step_sizes), "threshold_weights": THRESHOLD_WEIGHTS}
    if task.known_labels is None:
        return lowrank_arrays(model, np.float32) | rules
    arrays = scored_arrays(model, task, np.float32) | rules | {"w_base": single(model.w_base)}
    del arrays["scores"]
    return arrays


def task_arrays(task: Task) -> dict[str, Any]:
    names = ("z", "targets", "mask", "w_novel")
    arrays = {name: single(getattr(task, name)) for name in names}
    return arrays if task.known_labels is None else arrays | {"known_labels": single(task.known_labels)}


def learned(model: Model, task: Task, ways: int | None = None) -> dict[str, Any]:
    """What `learn` makes of a task whose step sizes are for the loss's sum over labels."""
    handle = _core.Model(**model_arrays(model, task))
    return dict(handle.learn(**task_arrays(task), ways=ways or task.w_novel.shape[1]))


def kept_by_autograd(model: Model, task: Task) -> tuple[list[Model], NDArray[np.float64]]:
    """The models and losses up to the last lowest loss."""
    known = int((task.mask > 0).any(dim=0).sum())
    models, losses = adapt(model, replace(task, step_sizes=known * task.step_sizes[: None if known else 0]))
    lowest = len(losses) - 1 - int(np.argmin(losses[::-1]))
    return models[: lowest + 1], losses[: lowest + 1]
