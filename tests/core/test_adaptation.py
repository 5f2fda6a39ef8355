"""Dense and low-rank adaptation, held to autograd in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems, realistic
from core.reference import (
    HEAD,
    LEARNED,
    Model,
    Task,
    adapt,
    cancellation,
    conditioning,
    lowrank_arrays,
    project,
    relative_error,
)
from hypothesis import assume, given, settings
from numpy.typing import NDArray

from desire_edge import _core

TOLERANCE: dict[type[np.floating[Any]], float] = {np.float64: 1e-9, np.float32: 1e-5}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: dtype.__name__)
CORNER = pytest.mark.parametrize("corner", CORNERS)
# Derandomised: float32 is held to 1e-5 on well-conditioned problems, and chance could always find a worse one.
DRAWN = settings(max_examples=60, deadline=None, derandomize=True)


def queries(model: Model, count: int = 16) -> torch.Tensor:
    """Examples that were not adapted on, [count, d]."""
    generator = torch.Generator().manual_seed(11)
    return torch.randn(count, len(model.w1), generator=generator, dtype=torch.float64)


def dense_logits(
    model: Model, task: Task, z: torch.Tensor, dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Logits of z after dense adaptation, computed in `dtype`."""
    adapted: Any = _core.adapt_dense(**task.arrays(dtype), **model.arrays(dtype))
    weights = {name: adapted[name] for name in LEARNED}
    w_base, w_novel = model.w_base.numpy().astype(dtype), task.w_novel.numpy().astype(dtype)
    return _core.project(z=z.numpy().astype(dtype), w_base=w_base, w_novel=w_novel, **weights)


def lowrank_logits(
    model: Model, task: Task, z: torch.Tensor, dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Logits of z from the folded head that low-rank adaptation gives, computed in `dtype`."""
    arrays = lowrank_arrays(model, dtype)
    adapted: Any = _core.adapt_lowrank(**task.arrays(dtype), **arrays)
    head = {name: adapted[name] for name in HEAD}
    return _core.head_logits(z=z.numpy().astype(dtype), r=arrays["r"], **head)


IMPLEMENTATIONS = {"dense": dense_logits, "lowrank": lowrank_logits}
IMPLEMENTATION = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


def logits_error(implementation: str, model: Model, task: Task, dtype: type[np.floating[Any]]) -> float:
    """Relative error of the logits of support and query examples after adaptation."""
    models, _ = adapt(model, task)
    z = torch.cat([task.z, queries(model)])
    return relative_error(
        IMPLEMENTATIONS[implementation](model, task, z, dtype), project(models[-1], z, task.w_novel)
    )


def assert_logits_equal_autograd(
    implementation: str, problem: tuple[Model, Task], dtype: type[np.floating[Any]], worst_cancellation: float
) -> None:
    """Hold the logits to the tolerance of `dtype`, unless the problem itself amplifies rounding."""
    model, task = problem
    models, _ = adapt(model, task)
    assume(cancellation(models, torch.cat([task.z, queries(model)])) < worst_cancellation)
    assert logits_error(implementation, model, task, dtype) < TOLERANCE[dtype]


@given(problem=problems())
@DRAWN
def test_dense_logits_in_float64_equal_autograd(problem: tuple[Model, Task]) -> None:
    assert_logits_equal_autograd("dense", problem, np.float64, worst_cancellation=1e4)


@given(problem=problems())
@DRAWN
def test_dense_logits_in_float32_equal_autograd(problem: tuple[Model, Task]) -> None:
    assert_logits_equal_autograd("dense", problem, np.float32, worst_cancellation=10)


# The low-rank form needs room around W_Z(z): with d = 1 its gradient is the rounding of a difference that is 0.
@given(problem=problems(smallest_d=2))
@DRAWN
def test_lowrank_logits_in_float64_equal_autograd(problem: tuple[Model, Task]) -> None:
    assert_logits_equal_autograd("lowrank", problem, np.float64, worst_cancellation=100)


@given(problem=problems(smallest_d=4))
@DRAWN
def test_lowrank_logits_in_float32_equal_autograd(problem: tuple[Model, Task]) -> None:
    assert_logits_equal_autograd("lowrank", problem, np.float32, worst_cancellation=10)


@IMPLEMENTATION
@DTYPES
@CORNER
def test_corners_equal_autograd(implementation: str, dtype: type[np.floating[Any]], corner: str) -> None:
    assert logits_error(implementation, *CORNERS[corner], dtype) < TOLERANCE[dtype]


@IMPLEMENTATION
@DTYPES
def test_realistic_sizes_equal_autograd(implementation: str, dtype: type[np.floating[Any]]) -> None:
    assert logits_error(implementation, *realistic(), dtype) < TOLERANCE[dtype]


@given(problem=problems())
@DRAWN
def test_each_dense_weight_changes_as_autograd_changes_it(problem: tuple[Model, Task]) -> None:
    model, task = problem
    models, losses = adapt(model, task)
    assume(cancellation(models, task.z) < 100)
    adapted: Any = _core.adapt_dense(**task.arrays(), **model.arrays())
    assert relative_error(adapted["losses"], losses) < 1e-9
    for name in LEARNED:
        before, after = getattr(model, name).numpy(), getattr(models[-1], name).numpy()
        change = np.abs(after - before).max()
        assert np.abs(adapted[name] - after).max() < 1e-12 + 1e-9 * change, name


@given(problem=problems(smallest_d=2))
@DRAWN
def test_each_part_of_the_lowrank_head_equals_the_fold_of_autograd(problem: tuple[Model, Task]) -> None:
    model, task = problem
    models, losses = adapt(model, task)
    assume(cancellation(models, task.z) < 100)
    adapted: Any = _core.adapt_lowrank(**task.arrays(), **lowrank_arrays(model))
    expected: Any = _core.fold(**models[-1].arrays(), w_novel=task.w_novel.numpy())
    assert relative_error(adapted["losses"], losses) < 1e-9
    for name in HEAD:
        assert relative_error(adapted[name], expected[name]) < 1e-9, name


@given(problem=problems(smallest_d=2))
@DRAWN
def test_conditioning_is_that_of_the_model_before_and_after(problem: tuple[Model, Task]) -> None:
    model, task = problem
    models, _ = adapt(model, task)
    assume(cancellation(models, task.z) < 100)
    found = _core.adapt_lowrank(**task.arrays(), **lowrank_arrays(model))["conditioning"]
    np.testing.assert_allclose(
        found, [conditioning(each, task.z) for each in (models[0], models[-1])], rtol=1e-6, atol=1e-6
    )


def test_conditioning_rises_where_the_bias_cancels_the_hidden_units() -> None:
    model, task = CORNERS["one example"]
    transformed = torch.relu(task.z @ model.w1 + model.b1) @ model.w2
    cancelling = Model(**{**vars(model), "b2": -0.99 * transformed[0]})
    found = _core.adapt_lowrank(**task.arrays(), **lowrank_arrays(cancelling))["conditioning"]
    assert found[0] == pytest.approx(100, rel=1e-3)


@IMPLEMENTATION
def test_all_unknown_targets_change_nothing(implementation: str) -> None:
    model, task = CORNERS["all unknown"]
    unadapted = Task(**{**vars(task), "step_sizes": task.step_sizes[:0]})
    z = queries(model)
    found = IMPLEMENTATIONS[implementation](model, task, z, np.float64)
    np.testing.assert_array_equal(found, IMPLEMENTATIONS[implementation](model, unadapted, z, np.float64))
    losses = _core.adapt_dense(**task.arrays(), **model.arrays())["losses"]
    np.testing.assert_array_equal(losses, np.zeros(len(task.step_sizes) + 1))


def test_lowrank_takes_any_square_root_of_the_base_gram() -> None:
    model, task = realistic()
    arrays = lowrank_arrays(model)
    w_base = model.w_base.numpy()
    arrays["r"] = np.ascontiguousarray(np.linalg.cholesky(w_base @ w_base.T).T)
    triangular = _core.adapt_lowrank(**task.arrays(), **lowrank_arrays(model))
    found = _core.adapt_lowrank(**task.arrays(), **arrays)
    assert relative_error(found["m"], triangular["m"]) < 1e-9


@pytest.mark.parametrize("name", ["adapt_dense", "adapt_lowrank"])
@DTYPES
def test_the_same_input_gives_the_same_bits_in_its_own_dtype(
    name: str, dtype: type[np.floating[Any]]
) -> None:
    model, task = CORNERS["one label"]
    arrays = model.arrays(dtype) if name == "adapt_dense" else lowrank_arrays(model, dtype)
    first, second = (getattr(_core, name)(**task.arrays(dtype), **arrays) for _ in range(2))
    np.testing.assert_equal(first, second)
    assert all(isinstance(value, float) or value.dtype == dtype for value in first.values())
