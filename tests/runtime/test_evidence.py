"""Whether examples help is said of examples that do, and of those whose labels are mixed up."""

from __future__ import annotations

import numpy as np
import pytest
from core.prior_cases import problem
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.runtime.adaptation import learn
from desire_edge.runtime.evidence import held_out_loss, warning

Array = NDArray[np.float32]
LABELS, D = 4, 24


def model_and_names(seed: int = 0) -> tuple[_core.PriorModel, Array]:
    """A head, and names of labels."""
    made = problem(np.random.default_rng(seed), 1, LABELS, shared=True, d=D)
    arrays = {
        name: getattr(made.model, name).astype(np.float32)
        for name in ("name_mean", "r", "inference", "scalars")
    }
    model = _core.PriorModel(**arrays, threshold_weights=np.zeros(5, np.float32))
    return model, made.w_novel.astype(np.float32)


def examples(w_novel: Array, per_label: int, *, mixed_up: bool) -> tuple[Array, Array]:
    """z and targets: the direction of the label's name, and noise."""
    rng = np.random.default_rng(1)
    targets = np.repeat(np.eye(LABELS), per_label, axis=0)
    z = targets @ w_novel.T + 0.7 * rng.normal(size=(len(targets), D))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    if mixed_up:
        targets = targets[rng.permutation(len(targets))]
    order = rng.permutation(len(targets))
    return z[order].astype(np.float32), targets[order].astype(np.float32)


@pytest.mark.parametrize("mixed_up", [False, True])
def test_a_warning_where_the_labels_are_mixed_up_and_none_where_they_are_right(mixed_up: bool) -> None:
    model, w_novel = model_and_names()
    z, targets = examples(w_novel, 6, mixed_up=mixed_up)
    mask = np.ones_like(targets)
    head = learn(model, z, targets, mask, w_novel)
    held_out = held_out_loss(model, z, targets, mask, w_novel, None)
    assert held_out is not None
    assert head.losses[-1] < held_out, "what was learned from is known better than what was not"
    said = warning(head, held_out, targets, mask)
    assert bool(said) == mixed_up
    assert all("the examples do not help" in sentence for sentence in said)


def test_too_few_examples_say_nothing() -> None:
    model, w_novel = model_and_names()
    z, targets = examples(w_novel, 3, mixed_up=True)
    assert held_out_loss(model, z, targets, np.ones_like(targets), w_novel, None) is None
    head = learn(model, z, targets, np.ones_like(targets), w_novel)
    assert not warning(head, None, targets, np.ones_like(targets))
