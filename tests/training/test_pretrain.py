"""Pre-training: the learned bias a base label, the loss it falls by, and that epochs repeat."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from desire_edge.models import Extractor, Mlp
from desire_edge.training.classifier import Classifier
from desire_edge.training.config import ExtractorConfig
from desire_edge.training.pretrain import pretrain

FEATURES, D = 6, 5
SHARES = torch.tensor([0.05, 0.3, 0.5, 0.9])
CONFIG = ExtractorConfig(epochs=8, batch=20, learning_rate=1e-2)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def task(rows: int = 200) -> tuple[Tensor, Tensor]:
    """Rows x and the labels they carry: as many of them as `SHARES` says, decided by linear functions of x."""
    x = normal(0, rows, FEATURES)
    scores = x @ normal(1, FEATURES, len(SHARES))
    order = scores.argsort(dim=0, descending=True).argsort(dim=0)
    return x, order < (SHARES * rows).round()


def classifier(targets: Tensor, *, bias: bool, dropout: float = 0.0) -> Classifier:
    torch.manual_seed(0)
    return Classifier(
        Extractor(Mlp(FEATURES, [16], dropout), D), normal(2, D, targets.shape[1]), targets, bias=bias
    )


def losses_of(made: Classifier, x: Tensor, targets: Tensor, seed: int = 0) -> list[float]:
    """Pre-train on all rows of x."""
    return pretrain(made, x.numpy(), np.arange(len(x)), targets, CONFIG, seed=seed)


def test_the_bias_starts_at_each_labels_log_odds() -> None:
    made = classifier(task()[1], bias=True)
    torch.testing.assert_close(torch.sigmoid(made.bias), SHARES)
    assert made.bias.requires_grad


def test_labels_that_none_or_all_carry_start_at_half_a_row() -> None:
    targets = torch.tensor([[False, True]] * 10)
    odds = classifier(targets, bias=True).bias
    torch.testing.assert_close(torch.sigmoid(odds), torch.tensor([0.05, 0.95]))


def test_logits_are_z_w_base_plus_the_bias() -> None:
    x, targets = task()
    made = classifier(targets, bias=True)
    torch.testing.assert_close(made(x), made.extractor(x) @ normal(2, D, 4) + made.bias)


def test_the_bias_is_learned_and_the_word_vectors_are_not() -> None:
    x, targets = task()
    made = classifier(targets, bias=True)
    start = made.bias.detach().clone()
    losses_of(made, x, targets)
    assert not torch.equal(made.bias, start)
    assert torch.equal(made.weights, normal(2, D, 4))
    assert "weights" not in made.state_dict()


def test_without_a_bias_it_stays_zero_and_gets_no_gradient() -> None:
    x, targets = task()
    made = classifier(targets, bias=False)
    losses_of(made, x, targets)
    assert torch.equal(made.bias, torch.zeros(4))
    assert made.bias.grad is None
    learned = {
        id(parameter) for group in made.optimizer(CONFIG).param_groups for parameter in group["params"]
    }
    assert learned == {id(parameter) for parameter in made.extractor.parameters()}


def test_a_bias_spares_f_from_telling_frequencies() -> None:
    """Before any training the mean logit of a label is its log odds, so the loss starts lower."""
    x, targets = task()
    first = {bias: losses_of(classifier(targets, bias=bias), x, targets)[0] for bias in (True, False)}
    assert first[True] < first[False]


@pytest.mark.parametrize("bias", [True, False])
def test_the_loss_falls_and_the_same_seed_repeats_it(bias: bool) -> None:
    x, targets = task()
    losses = [
        losses_of(classifier(targets, bias=bias, dropout=0.2), x, targets, seed=seed) for seed in (3, 3, 4)
    ]
    assert losses[0] == losses[1] != losses[2]
    assert losses[0][-1] < 0.7 * losses[0][0]
    assert len(losses[0]) == CONFIG.epochs


def test_only_the_named_rows_of_x_are_seen() -> None:
    x, targets = task()
    rows = np.random.default_rng(0).permutation(300)[: len(x)]
    among = np.full((300, FEATURES), np.nan, np.float32)
    among[rows] = x.numpy()
    found = pretrain(classifier(targets, bias=True), among, rows, targets, CONFIG, seed=0)
    assert found == losses_of(classifier(targets, bias=True), x, targets)
