"""Explanations: exact sums, the model's own logits, and shares that say what an example did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS, problems
from core.learning import problem_of, told
from core.reference import LEARNED, Model, Task, adapt, project, relative_error, support_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.runtime.heads.explained import Learned
from desire_edge.runtime.heads.replay import Replay

VECTORS = Path(__file__).parents[1] / "vectors"
TEXTS = ["Warm bread, and jazz.", "the linux kernel", "a trumpet on a train"]
SUPPORT = Support.of(
    ["Bread from a hot oven", "jazz, a trumpet", "a train to Rome", "bread and jazz"],
    [["baking"], ["jazz"], [], ["baking", "jazz"]],
)


def single(model: Model, task: Task) -> tuple[Model, Task]:
    """The same, of numbers that single precision holds: what a bundle's are."""

    def rounded(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.float().double()

    model = Model(**{name: rounded(value) for name, value in vars(model).items()})
    return model, replace(task, step_sizes=rounded(task.step_sizes))


def replay_of(model: Model, task: Task) -> Replay:
    """The task's steps. Step sizes of a bundle are for the loss's mean over labels, the reference's for its sum."""
    known = max(1, int((task.mask > 0).any(dim=0).sum()))
    arrays = model.arrays() | {"step_sizes": task.step_sizes.numpy() / known}
    doubles: dict[str, Any] = {name: np.asarray(value, np.float64) for name, value in arrays.items()}
    told = None if task.known_labels is None else task.known_labels.numpy()
    support = (task.z.numpy(), task.targets.numpy(), task.mask.numpy(), task.w_novel.numpy())
    return Replay(doubles, Learned(*support, told, len(task.step_sizes)))


def terms_of(replay: Replay, z: torch.Tensor, known: torch.Tensor | None) -> dict[str, NDArray[np.float64]]:
    return vars(replay.explain(z.numpy(), None if known is None else known.numpy()))


@given(problems(), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60)
def test_the_terms_are_the_logits_of_autograd_before_and_after_adapting(
    problem: tuple[Model, Task], seed: int, known: bool
) -> None:
    model, task = single(*problem_of(*problem, known))
    query = torch.randn(1, len(model.w_base), generator=torch.Generator().manual_seed(seed)).double()
    told_query = told(replace(task, z=query), model.w_base.shape[1]).known_labels if known else None
    models, _ = adapt(model, task)
    found = terms_of(replay_of(model, task), query[0], told_query[0] if told_query is not None else None)
    before, after = (
        project(each, query, task.w_novel, told_query)[0].numpy() for each in (models[0], models[-1])
    )
    by_name = found["name"] + found["base"].sum(axis=0)
    largest = max(np.abs(part).sum(axis=0).max() for part in found.values() if part.size)
    np.testing.assert_allclose(by_name, before, rtol=0, atol=1e-10 * (1 + largest))
    np.testing.assert_allclose(
        by_name + found["examples"].sum(axis=0), after, rtol=0, atol=1e-8 * (1 + largest)
    )


@pytest.mark.parametrize("corner", CORNERS)
def test_the_terms_add_up_in_every_corner(corner: str) -> None:
    model, task = single(*CORNERS[corner])
    models, _ = adapt(model, task)
    query = torch.linspace(-1, 1, len(model.w_base)).double()[None]
    found = terms_of(replay_of(model, task), query[0], None)
    total = found["name"] + found["base"].sum(axis=0) + found["examples"].sum(axis=0)
    assert relative_error(total, project(models[-1], query, task.w_novel)[0].numpy()) < 1e-9
    assert found["examples"].shape == (len(task.z), task.w_novel.shape[1])


def test_an_example_of_which_nothing_is_known_did_nothing() -> None:
    model, task = single(*CORNERS["more examples than dimensions"])
    mask = task.mask.clone()
    mask[[2, 7]] = 0
    found = terms_of(replay_of(model, replace(task, mask=mask)), task.z[0], None)["examples"]
    assert (found[[2, 7]] == 0).all()
    assert (np.abs(found).max(axis=1) > 0).sum() == len(found) - 2


def test_equal_examples_have_equal_shares_and_their_order_does_not_matter() -> None:
    model, task = single(*problem_of(*CORNERS["duplicate examples"], known=False))
    task = replace(task, mask=torch.ones_like(task.mask))
    found = terms_of(replay_of(model, task), task.z[5], None)["examples"]
    np.testing.assert_allclose(found[[0, 3]], found[[1, 4]], rtol=1e-9)
    order = [5, 3, 0, 1, 4, 2]
    turned = replace(task, z=task.z[order], targets=task.targets[order], mask=task.mask[order])
    again = terms_of(replay_of(model, turned), task.z[5], None)["examples"]
    np.testing.assert_allclose(again, found[order], rtol=1e-9, atol=1e-12)


def test_a_share_of_a_small_step_is_the_logits_slope_along_the_examples_own_gradient() -> None:
    model, task = single(*problem_of(*CORNERS["more examples than dimensions"], known=False))
    sizes = 1e-5 * task.step_sizes[:1]
    task = replace(task, step_sizes=sizes)
    query = task.z.flip(1)[:1] / 2
    found = terms_of(replay_of(model, task), query[0], None)["examples"]
    tensors = {name: getattr(model, name).clone().requires_grad_() for name in LEARNED}
    live = Model(**tensors, w_base=model.w_base)
    logits = project(live, query, task.w_novel)[0]
    slopes = [torch.autograd.grad(logit, list(tensors.values()), retain_graph=True) for logit in logits]
    for s in range(len(task.z)):
        mask = torch.zeros_like(task.mask)
        mask[s] = task.mask[s]
        share = mask.sum() / task.mask.sum()  # of the mean that the loss is
        gradient = torch.autograd.grad(
            support_loss(live, replace(task, mask=mask)) * share, list(tensors.values())
        )
        expected = [
            -sum(
                float(sizes[0, LEARNED[name]]) * float((slope * change).sum())
                for name, slope, change in zip(LEARNED, slopes[n], gradient, strict=True)
            )
            for n in range(len(logits))
        ]
        assert relative_error(found[s], expected) < 1e-3


@pytest.mark.parametrize("name", ["plain", "known", "prior"])
@pytest.mark.parametrize("support", [None, SUPPORT], ids=["by name alone", "with examples"])
def test_a_bundles_explanation_is_the_models_own_prediction(name: str, support: Support | None) -> None:
    task = Bundle.open(VECTORS / name, "cpu").adapt(support, labels=["baking", "jazz", "travel"])
    probabilities = task.predict(TEXTS)
    for text, expected in zip(TEXTS, probabilities, strict=True):
        found = task.explain(text)
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        total = found.name + found.base.sum(axis=0) + found.examples.sum(axis=0) + found.bias
        assert np.abs(total - found.logits).max() < 1e-5
        np.testing.assert_array_equal(found.rounding, found.logits - total)
        assert found.examples.shape == (0 if support is None else 4, 3)
        for n, label in enumerate(found.labels):
            for most in (0, 1, 5, 1000):
                terms = found.terms(label, most)
                assert sum(term.value for term in terms) == pytest.approx(found.logits[n], abs=1e-12)
                assert len(terms) <= 2 * most + 7 or most == 1000
            value = found.to_json()[label]
            spoken = value["name"] + sum(value["base_labels"].values()) + sum(value["examples"])
            assert spoken + value["bias"] + value["rounding"] == pytest.approx(value["logit"], abs=1e-12)
        assert set(found.predicted) == set(task.decide(expected) or [task.labels[expected.argmax()]])


@pytest.mark.parametrize("name", ["known", "prior"])
def test_known_labels_speak_in_place_of_what_the_model_sees(name: str) -> None:
    bundle = Bundle.open(VECTORS / name, "cpu")
    told_label = bundle.manifest.base_labels[1]
    task = bundle.adapt(SUPPORT)
    found = task.explain(TEXTS[0], [told_label])
    assert np.flatnonzero(found.scores).tolist() == [1]
    np.testing.assert_allclose(found.probabilities, task.predict(TEXTS[:1], [[told_label]])[0], atol=1e-6)
    with pytest.raises(DesireEdgeError, match="the input: the known label 'no such' is no base label of the"):
        task.explain(TEXTS[0], ["no such"])


def test_what_each_example_carries_is_told() -> None:
    found = Bundle.open(VECTORS / "plain", "cpu").adapt(SUPPORT).explain(TEXTS[0])
    assert found.example_labels == (("baking",), ("jazz",), (), ("baking", "jazz"))
