"""Eq. (1) and its folded form, held to torch in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems
from core.reference import Model, Task, cancellation, lowrank_arrays, project, relative_error
from hypothesis import assume, given, settings

from desire_edge import _core

DRAWN = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@given(problem=problems())
@DRAWN
def test_projection_is_equation_1(
    dtype: type[np.floating[Any]], tolerance: float, problem: tuple[Model, Task]
) -> None:
    model, task = problem
    assume(cancellation([model], task.z) < 100)
    found = _core.project(
        **model.arrays(dtype), z=task.z.numpy().astype(dtype), w_novel=task.w_novel.numpy().astype(dtype)
    )
    assert found.dtype == dtype
    np.testing.assert_allclose(found, project(model, task.z, task.w_novel).numpy(), rtol=0, atol=tolerance)


@given(problem=problems())
@DRAWN
def test_folding_is_exact(problem: tuple[Model, Task]) -> None:
    model, task = problem
    assume(cancellation([model], task.z) < 100)
    w_novel, z = task.w_novel.numpy(), task.z.numpy()
    head = _core.fold(**model.arrays(), w_novel=w_novel)
    found = _core.head_logits(z=z, r=lowrank_arrays(model)["r"], **head)
    np.testing.assert_allclose(
        found, _core.project(**model.arrays(), z=z, w_novel=w_novel), rtol=0, atol=1e-9
    )


def test_the_folded_head_holds_the_named_products() -> None:
    model, task = CORNERS["one label"]
    head = _core.fold(**model.arrays(), w_novel=task.w_novel.numpy())
    tilde = torch.vstack([model.w2, model.b2])
    assert relative_error(head["v"], tilde @ task.w_novel) < 1e-12
    assert relative_error(head["q"], tilde @ tilde.T) < 1e-12
    assert relative_error(head["m"], model.w_base @ model.w_i @ task.w_novel) < 1e-12
    assert (head["gamma1"], head["gamma2"]) == (model.gamma1.item(), model.gamma2.item())


def test_a_vector_whose_norm_is_0_gives_finite_logits() -> None:
    model, task = CORNERS["one label"]
    still = Model(**{**vars(model), "b1": 0 * model.b1, "b2": 0 * model.b2})
    z = np.zeros((2, len(model.w1)))
    np.testing.assert_array_equal(
        _core.project(**still.arrays(), z=z, w_novel=task.w_novel.numpy()), np.zeros((2, 1))
    )
