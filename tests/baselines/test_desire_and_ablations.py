"""DESIRE-Net behind the interface, and what its ablations keep of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from baselines.cases import FEATURES, make, meta_trained, normal, random_episodes

from desire_edge.baselines import METHODS, DesireNet, NoInference, NoL2, NoPretraining, plain_classifier
from desire_edge.models import Extractor, Mlp
from desire_edge.training.config import ExtractorConfig, MetaConfig
from desire_edge.training.inner_loop import inner_loop
from desire_edge.training.learner import MetaLearner
from desire_edge.training.method import outer_loss, outer_step, query_loss
from desire_edge.training.pretrain import pretrain

DESIRES = pytest.mark.parametrize("name", ["desire-net", "plain-pretraining"])


@DESIRES
def test_logits_are_those_of_the_inner_loop(name: str) -> None:
    method, episodes = make(name), random_episodes(1)
    assert isinstance(method, DesireNet)
    expected = inner_loop(method.learner.head, episodes, method.learner.step_sizes)
    for logits, other in zip(method(episodes), expected, strict=True):
        assert torch.equal(logits, other)


@DESIRES
def test_training_is_that_of_the_product(name: str) -> None:
    config = MetaConfig(hidden=5, step_size=0.3)
    w_base = normal(1, FEATURES, 9)
    torch.manual_seed(3)
    method = METHODS[name](normal(0, 20, FEATURES), w_base, config)
    torch.manual_seed(3)
    learner = MetaLearner(w_base, config)
    assert isinstance(method, DesireNet)
    optimizer, own = learner.optimizer(config), method.optimizer()
    for index in range(3):
        episodes, progress = random_episodes(index), index / 3
        loss = outer_loss(learner(episodes), episodes, config)
        expected_loss = outer_step(optimizer, loss, clip=config.gradient_clip, progress=progress)
        assert method.outer_step(own, episodes, progress) == expected_loss
    for parameter, expected in zip(method.learner.parameters(), learner.parameters(), strict=True):
        assert torch.equal(parameter, expected)


def test_no_l2_starts_at_the_scale_of_desire_net() -> None:
    """Each module's mean length over the training rows is 1, as the norms would make it."""
    method = meta_trained("no-l2")
    assert isinstance(method, NoL2)
    rows = normal(10, 40, FEATURES) + 0.5
    fresh = NoL2(rows, normal(11, FEATURES, 9), MetaConfig(hidden=5))
    known = fresh.head.transform(rows) / fresh.known_scale
    base = rows @ fresh.head.w_base / fresh.base_scale
    assert float(known.norm(dim=1).mean().detach()) == pytest.approx(1)
    assert float(base.norm(dim=1).mean()) == pytest.approx(1)


def test_no_l2_scales_with_its_input_where_desire_net_does_not() -> None:
    """Twice z W_base makes twice its part of the logits; the l2 norm takes that out."""
    episodes = random_episodes(2)
    longer = replace(episodes, z=2 * episodes.z)
    plain, normed = meta_trained("no-l2", zero_shot_weight=0), meta_trained("desire-net", zero_shot_weight=0)
    assert isinstance(plain, NoL2)
    assert isinstance(normed, DesireNet)
    with torch.no_grad():
        plain.head.gamma1.zero_()
        normed.learner.head.gamma1.zero_()
    torch.testing.assert_close(plain(longer)[0], 2 * plain(episodes)[0])
    torch.testing.assert_close(normed(longer)[0], normed(episodes)[0])


def test_no_inference_starts_at_features_against_word_vectors() -> None:
    episodes = random_episodes(3)
    method = NoInference(normal(0, 20, FEATURES), normal(1, FEATURES, 9), MetaConfig())
    torch.testing.assert_close(method(episodes)[0], episodes.z @ episodes.w_novel)


def test_no_inference_knows_no_base_labels() -> None:
    method, episodes = make("no-inference"), random_episodes(4)
    for logits, other in zip(method(episodes), method(replace(episodes, base_mask=None)), strict=True):
        assert torch.equal(logits, other)


@pytest.mark.parametrize("name", ["no-l2", "no-inference"])
def test_the_loss_before_adaptation_counts_as_in_desire_net(name: str) -> None:
    episodes = random_episodes(5)
    losses = {
        weight: float(meta_trained(name, zero_shot_weight=weight).outer_loss(episodes, 0.0).detach())
        for weight in (0.0, 0.2, 1.0)
    }
    assert losses[0.0] != losses[1.0]
    assert losses[0.2] == pytest.approx(0.8 * losses[0.0] + 0.2 * losses[1.0])


@pytest.mark.parametrize("name", ["no-l2", "no-inference"])
def test_step_sizes_stay_where_they_are_not_to_be_learned(name: str) -> None:
    method = meta_trained(name, learn_step_sizes=False)
    before = method.state_dict()["step_sizes.log"].clone()
    optimizer = method.optimizer()
    method.outer_step(optimizer, random_episodes(6), 0.0)
    assert torch.equal(method.state_dict()["step_sizes.log"], before)


def _extractor() -> Extractor:
    torch.manual_seed(0)
    return Extractor(Mlp(10, [16], 0.0), 6)


@pytest.mark.parametrize("name", ["no-l2", "no-inference"])
def test_the_steps_in_between_count_as_in_desire_net(name: str) -> None:
    """The ablations share the outer loss: each step but the first and the last adds its share."""
    episodes = random_episodes(7)
    method = meta_trained(name, inner_steps=3, zero_shot_weight=0.0, multi_step_weight=0.5)
    losses = [query_loss(logits, episodes) for logits in method(episodes)]
    expected = losses[3] + 0.5 * (losses[1] + losses[2])
    torch.testing.assert_close(method.outer_loss(episodes, 0.0), expected)


@pytest.mark.parametrize("bias", [True, False])
def test_the_plain_classifier_has_a_bias_as_the_semantic_one_has(bias: bool) -> None:
    targets = normal(1, 200, 8) > torch.linspace(-2, 2, 8)
    classifier = plain_classifier(_extractor(), targets, bias=bias, seed=0)
    share = targets.double().mean(dim=0)
    expected = torch.logit(share) if bias else torch.zeros(8)
    torch.testing.assert_close(classifier.bias.detach().double(), expected, atol=1e-5, rtol=1e-5)
    assert classifier.bias.requires_grad == bias
    assert classifier.weights.requires_grad, "in place of the word vectors"


def test_plain_pretraining_teaches_base_labels_and_repeats_itself() -> None:
    x = normal(0, 200, 10)
    targets = x @ normal(1, 10, 8) > 0
    config = ExtractorConfig(epochs=15, batch=20, learning_rate=1e-2)
    losses = [
        pretrain(
            plain_classifier(_extractor(), targets, bias=True, seed=seed),
            x.numpy(),
            np.arange(len(x)),
            targets,
            config,
            seed=seed,
        )
        for seed in (0, 0, 1)
    ]
    assert len(losses[0]) == 15
    assert losses[0][0] > 0.6
    assert losses[0][-1] < 0.3
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_no_pretraining_is_desire_net_on_an_f_of_its_own() -> None:
    method, episodes = make("no-pretraining"), random_episodes(8)
    assert isinstance(method, NoPretraining)
    z = method.extractor(episodes.z)
    expected = method.learner(replace(episodes, z=z))
    for logits, other in zip(method(episodes), expected, strict=True):
        assert torch.equal(logits, other)


def test_no_pretraining_learns_f_by_the_outer_loss_alone() -> None:
    method, episodes = meta_trained("no-pretraining", zero_shot_weight=0.0), random_episodes(9)
    assert isinstance(method, NoPretraining)
    loss = method.outer_loss(episodes, 0.0)
    expected = torch.autograd.grad(loss, list(method.extractor.parameters()))
    method.outer_step(method.optimizer(), episodes, 0.0)
    for parameter, gradient in zip(method.extractor.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
