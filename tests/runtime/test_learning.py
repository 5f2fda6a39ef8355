"""What the device says of examples that the core cannot learn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS
from core.learning import model_arrays, problem_of, task_arrays
from core.reference import Model, Task

from desire_edge import DesireEdgeError
from desire_edge.runtime.adaptation import AdaptedHead, learn
from desire_edge.runtime.heads import PaperSemantics


def taught(model: Model, task: Task, **changed: Any) -> AdaptedHead:
    unread = {"w_base": 0, "w_i": 0, "base_bias": 0}
    semantics = PaperSemantics.of(unread | model_arrays(model, task))
    return learn(semantics.packed(), **(task_arrays(task) | changed))


def test_a_task_is_learned_from_arrays_of_any_layout() -> None:
    model, task = problem_of(*CORNERS["more examples than dimensions"], known=False)
    found, again = taught(model, task), taught(model, task, z=np.asfortranarray(task.z.numpy()))
    assert len(found.losses) == 4
    assert found.losses == again.losses
    assert list(found.weights) == ["w1", "b1", "v", "q", "m", "used"]
    for name, weights in found.weights.items():
        np.testing.assert_array_equal(weights, again.weights[name])


def test_what_does_not_stay_finite_is_refused() -> None:
    model, task = problem_of(*CORNERS["one example"], known=False)
    with pytest.raises(
        DesireEdgeError, match=r"^the labels could not be learned: the adaptation does not stay finite$"
    ):
        taught(replace(model, gamma1=torch.tensor(3e38)), replace(task, w_novel=1e30 * task.w_novel))


def test_what_the_core_refuses_is_named() -> None:
    model, task = problem_of(*CORNERS["one example"], known=False)
    with pytest.raises(
        DesireEdgeError, match=r"^the labels could not be learned: z\[0, 0\] is NaN or infinite$"
    ):
        taught(model, task, z=np.full((1, 8), np.nan, np.float32))
