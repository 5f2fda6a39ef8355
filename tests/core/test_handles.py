"""The packed model in float32: every form and instruction set held to autograd, many tasks at once, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems, realistic
from core.reference import (
    HEAD,
    Model,
    Task,
    adapt,
    cancellation,
    conditioning,
    lowrank_arrays,
    project,
    random_model,
    random_task,
    relative_error,
    scored_arrays,
)
from hypothesis import HealthCheck, assume, given, settings

from desire_edge import _core

Form = Literal["auto", "pairs", "gram", "weights"]
FORMS: tuple[Form, ...] = ("pairs", "gram", "weights")
FORM = pytest.mark.parametrize("form", FORMS)
KERNELS = pytest.mark.parametrize("kernels", _core.kernels())
# Derandomised: float32 is held to 1e-5 on well-conditioned problems, and chance could always find a worse one.
DRAWN = settings(max_examples=30, deadline=None, derandomize=True)


def packed(model: Model) -> _core.Model:
    return _core.Model(**lowrank_arrays(model, np.float32))


def task_arrays(task: Task) -> dict[str, Any]:
    """What a task gives beside its labels' vectors."""
    arrays = task.arrays(np.float32)
    del arrays["w_novel"]
    return arrays


def adapted(
    model: Model, task: Task, form: Form = "auto", keep_lowest: bool = False, out: Any = None
) -> dict[str, Any]:
    handle = packed(model)
    labels = handle.labels(task.arrays(np.float32)["w_novel"])
    return dict(handle.adapt(labels, **task_arrays(task), form=form, keep_lowest=keep_lowest, out=out))


def queries(model: Model, task: Task) -> torch.Tensor:
    """Support examples and unseen ones, [S + 16, d]."""
    generator = torch.Generator().manual_seed(11)
    return torch.cat([task.z, torch.randn(16, len(model.w1), generator=generator, dtype=torch.float64)])


def logits_error(result: dict[str, Any], model: Model, expected: Model, task: Task) -> float:
    """Relative error of the logits of support and unseen examples, of the head against the model it should be."""
    z = queries(model, task)
    head: Any = {name: result[name] for name in HEAD}
    r = lowrank_arrays(model, np.float32)["r"]
    found = _core.head_logits(z=z.numpy().astype(np.float32), r=r, **head)
    return relative_error(found, project(expected, z, task.w_novel))


def support_error(result: dict[str, Any], expected: Model, task: Task) -> float:
    """The error of the logits that a result gives of its support, over the largest of `logits_error`'s."""
    reference = project(expected, task.z, task.w_novel).numpy()
    largest = project(expected, queries(expected, task), task.w_novel).abs().max()
    return float(np.abs(result["logits"] - reference).max(initial=0) / largest)


def problem(S: int, N: int, d: int, h: int, T: int) -> tuple[Model, Task]:
    generator = torch.Generator().manual_seed(3)
    return random_model(generator, d, h, 24), random_task(generator, S, N, d, T)


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch, kernels: str) -> None:
    monkeypatch.setenv("DESIRE_EDGE_KERNELS", kernels)


@KERNELS
@FORM
@pytest.mark.usefixtures("only")
@given(problem=problems(smallest_d=4))
@settings(DRAWN, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_form_equals_autograd(form: Form, problem: tuple[Model, Task]) -> None:
    model, task = problem
    models, _ = adapt(model, task)
    assume(cancellation(models, queries(model, task)) < 10)
    result = adapted(model, task, form)
    assert logits_error(result, model, models[-1], task) < 1e-5
    assert support_error(result, models[-1], task) < 1e-5


@KERNELS
@FORM
@pytest.mark.usefixtures("only")
@pytest.mark.parametrize("corner", CORNERS)
def test_corners_equal_autograd(form: Form, corner: str) -> None:
    model, task = CORNERS[corner]
    models, losses = adapt(model, task)
    result = adapted(model, task, form)
    assert logits_error(result, model, models[-1], task) < 1e-5
    assert relative_error(result["losses"], losses) < 1e-5
    assert support_error(result, models[-1], task) < 1e-5
    assert result["steps"] == len(task.step_sizes)


@KERNELS
@FORM
@pytest.mark.usefixtures("only")
# Columns and rows at, below and above whole panels of every width and whole blocks of rows.
@pytest.mark.parametrize(
    ("S", "N", "d", "h"),
    [
        (1, 1, 16, 15),
        (5, 5, 17, 16),
        (6, 2, 15, 17),
        (7, 17, 31, 32),
        (12, 16, 32, 31),
        (13, 3, 33, 63),
        (50, 4, 9, 65),
    ],
)
def test_sizes_around_panels_equal_autograd(form: Form, S: int, N: int, d: int, h: int) -> None:
    model, task = problem(S, N, d, h, T=3)
    models, _ = adapt(model, task)
    assert logits_error(adapted(model, task, form), model, models[-1], task) < 1e-5


@KERNELS
@FORM
@pytest.mark.usefixtures("only")
def test_realistic_sizes_equal_autograd_in_each_part(form: Form) -> None:
    model, task = realistic()
    models, losses = adapt(model, task)
    result = adapted(model, task, form)
    expected: Any = _core.fold(**models[-1].arrays(), w_novel=task.w_novel.numpy())
    assert logits_error(result, model, models[-1], task) < 1e-5
    assert relative_error(result["losses"], losses) < 1e-5
    assert result["conditioning"] == pytest.approx(
        [conditioning(each, task.z) for each in (models[0], models[-1])], rel=1e-4
    )
    for name in HEAD:
        assert relative_error(result[name], expected[name]) < 1e-5, name


@pytest.mark.parametrize(("S", "T"), [(1, 5), (5, 5), (25, 5), (60, 1), (40, 30)])
def test_the_cheapest_form_is_one_of_them(S: int, T: int) -> None:
    model, task = problem(S, 3, 24, 20, T)
    task = replace(task, step_sizes=0.1 * task.step_sizes)
    found = adapted(model, task)
    assert any(np.array_equal(found["q"], adapted(model, task, form)["q"]) for form in FORMS)


@KERNELS
@FORM
@pytest.mark.usefixtures("only")
def test_given_scores_equal_autograd(form: Form) -> None:
    model, task = CORNERS["more examples than dimensions"]
    known = torch.zeros(len(task.z), model.w_base.shape[1], dtype=torch.float64)
    known[::2, ::3] = 1
    task = replace(task, known_labels=known)
    arrays = scored_arrays(model, task, np.float32)
    scores = arrays.pop("scores")
    handle = _core.Model(**arrays)
    labels = handle.labels(task.arrays(np.float32)["w_novel"])
    result: Any = handle.adapt(labels, **task_arrays(task), scores=scores, form=form)
    expected = project(adapt(model, task)[0][-1], task.z, task.w_novel, known)
    head = {name: result[name] for name in HEAD}
    found = _core.head_logits(z=task.z.numpy().astype(np.float32), scores=scores, **head)
    assert relative_error(found, expected) < 1e-5
    assert relative_error(result["logits"], expected) < 1e-5


def overshooting(steps: list[float]) -> tuple[Model, Task]:
    """A task whose step sizes are the same for all tensors."""
    model, task = CORNERS["more examples than dimensions"]
    sizes = torch.tensor(steps, dtype=torch.float64)[:, None].expand(-1, 5)
    return model, replace(task, step_sizes=sizes.contiguous())


@FORM
@pytest.mark.parametrize("steps", [[0.5, 0.5, 30, 0.1], [40, 0.1], [0.5, 30, 0.5, 0.5, 0.5], [0.2, 0.2]])
def test_the_lowest_loss_is_kept(form: Form, steps: list[float]) -> None:
    model, task = overshooting(steps)
    every = adapted(model, task, form)
    best = len(steps) - int(np.argmin(every["losses"][::-1]))
    kept = adapted(model, task, form, keep_lowest=True)
    stopped = adapted(model, replace(task, step_sizes=task.step_sizes[:best]), form)
    assert kept["steps"] == best
    np.testing.assert_array_equal(kept["losses"], every["losses"])
    assert kept["conditioning"] == stopped["conditioning"]
    assert (
        relative_error(kept["logits"], stopped["logits"]) < 1e-5
    )  # the last are made in another order of sums
    for name in HEAD:
        np.testing.assert_array_equal(kept[name], stopped[name])


@FORM
def test_steps_that_diverge_are_left_out_if_the_lowest_loss_is_kept(form: Form) -> None:
    model, task = overshooting([0.5, 1e30, 0.5])
    with pytest.raises(_core.DivergedError):
        adapted(model, task, form)
    kept = adapted(model, task, form, keep_lowest=True)
    assert kept["steps"] == 1
    assert np.isfinite(kept["q"]).all()
    assert np.isinf(kept["losses"][-1])


def test_an_earlier_result_is_written_over() -> None:
    model, task = realistic()
    first = adapted(model, task)
    expected = {name: np.copy(value) for name, value in first.items()}
    out = dict(first)
    again = adapted(model, replace(task, targets=1 - task.targets), out=out)
    assert all(again[name] is first[name] for name in ("w1", "b1", "v", "q", "m", "losses", "logits"))
    assert relative_error(again["v"], expected["v"]) > 1e-3
    last = adapted(model, task, out=out)
    for name in (*HEAD, "losses", "logits", "conditioning", "steps"):
        np.testing.assert_array_equal(last[name], expected[name])


def test_a_result_of_other_sizes_is_not_written_over() -> None:
    model, task = realistic()
    out = adapted(model, task)
    one_label = replace(task, w_novel=task.w_novel[:, :1], targets=task.targets[:, :1], mask=task.mask[:, :1])
    with pytest.raises(ValueError, match=r"^v has shape"):
        adapted(model, one_label, out=out)


MANY_MODEL, MANY_TASK = realistic()


def many() -> list[dict[str, Any]]:
    """Tasks of several sizes, one of them bad."""
    generator = torch.Generator().manual_seed(5)
    sizes = [(5, 5, 5), (25, 3, 5), (1, 1, 2), (0, 4, 3), (40, 10, 5), (7, 2, 0), (5, 5, 5)]
    drawn = [random_task(generator, S, N, 350, T).arrays(np.float32) for S, N, T in sizes * 3]
    drawn[4]["z"][0, 3] = np.nan
    drawn[8]["step_sizes"][:] = 1e30
    return drawn


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
def test_many_tasks_get_what_each_gets_alone(threads: int) -> None:
    handle = packed(MANY_MODEL)
    tasks = many()
    found = handle.adapt_many(tasks, threads=threads)
    assert len(found) == len(tasks)
    for index, (task, result) in enumerate(zip(tasks, found, strict=True)):
        given = {name: value for name, value in task.items() if name != "w_novel"}
        if isinstance(result, Exception):
            with pytest.raises(type(result)) as alone:
                handle.adapt(handle.labels(task["w_novel"]), **given)
            assert index in {4, 8}
            assert str(alone.value) == str(result)
        else:
            np.testing.assert_equal(dict(result), dict(handle.adapt(handle.labels(task["w_novel"]), **given)))


def test_a_bad_task_among_many_is_named_by_its_exception() -> None:
    found = packed(MANY_MODEL).adapt_many(many(), threads=2)
    assert [index for index, result in enumerate(found) if isinstance(result, Exception)] == [4, 8]
    assert str(found[4]) == "z[0, 3] is NaN or infinite"
    assert isinstance(found[8], _core.DivergedError)


def test_no_task_gives_no_result() -> None:
    assert packed(MANY_MODEL).adapt_many([], threads=2) == []


def test_threads_are_at_least_one() -> None:
    with pytest.raises(ValueError, match=r"^threads is 0, expected 1 to"):
        packed(MANY_MODEL).adapt_many(many(), threads=0)


def test_kernels_that_this_cpu_does_not_run_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESIRE_EDGE_KERNELS", "abacus")
    with pytest.raises(ValueError, match=r"^DESIRE_EDGE_KERNELS is abacus, but this CPU runs .*baseline$"):
        packed(MANY_MODEL)


@pytest.mark.parametrize("name", sorted(lowrank_arrays(MANY_MODEL, np.float32)))
def test_a_model_with_a_value_that_is_not_finite_is_refused(name: str) -> None:
    arrays = lowrank_arrays(MANY_MODEL, np.float32)
    if isinstance(arrays[name], float):
        arrays[name] = np.nan
    else:
        arrays[name].flat[-1] = np.nan
    with pytest.raises(ValueError, match=rf"^{name}(\[[\d, ]+\])? is NaN or infinite$"):
        _core.Model(**arrays)


def test_labels_belong_to_one_model() -> None:
    first, second = packed(MANY_MODEL), packed(MANY_MODEL)
    labels = first.labels(MANY_TASK.arrays(np.float32)["w_novel"])
    assert labels.count == 5
    with pytest.raises(ValueError, match=r"^labels were made for another model$"):
        second.adapt(labels, **task_arrays(MANY_TASK))


def test_scores_go_with_a_model_made_with_w_i() -> None:
    handle = packed(MANY_MODEL)
    labels = handle.labels(MANY_TASK.arrays(np.float32)["w_novel"])
    with pytest.raises(ValueError, match=r"^the model takes no scores$"):
        handle.adapt(labels, **task_arrays(MANY_TASK), scores=np.zeros((25, 600), np.float32))
    arrays = scored_arrays(MANY_MODEL, MANY_TASK, np.float32)
    del arrays["scores"]
    scored = _core.Model(**arrays)
    labels = scored.labels(MANY_TASK.arrays(np.float32)["w_novel"])
    with pytest.raises(ValueError, match=r"^give scores: the model was made with w_i$"):
        scored.adapt(labels, **task_arrays(MANY_TASK))


def test_labels_outlive_the_name_of_their_model() -> None:
    labels = packed(MANY_MODEL).labels(MANY_TASK.arrays(np.float32)["w_novel"])
    assert labels.count == 5


def test_an_unknown_form_is_refused() -> None:
    form: Any = "dense"
    with pytest.raises(ValueError, match=r"^form is 'dense', expected auto, pairs, gram or weights$"):
        adapted(MANY_MODEL, MANY_TASK, form)


@KERNELS
@pytest.mark.usefixtures("only")
@pytest.mark.parametrize(("S", "N", "d", "h"), [(1, 1, 1, 1), (3, 20, 33, 31), (64, 5, 48, 47)])
def test_prediction_equals_autograd(S: int, N: int, d: int, h: int) -> None:
    model, task = problem(S, N, d, h, T=0)
    assert cancellation([model], task.z) < 100
    arrays = {name: task.arrays(np.float32)[name] for name in ("z", "w_novel")}
    expected = project(model, task.z, task.w_novel)
    assert relative_error(_core.project(**model.arrays(np.float32), **arrays), expected) < 1e-5
    head = _core.fold(**model.arrays(np.float32), w_novel=arrays["w_novel"])
    found = _core.head_logits(z=arrays["z"], r=lowrank_arrays(model, np.float32)["r"], **head)
    assert relative_error(found, expected) < 1e-5
