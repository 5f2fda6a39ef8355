"""The low-rank form and the folded head where the base labels' scores are given, held to autograd in float64."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems, realistic
from core.reference import (
    HEAD,
    Model,
    Task,
    adapt,
    base_scores,
    cancellation,
    lowrank_arrays,
    project,
    relative_error,
    scored_arrays,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desire_edge import _core

TOLERANCE: dict[type[np.floating[Any]], float] = {np.float64: 1e-9, np.float32: 1e-5}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda dtype: dtype.__name__)
# Derandomised: float32 is held to 1e-5 on well-conditioned problems, and chance could always find a worse one.
DRAWN = settings(max_examples=60, deadline=None, derandomize=True)
SHARES = {"every": 1.0, "some": 0.5, "no": 0.0}
SHARE = pytest.mark.parametrize("share", SHARES)


def with_known(model: Model, task: Task, share: float, seed: int = 5) -> Task:
    """The task with random known labels (a third of the base labels, at least one) in `share` of its rows."""
    generator = torch.Generator().manual_seed(seed)
    size = (len(task.z), model.w_base.shape[1])
    known = torch.rand(size, generator=generator, dtype=torch.float64) < 1 / 3
    known[torch.arange(len(known)), torch.arange(len(known)) % size[1]] = True
    rows = torch.rand(len(known), 1, generator=generator, dtype=torch.float64) < share
    return replace(task, known_labels=(known & rows).double())


def queries(model: Model, task: Task, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Support and unseen examples: z [S + 16, d] and their known labels [S + 16, B]."""
    z = torch.randn(16, len(model.w1), generator=torch.Generator().manual_seed(11), dtype=torch.float64)
    unseen = with_known(model, replace(task, z=z), share, seed=12)
    assert task.known_labels is not None
    assert unseen.known_labels is not None
    return torch.cat([task.z, z]), torch.cat([task.known_labels, unseen.known_labels])


def scored_logits(
    model: Model, task: Task, z: torch.Tensor, known: torch.Tensor, dtype: type[np.floating[Any]]
) -> NDArray[np.floating[Any]]:
    """Logits of z from the folded head that adaptation on given scores gives, computed in `dtype`."""
    adapted: Any = _core.adapt_lowrank(**task.arrays(dtype), **scored_arrays(model, task, dtype))
    head = {name: adapted[name] for name in HEAD}
    scores = base_scores(model, z, known).numpy().astype(dtype)
    return _core.head_logits(z=z.numpy().astype(dtype), scores=scores, **head)


def logits_error(model: Model, task: Task, share: float, dtype: type[np.floating[Any]]) -> float:
    """Relative error of the logits of support and unseen examples after adaptation."""
    task = with_known(model, task, share)
    z, known = queries(model, task, share)
    expected = project(adapt(model, task)[0][-1], z, task.w_novel, known)
    return relative_error(scored_logits(model, task, z, known, dtype), expected)


@given(problem=problems(smallest_d=2), share=st.sampled_from(list(SHARES.values())))
@DRAWN
def test_logits_in_float64_equal_autograd(problem: tuple[Model, Task], share: float) -> None:
    model, task = problem
    assume(cancellation(adapt(model, with_known(model, task, share))[0], task.z) < 100)
    assert logits_error(model, task, share, np.float64) < TOLERANCE[np.float64]


@given(problem=problems(smallest_d=4), share=st.sampled_from(list(SHARES.values())))
@DRAWN
def test_logits_in_float32_equal_autograd(problem: tuple[Model, Task], share: float) -> None:
    model, task = problem
    z, _ = queries(model, with_known(model, task, share), share)
    assume(cancellation(adapt(model, with_known(model, task, share))[0], z) < 10)
    assert logits_error(model, task, share, np.float32) < TOLERANCE[np.float32]


@SHARE
@DTYPES
@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_autograd(share: str, dtype: type[np.floating[Any]], corner: str) -> None:
    assert logits_error(*CORNERS[corner], SHARES[share], dtype) < TOLERANCE[dtype]


@SHARE
@DTYPES
def test_realistic_sizes_equal_autograd(share: str, dtype: type[np.floating[Any]]) -> None:
    assert logits_error(*realistic(), SHARES[share], dtype) < TOLERANCE[dtype]


@given(problem=problems(smallest_d=2), share=st.sampled_from(list(SHARES.values())))
@DRAWN
def test_each_part_of_the_head_equals_the_fold_of_autograd(problem: tuple[Model, Task], share: float) -> None:
    model, task = problem[0], with_known(*problem, share)
    models, losses = adapt(model, task)
    assume(cancellation(models, task.z) < 100)
    adapted: Any = _core.adapt_lowrank(**task.arrays(), **scored_arrays(model, task))
    expected: Any = _core.fold(**models[-1].arrays(), w_novel=task.w_novel.numpy())
    expected["m"] = models[-1].w_i @ task.w_novel
    assert relative_error(adapted["losses"], losses) < 1e-9
    for name in HEAD:
        assert relative_error(adapted[name], expected[name]) < 1e-9, name


@given(problem=problems(smallest_d=2))
@DRAWN
def test_the_models_own_scores_give_what_p_and_r_give(problem: tuple[Model, Task]) -> None:
    model, task = problem
    assume(cancellation(adapt(model, task)[0], task.z) < 100)
    given_scores: Any = _core.adapt_lowrank(**task.arrays(), **scored_arrays(model, task))
    folded: Any = _core.adapt_lowrank(**task.arrays(), **lowrank_arrays(model))
    for name in ("losses", "conditioning", *HEAD):
        expected = model.w_base.numpy() @ given_scores[name] if name == "m" else given_scores[name]
        assert relative_error(folded[name], expected) < 1e-9, name


def test_known_labels_change_the_logits() -> None:
    model, task = CORNERS["more examples than dimensions"]
    plain, known = with_known(model, task, 0), with_known(model, task, 1)
    none, all_of_them = (
        scored_logits(model, each, each.z, each.known_labels, np.float64)
        for each in (plain, known)
        if each.known_labels is not None
    )
    assert relative_error(all_of_them, none) > 0.1
