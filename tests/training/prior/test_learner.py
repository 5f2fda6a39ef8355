"""The head `prior` in torch against its reference in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from core.prior_reference import SCALARS, PriorModel, adapt, base_scores, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from desire_edge import scalars
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.scalars import CAUTIOUS

D, B = 24, 15


def made(rng: np.random.Generator, *, shared: bool) -> PriorLearner:
    names = D if shared else 17
    learner = PriorLearner(D, names, B, shared_space=shared).double()
    with torch.no_grad():
        for name, buffer in learner.named_buffers():
            if name != "threshold_weights":
                buffer.copy_(torch.from_numpy(rng.normal(size=buffer.shape) * 0.2))
        learner.scalars.add_(0.1 * torch.from_numpy(rng.normal(size=len(SCALARS))))
    return learner


def reference(learner: PriorLearner) -> PriorModel:
    name_map = None if learner.name_map is None else learner.name_map.numpy()
    return PriorModel(
        learner.name_mean.numpy(),
        name_map,
        learner.r.numpy(),
        learner.inference.numpy(),
        learner.scalars.detach().numpy(),
    )


def drawn(
    rng: np.random.Generator, learner: PriorLearner, s: int, n: int, *, known: bool = False
) -> EpisodeBatch:
    rows = s + 4

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(array, np.float64))[None]

    z = unit(rng.normal(size=(rows, D)))
    z[rng.random(rows) < 0.1] = 0  # a text of which no word is known
    if s > 2:
        z[1] = z[0]
    targets = (rng.random((rows, n)) < 0.3) * (rng.random(n) < 0.9)
    told = (rng.random((rows, B)) < 0.2) * (rng.random((rows, 1)) < 0.5)
    return EpisodeBatch(
        z=tensor(z),
        targets=tensor(targets),
        mask=tensor(rng.random((rows, n)) < 0.7),
        w_novel=tensor(rng.normal(size=(len(learner.name_mean), n))),
        base_mask=None,
        support=s,
        known_labels=tensor(told) if known else None,
    )


def test_the_scalars_stand_in_the_references_order() -> None:
    assert scalars.SCALARS == SCALARS
    assert set(CAUTIOUS) < set(SCALARS)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    s=st.integers(0, 40),
    n=st.integers(1, 12),
    shared=st.booleans(),
    known=st.booleans(),
)
def test_logits_are_the_references(seed: int, s: int, n: int, shared: bool, known: bool) -> None:
    rng = np.random.default_rng(seed)
    learner = made(rng, shared=shared)
    batch = drawn(rng, learner, s, n, known=known)
    z, told = batch.z[0].numpy(), None if batch.known_labels is None else batch.known_labels[0].numpy()
    model = reference(learner)
    head = adapt(
        model,
        z[:s],
        batch.targets[0, :s].numpy(),
        batch.mask[0, :s].numpy(),
        batch.w_novel[0].numpy(),
        None if told is None else told[:s],
    )
    expected = z @ head.l + base_scores(model, z, told) @ head.m + head.b
    with torch.no_grad():
        logits = learner(batch)
    assert len(logits) == (2 if s else 1)
    assert learner.kept(batch, logits) == [len(logits) - 1]
    np.testing.assert_allclose(logits[-1][0].numpy(), expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(("s", "n"), [(100, 20), (300, 30)])
def test_many_examples_agree_too(s: int, n: int) -> None:
    rng = np.random.default_rng(s)
    learner = made(rng, shared=False)
    batch = drawn(rng, learner, s, n)
    z, targets, mask = (array[0, :s].numpy() for array in (batch.z, batch.targets, batch.mask))
    head = adapt(reference(learner), z, targets, mask, batch.w_novel[0].numpy())
    with torch.no_grad():
        found = learner(batch)[-1][0, :s].numpy()
    np.testing.assert_allclose(found, head.logits, atol=1e-9 * np.abs(head.logits).max())


def test_a_label_of_which_nothing_is_known_agrees_where_rare_targets_count_less() -> None:
    rng = np.random.default_rng(3)
    learner = made(rng, shared=False)
    with torch.no_grad():
        learner.scalars[SCALARS.index("balance")] = -0.5
    batch = drawn(rng, learner, 12, 5)
    batch.mask[:, :, [0, 3]] = 0
    z, targets, mask = (array[0, :12].numpy() for array in (batch.z, batch.targets, batch.mask))
    head = adapt(reference(learner), z, targets, mask, batch.w_novel[0].numpy())
    found = learner(batch)[-1][0, :12]
    np.testing.assert_allclose(found.detach().numpy(), head.logits, atol=1e-9 * np.abs(head.logits).max())
    found.sum().backward()
    assert learner.scalars.grad is not None and learner.scalars.grad.isfinite().all()


def test_by_name_alone_is_a_task_without_examples() -> None:
    rng = np.random.default_rng(3)
    learner = made(rng, shared=True)
    batch = drawn(rng, learner, 6, 4)
    nothing = EpisodeBatch(
        batch.z[:, 6:], batch.targets[:, 6:], batch.mask[:, 6:], batch.w_novel, None, support=0
    )
    with torch.no_grad():
        torch.testing.assert_close(learner(batch)[0][:, 6:], learner(nothing)[0])


def test_base_labels_that_are_masked_say_nothing() -> None:
    rng = np.random.default_rng(4)
    learner = made(rng, shared=True)
    batch = drawn(rng, learner, 6, 4)
    keep = torch.ones(1, B, dtype=torch.float64)
    keep[0, 3] = 0
    masked = EpisodeBatch(batch.z, batch.targets, batch.mask, batch.w_novel, keep, batch.support)
    with torch.no_grad():
        found = learner(masked)[-1]
        learner.r[:, 3] = 0
        torch.testing.assert_close(found, learner(batch)[-1])


def test_the_scalars_have_gradients_through_the_solver() -> None:
    rng = np.random.default_rng(5)
    learner = made(rng, shared=True)
    batch = drawn(rng, learner, 5, 3)
    terms = learner.terms(batch)

    def loss(values: torch.Tensor) -> torch.Tensor:
        return (PriorLearner.logits(terms, values)[:, batch.support :] ** 2).mean()

    assert torch.autograd.gradcheck(loss, [learner.scalars.detach().clone().requires_grad_()], atol=1e-6)
