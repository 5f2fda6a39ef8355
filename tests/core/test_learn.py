"""The policy of adapting, `Model.learn`, held to autograd in float64 and to the plain references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems, realistic
from core.learning import (
    THRESHOLD_WEIGHTS,
    kept_by_autograd,
    learned,
    model_arrays,
    problem_of,
    single,
    task_arrays,
    told,
)
from core.reference import (
    HEAD,
    NORM_EPSILON,
    Model,
    Task,
    adapt,
    base_scores,
    cancellation,
    conditioning,
    folded,
    lowrank_arrays,
    project,
    random_model,
    random_task,
    relative_error,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desire_edge import _core

WEIGHTS = ("w1", "b1", "v", "q", "m")
KERNELS = pytest.mark.parametrize("kernels", _core.kernels())
KNOWN = pytest.mark.parametrize("known", [False, True])
# Derandomised: float32 is held to 1e-5 on well-conditioned problems, and chance could always find a worse one.
DRAWN = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def queries(model: Model, task: Task) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Support examples and unseen ones, [S + 8, d], and their known labels."""
    unseen = torch.randn(8, len(model.w1), generator=torch.Generator().manual_seed(11), dtype=torch.float64)
    z = torch.cat([task.z, unseen])
    return z, None if task.known_labels is None else told(
        replace(task, z=z), model.w_base.shape[1]
    ).known_labels


def graph_logits(
    weights: Mapping[str, Any], model: Model, z: torch.Tensor, known: torch.Tensor | None
) -> NDArray[np.float64]:
    """What head.onnx makes of the weights, [n, ways], in float64."""
    w1, b1, v, q, m = (np.asarray(weights[name], np.float64) for name in WEIGHTS)
    hidden = np.maximum(z.numpy() @ w1 + b1, 0)
    base = z @ model.w_base
    if known is None:
        inferred = z.numpy() @ m / np.sqrt((base * base).sum(dim=1, keepdim=True).numpy() + NORM_EPSILON**2)
    else:
        inferred = base_scores(model, z, known).numpy() @ m
    logits: NDArray[np.float64] = (
        hidden @ v / np.sqrt(((hidden @ q) * hidden).sum(axis=1, keepdims=True)) + inferred
    )
    return logits


def check(model: Model, task: Task, ways: int | None = None, tolerance: float = 1e-5) -> dict[str, Any]:
    """Learn, and hold all of it to autograd."""
    models, losses = kept_by_autograd(model, task)
    result, labels = learned(model, task, ways), task.w_novel.shape[1]
    assert result["steps"] == len(losses) - 1
    assert relative_error(result["losses"][: len(losses)], losses) < tolerance
    assert not result["losses"][len(losses) :].any()
    z, known = queries(model, task)
    expected = project(models[-1], z, task.w_novel, known).numpy()
    logits = graph_logits(result, model, z, known)
    assert relative_error(logits[:, :labels], expected) < tolerance
    assert not logits[:, labels:].any()
    largest = np.abs(expected).max()
    assert np.abs(result["logits"] - expected[: len(task.z)]).max(initial=0) < tolerance * largest
    arrays = task_arrays(task)
    np.testing.assert_array_equal(
        result["thresholds"],
        _core.thresholds(
            logits=result["logits"],
            targets=arrays["targets"],
            mask=arrays["mask"],
            weights=THRESHOLD_WEIGHTS,
        ),
    )
    return result


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    monkeypatch.setenv("DESIRE_EDGE_KERNELS", kernels)


# What it gives


@KERNELS
@KNOWN
@pytest.mark.usefixtures("only")
@given(problem=problems(smallest_d=4), more_ways=st.integers(0, 3))
@DRAWN
def test_learning_equals_autograd(known: bool, problem: tuple[Model, Task], more_ways: int) -> None:
    model, task = problem_of(*problem, known)
    models, losses = kept_by_autograd(model, task)
    assume(cancellation(models, queries(model, task)[0]) < 10)
    assume(len(losses) == 1 or losses[-2] - losses[-1] > 1e-5)  # else rounding decides which is the lowest
    check(model, task, task.w_novel.shape[1] + more_ways)


@KERNELS
@KNOWN
@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("corner", [name for name in CORNERS if name != "large logits"])
def test_corners_equal_autograd(known: bool, corner: str) -> None:
    check(*problem_of(*CORNERS[corner], known), ways=7)


@KNOWN
def test_realistic_sizes_equal_autograd(known: bool) -> None:
    model, task = realistic()
    check(*problem_of(model, replace(task, step_sizes=0.2 * task.step_sizes), known), ways=16)


@KNOWN
def test_each_part_is_the_fold_of_autograd_made_ready_for_the_graph(known: bool) -> None:
    model, task = problem_of(*CORNERS["more examples than dimensions"], known)
    result, trained = learned(model, task, ways=5), kept_by_autograd(model, task)[0][-1]
    fold: Any = _core.fold(**trained.arrays(), w_novel=task.w_novel.numpy())
    h, N = trained.w1.shape[1], task.w_novel.shape[1]
    m = trained.w_i.numpy() @ task.w_novel.numpy() if known else fold["m"]
    assert not result["w1"][:, h].any()
    assert result["b1"][h] == 1
    assert result["used"].tolist() == [1] * N + [0] * (5 - N)
    assert not result["v"][:, N:].any()
    assert not result["m"][:, N:].any()
    assert relative_error(result["w1"][:, :h], fold["w1"]) < 1e-5
    assert relative_error(result["b1"][:h], fold["b1"]) < 1e-5
    assert relative_error(result["v"][:, :N], fold["gamma1"] * fold["v"]) < 1e-5
    assert relative_error(result["q"], fold["q"]) < 1e-5
    assert relative_error(result["m"][:, :N], fold["gamma2"] * m) < 1e-5
    assert result["conditioning"] == pytest.approx(
        max(conditioning(each, task.z) for each in (model, trained)), rel=1e-4
    )


@KNOWN
def test_the_bits_are_those_of_adapt(known: bool) -> None:
    model, task = problem_of(*CORNERS["more examples than dimensions"], known)
    result, arrays = learned(model, task), task_arrays(task)
    handle = _core.Model(**model_arrays(model, task))
    scores = None if task.known_labels is None else single(base_scores(model, task.z, task.known_labels))
    arrays.pop("known_labels", None)
    labels = handle.labels(arrays.pop("w_novel"))
    step_sizes = np.float32(labels.count) * single(task.step_sizes)
    head: Any = handle.adapt(labels, **arrays, step_sizes=step_sizes, scores=scores, keep_lowest=True)
    h = model.w1.shape[1]
    expected = {
        "w1": np.pad(head["w1"], [(0, 0), (0, 1)]),
        "b1": np.append(head["b1"], np.float32(1)),
        "v": np.float32(head["gamma1"]) * head["v"],
        "m": np.float32(head["gamma2"]) * head["m"],
        "logits": head["logits"],
    }
    if known:  # the scores themselves are the core's
        assert all(relative_error(result[name], value) < 1e-6 for name, value in expected.items())
    else:
        for name, value in expected.items():
            np.testing.assert_array_equal(result[name], value)
        corner = head["q"][h, h] + np.float32(NORM_EPSILON**2)
        assert result["q"][h, h] == corner
        np.testing.assert_array_equal(result["q"][:h], head["q"][:h])


def test_the_epsilon_of_the_norm_is_in_q() -> None:
    model, task = problem_of(*CORNERS["one label"], known=False)
    still = Model(**{**vars(model), "b1": 0 * model.b1, "w1": 0 * model.w1, "b2": 0 * model.b2})
    result = learned(still, replace(task, mask=0 * task.mask))
    assert result["q"][-1, -1] == np.float32(1e-12)


def test_known_labels_stand_in_for_what_the_model_sees() -> None:
    """With W_I and the labels' vectors the identity, and no W_Z term, the logits are the base labels' scores."""
    eye = np.eye(3, dtype=np.float32)
    zero = dict.fromkeys(("w1", "w2"), np.zeros((3, 3), np.float32)) | dict.fromkeys(
        ("b1", "b2"), np.zeros(3, np.float32)
    )
    handle = _core.Model(
        **zero, gamma1=0.0, gamma2=1.0, q0=np.zeros((4, 4), np.float32), w_i=eye, w_base=eye,
        step_sizes=np.zeros((0, 5), np.float32), threshold_weights=THRESHOLD_WEIGHTS,
    )  # fmt: skip
    z = single([[3, 4, 0], [3, 4, 0], [0, 0, 0]])
    known = single([[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    ones = np.ones((3, 3), np.float32)
    given: dict[str, Any] = {"z": z, "targets": ones, "mask": ones, "w_novel": eye, "ways": 3}
    known_scores = handle.learn(**given, known_labels=known)["logits"]
    seen_scores = handle.learn(**given)["logits"]
    half = 0.5**0.5
    assert np.abs(known_scores - np.array([[0.6, 0.8, 0], [0, half, half], [0, 0, 0]])).max() < 1e-7
    assert np.abs(seen_scores - np.array([[0.6, 0.8, 0], [0.6, 0.8, 0], [0, 0, 0]])).max() < 1e-7


# Which steps count


@KNOWN
@pytest.mark.parametrize("corner", ["all unknown", "no example"])
def test_where_nothing_is_known_no_step_is_taken(corner: str, known: bool) -> None:
    model, task = problem_of(*CORNERS[corner], known)
    result = learned(model, task)
    unadapted = learned(model, replace(task, step_sizes=task.step_sizes[:0]))
    assert result["steps"] == 0
    assert not result["losses"].any()
    for name in (*WEIGHTS, "logits", "thresholds"):
        np.testing.assert_array_equal(result[name], unadapted[name])
    np.testing.assert_allclose(result["thresholds"], 1 / (1 + np.exp(-THRESHOLD_WEIGHTS[0])), rtol=1e-7)


def test_steps_are_for_the_sum_over_labels_that_have_a_known_target() -> None:
    model, task = problem_of(*CORNERS["more examples than dimensions"], known=False)
    task.mask[:, 1] = 0
    result = check(model, task)
    others = replace(
        task,
        targets=task.targets[:, [0, 2]],
        mask=task.mask[:, [0, 2]],
        w_novel=task.w_novel[:, [0, 2]],
    )
    alone = learned(model, others)
    assert relative_error(result["v"][:, [0, 2]], alone["v"]) < 1e-5


@pytest.mark.parametrize("steps", [[0.2, 0.2, 10, 0.02], [15, 0.02], [0.2, 10, 0.2, 0.2, 0.2]])
def test_steps_past_the_lowest_loss_are_not_kept(steps: list[float]) -> None:
    model, task = problem_of(*CORNERS["more examples than dimensions"], known=False)
    sizes = torch.tensor(steps, dtype=torch.float64)[:, None].expand(-1, 5)
    task = replace(task, step_sizes=sizes.contiguous())
    result = check(model, task)
    assert result["steps"] < len(steps)
    stopped = learned(model, replace(task, step_sizes=task.step_sizes[: result["steps"]]))
    for name in WEIGHTS:
        assert relative_error(result[name], stopped[name]) < 1e-6


def overflowing() -> tuple[Model, Task]:
    """The second of four steps silences the one hidden unit, which lowers the loss, by a w1 beyond single precision."""
    generator = torch.Generator().manual_seed(179)
    model = random_model(generator, 4, 1, 6)
    model = replace(model, w1=0.1 * model.w1.abs(), b1=model.b1.abs())
    task = random_task(generator, 1, 1, 4, 4)
    steps = torch.zeros(4, 5, dtype=torch.float64)
    steps[:2, 0] = torch.tensor([1e-3, 1e38])
    one = torch.ones(1, 1, dtype=torch.float64)
    return model, replace(task, z=5 * task.z.abs(), targets=one, mask=one, step_sizes=steps)


def test_half_as_many_steps_are_tried_until_the_result_is_finite() -> None:
    model, task = overflowing()
    models, losses = adapt(model, task)
    assert losses[0] > losses[1] > losses[2]
    assert models[2].w1.abs().max() > 2 * float(np.finfo(np.float32).max)
    result = learned(model, task)
    assert result["steps"] == 1  # not 4, not 2
    once = learned(model, replace(task, step_sizes=task.step_sizes[:1]))
    for name in (*WEIGHTS, "logits", "thresholds"):
        np.testing.assert_array_equal(result[name], once[name])


def test_what_is_not_finite_without_a_step_is_refused() -> None:
    model, task = problem_of(*CORNERS["one label"], known=False)
    with pytest.raises(_core.DivergedError, match=r"^the result \w+ has a NaN or infinite value$"):
        learned(replace(model, gamma1=torch.tensor(3e38)), replace(task, w_novel=1e30 * task.w_novel))


def test_a_factor_that_overflows_the_weights_is_refused() -> None:
    model, task = problem_of(*CORNERS["no example"], known=False)
    with pytest.raises(_core.DivergedError, match=r"^the result v has a NaN or infinite value$"):
        learned(replace(model, gamma1=torch.tensor(3e38)), replace(task, w_novel=100 * task.w_novel))


# Double precision


def cancelling(known: bool) -> tuple[Model, Task]:
    """A model on whose features b2 takes away most of what w2 gives."""
    generator = torch.Generator().manual_seed(5)
    model = random_model(generator, 24, 20, 12)
    task = random_task(generator, 6, 3, 24, 3)
    z = torch.randn(1, 24, generator=generator, dtype=torch.float64) + 0.15 * task.z
    mean = (torch.relu(z @ model.w1 + model.b1) @ model.w2).mean(dim=0)
    task = replace(task, z=z, step_sizes=0.02 * task.step_sizes)
    return problem_of(replace(model, b2=-0.95 * mean), task, known)


@KNOWN
def test_an_ill_conditioned_model_learns_in_double(known: bool) -> None:
    model, task = cancelling(known)
    models, losses = kept_by_autograd(model, task)
    result = learned(model, task, ways=4)
    assert _core.MAX_CONDITIONING < result["conditioning"] < 30
    assert result["steps"] == len(losses) - 1 > 0
    # q0 itself is stored in single precision, so that κ² of its rounding is left.
    assert (
        relative_error(result["logits"], project(models[-1], task.z, task.w_novel, task.known_labels)) < 1e-4
    )

    rules = ("step_sizes", "threshold_weights", "w_base")
    arrays: dict[str, Any] = {
        name: value if isinstance(value, float) else value.astype(np.float64)
        for name, value in model_arrays(model, task).items()
        if name not in rules
    }
    given = {
        name: value.astype(np.float64) for name, value in task_arrays(task).items() if name != "known_labels"
    }
    steps = (np.float32(3) * single(task.step_sizes))[: result["steps"]].astype(np.float64)
    scores: dict[str, Any] = {}
    if task.known_labels is not None:
        stored = {
            name: torch.from_numpy(single(getattr(model, name)).astype(np.float64)) for name in vars(model)
        }
        scores["scores"] = base_scores(
            Model(**stored), torch.from_numpy(given["z"]), task.known_labels
        ).numpy()
    reference: Any = _core.adapt_lowrank(**given, step_sizes=steps, **arrays, **scores)
    logits = _core.head_logits(
        z=given["z"], r=arrays.get("r"), **scores, **{name: reference[name] for name in HEAD}
    )
    np.testing.assert_allclose(result["logits"], logits, rtol=0, atol=1e-6)
    found = folded(result, 3)
    np.testing.assert_allclose(result["losses"], reference["losses"], rtol=1e-6)
    for name in ("w1", "b1", "q"):
        np.testing.assert_allclose(found[name], reference[name], rtol=2e-7, atol=1e-9)
    for name, factor in (("v", "gamma1"), ("m", "gamma2")):
        np.testing.assert_allclose(found[name], reference[factor] * reference[name], rtol=4e-7, atol=1e-9)


def test_single_precision_would_lose_what_double_keeps() -> None:
    model, task = cancelling(known=False)
    result, arrays = learned(model, task), task_arrays(task)
    handle = _core.Model(**lowrank_arrays(model, np.float32))
    labels = handle.labels(arrays.pop("w_novel"))
    alone: Any = handle.adapt(
        labels, **arrays, step_sizes=np.float32(3) * single(task.step_sizes), keep_lowest=True
    )
    assert alone["conditioning"][0] > _core.MAX_CONDITIONING
    assert 0 < relative_error(alone["v"], folded(result, 3)["v"] / alone["gamma1"]) < 1e-3
