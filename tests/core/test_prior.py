"""The head `prior` in the core: held to numpy in float64, in every instruction set, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core.learning import THRESHOLD_WEIGHTS
from core.prior_problems import (
    CORNERS,
    TRUST,
    Task,
    arrays_of,
    expected,
    in_double,
    in_single,
    learned,
    logits_of,
    packed,
    queries,
    random_case,
    random_model,
    random_task,
)
from core.prior_reference import PriorModel, assumed, scalars_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from desire_edge import _core

KERNELS = pytest.mark.parametrize("kernels", _core.kernels())
# Derandomised: a result is held to 1e-5, and chance could always find a worse task.
DRAWN = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(model: PriorModel, task: Task, ways: int | None = None, tolerance: float = 1e-5) -> dict[str, Any]:
    """Learn, and hold all of it to the reference."""
    head, result, labels = expected(model, task), learned(model, task, ways), task.w_novel.shape[1]
    known = bool(task.mask.any())
    z, told = queries(model, task)
    reference = logits_of(vars(head), model, z, told)
    largest = np.abs(reference).max()
    found = logits_of(result, model, z, told)
    assert np.abs(found[:, :labels] - reference).max() < tolerance * largest
    assert not found[:, labels:].any()
    assert np.abs(result["logits"] - head.logits).max(initial=0) < tolerance * largest
    np.testing.assert_allclose(result["losses"], head.losses, rtol=tolerance, atol=1e-6)
    assert result["steps"] == known
    assert result["conditioning"] == 0
    assert result["used"].tolist() == [1] * labels + [0] * (len(result["used"]) - labels)
    given = {name: task.arrays(np.float32)[name] for name in ("targets", "mask")}
    thresholds = _core.thresholds(logits=result["logits"], **given, weights=THRESHOLD_WEIGHTS)
    np.testing.assert_array_equal(result["thresholds"], thresholds)
    return result


def check_in_double(model: PriorModel, task: Task, tolerance: float = 1e-9) -> None:
    head, result = expected(model, task), in_double(model, task)
    largest = np.abs(logits_of(vars(head), model, *queries(model, task))).max()
    for name in ("l", "m", "b", "logits"):
        assert np.abs(result[name] - getattr(head, name)).max(initial=0) < tolerance * largest, name
    np.testing.assert_allclose(result["losses"], head.losses, rtol=tolerance, atol=1e-12)


@st.composite
def problems(draw: st.DrawFn) -> tuple[PriorModel, Task]:
    """A model and a task of any small sizes, N = 1 and S = 0 among them."""
    S, N, d, k = (draw(st.integers(*bounds)) for bounds in ((0, 20), (1, 9), (1, 20), (1, 20)))
    d_w = draw(st.one_of(st.just(d), st.integers(1, 20)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    model = random_model(rng, d, d_w, k, mapped=draw(st.booleans()))
    return model, random_task(rng, S, N, model, known=draw(st.booleans()))


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    monkeypatch.setenv("DESIRE_EDGE_KERNELS", kernels)


# What it gives


@KERNELS
@pytest.mark.usefixtures("only")
@given(problem=problems(), more_ways=st.integers(0, 3))
@DRAWN
def test_learning_equals_the_reference(problem: tuple[PriorModel, Task], more_ways: int) -> None:
    check(*problem, ways=problem[1].w_novel.shape[1] + more_ways)
    check_in_double(*problem)


@KERNELS
@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_the_reference(corner: str) -> None:
    check(*CORNERS[corner], ways=7)
    check_in_double(*CORNERS[corner])


@KERNELS
@pytest.mark.usefixtures("only")
# At, below and above whole panels of floats and of doubles, whole blocks of rows, and labels solved at once.
@pytest.mark.parametrize(
    ("S", "N", "d", "k"),
    [(4, 6, 16, 15), (7, 7, 17, 16), (8, 13, 15, 33), (16, 48, 31, 8), (17, 49, 33, 17), (33, 97, 9, 1)],
)
def test_sizes_around_panels_equal_the_reference(S: int, N: int, d: int, k: int) -> None:
    check(*random_case(S, N, d, k), ways=N + 1)
    check_in_double(*random_case(S, N, d, k))


# 128 examples are the last that take the fewer steps.
@pytest.mark.parametrize(("S", "N"), [(5, 5), (25, 5), (100, 20), (128, 8), (129, 8)])
@pytest.mark.parametrize("known", [False, True])
def test_realistic_sizes_equal_the_reference(S: int, N: int, known: bool) -> None:
    model, task = random_case(S, N, 384, 120, known=known)
    check(model, task, ways=32)
    # With 128 examples the reference moves by up to 2e-9 where they come in another order.
    check_in_double(model, task, 1e-8 if S == 128 else 1e-9)


def test_what_is_not_known_counts_as_negative_where_negatives_are_missing() -> None:
    targets = np.zeros((20, 5))
    targets[np.arange(20), np.arange(20) % 5] = 1
    bias = -np.log(3)  # a positive for three negatives
    everything = np.ones_like(targets)
    assert (assumed(targets, everything, bias) == 1).all()
    stated = assumed(targets, targets, bias)  # 4 positives and 16 unknown a label: 12 of these are missing
    assert (stated[targets > 0] == 1).all() and (stated[targets == 0] == 0.5).all()
    some = np.where(np.arange(20)[:, None] < 10, 1.0, targets)  # 8 negatives known, 8 unknown: 4 are missing
    assert assumed(targets, some, bias)[10:][targets[10:] == 0] == pytest.approx(0.5)
    fewer = assumed(targets, some, -np.log(2.5))
    assert fewer[10:][targets[10:] == 0] == pytest.approx(0.25)
    assert assumed(targets, some, 0.0) == pytest.approx(some)  # enough are known


def test_an_example_of_which_nothing_is_known_changes_nothing() -> None:
    model, task = random_case(12, 4, 16, 9)
    silent = task.mask.copy()
    silent[8:] = 0
    cut = replace(task, z=task.z[:8], targets=task.targets[:8], mask=task.mask[:8])
    with_silent, without = learned(model, replace(task, mask=silent)), learned(model, cut)
    for name in ("l", "m", "b"):
        np.testing.assert_allclose(with_silent[name], without[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("S", "N", "share"), [(1000, 100, 1), (1000, 100, 0.1), (60, 1000, 0.5), (400, 3, 1)]
)
@pytest.mark.parametrize("more", [{}, {"examples": 3, "neighbours": 3}, {"bias_variance": 3}])
def test_the_largest_sizes_equal_the_reference(S: int, N: int, share: float, more: dict[str, float]) -> None:
    model, task = random_case(S, N, 384, 120)
    model = replace(model, scalars=in_single(scalars_of(TRUST | more)))
    hidden = np.random.default_rng(5).random(task.mask.shape) > share
    task = replace(task, mask=np.where(hidden, 0, task.mask))
    check(model, task)
    # The reference itself moves by up to 1e-9 where its examples come in another order, at so much trust in them.
    check_in_double(model, task, tolerance=1e-8)


def test_examples_change_the_answer_and_lower_the_loss() -> None:
    """Were alpha left at 0, all that compares two implementations of it would still agree."""
    model, task = random_case(25, 5, 384, 120)
    result = learned(model, task)
    alone = learned(model, replace(task, mask=0 * task.mask))
    assert result["losses"][1] < 0.5 * result["losses"][0]
    assert np.abs(result["logits"] - alone["logits"]).max() > 1
    assert alone["losses"].tolist() == [0, 0]


def test_a_way_learns_the_same_beside_more_ways() -> None:
    model, task = random_case(25, 5)
    few, many = learned(model, task), learned(model, task, ways=9)
    for name in ("l", "m", "b", "used"):
        np.testing.assert_array_equal(few[name], many[name][..., :5])
    for name in ("logits", "losses", "thresholds"):
        np.testing.assert_array_equal(few[name], many[name])


def test_the_model_keeps_its_own_copy() -> None:
    model, task = random_case(25, 5)
    arrays = arrays_of(model, np.float32)
    handle = _core.PriorModel(**arrays, threshold_weights=THRESHOLD_WEIGHTS)
    for array in arrays.values():
        array[...] = np.nan
    given = task.arrays(np.float32)
    np.testing.assert_equal(dict(handle.learn(**given, ways=5)), learned(model, task))
    for name, array in task.arrays(np.float32).items():
        np.testing.assert_array_equal(given[name], array)


# Threads


def test_concurrent_calls_give_the_bits_of_one_alone() -> None:
    model, _ = random_case(1, 1, 64, 32)
    tasks = [random_task(np.random.default_rng(i), 60, 12, model).arrays(np.float32) for i in range(8)]
    handle = packed(model)
    learn: Callable[[dict[str, Any]], Any] = lambda task: handle.learn(**task, ways=12)  # noqa: E731
    alone = [learn(task) for task in tasks]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(learn, tasks))
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_equal(dict(second), dict(first))


def test_python_runs_while_the_core_learns() -> None:
    model, task = random_case(300, 60)
    handle, arrays, ticks = packed(model), task.arrays(np.float32), 0
    with ThreadPoolExecutor(1) as pool:
        learning = pool.submit(handle.learn, **arrays, ways=60)
        while not learning.done():
            time.sleep(0.001)
            ticks += 1
    assert np.isfinite(learning.result()["losses"]).all()
    # Held for the whole call, the GIL would let this thread look once before it and once after.
    assert ticks > 5
