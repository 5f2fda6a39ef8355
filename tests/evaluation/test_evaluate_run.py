"""Evaluating a run: the same tasks every time, figures that are those of its tasks, and protocols kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from trained import Trained

from desire_edge import DesireEdgeError
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.metrics import micro_auc
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.pretrain import extract

OPTIONS = EvaluateOptions(tasks=23, queries=3, seed=5)


def test_the_same_seed_gives_the_same_figures(sample_trained: Trained) -> None:
    first = evaluate(sample_trained.run, OPTIONS)
    assert evaluate(sample_trained.run, OPTIONS) == first
    assert evaluate(sample_trained.run, replace(OPTIONS, seed=6)).micro_auc != first.micro_auc


def test_the_figures_are_those_of_the_tasks_one_by_one(sample_trained: Trained) -> None:
    run, data = sample_trained.run, sample_trained.run.data
    sampler = EpisodeSampler(
        data.dataset.targets, data.split.novel, data.rows.support, data.rows.query, ways=5, shots=1, queries=3
    )
    batcher = EpisodeBatcher(
        extract(run.extractor, torch.from_numpy(data.x)), data.dataset.targets, data.w, data.split.base
    )
    rng = np.random.default_rng([OPTIONS.seed, OPTIONS.ways, OPTIONS.shots])
    aucs = []
    for _ in range(OPTIONS.tasks):
        episode = sampler.sample(rng)
        logits = run.learner(batcher.stack([episode]))
        targets = data.dataset.targets[np.ix_(episode.query, episode.labels)]
        aucs.append([micro_auc(targets, step[0, 5:].detach().numpy()) for step in logits])
    result = evaluate(run, OPTIONS)
    np.testing.assert_allclose(result.micro_auc_by_step, np.mean(aucs, axis=0), atol=1e-3)
    assert result.micro_auc.mean == result.micro_auc_by_step[-1]
    assert result.zero_shot_micro_auc.mean == result.micro_auc_by_step[0]
    assert result.micro_auc.tasks == OPTIONS.tasks


def test_progress_is_reported_up_to_the_last_task(sample_trained: Trained) -> None:
    seen: list[int] = []
    evaluate(sample_trained.run, OPTIONS, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == OPTIONS.tasks


def test_eligible_labels_are_counted_and_the_protocol_named(sample_trained: Trained) -> None:
    result = evaluate(sample_trained.run, replace(OPTIONS, tasks=1))
    data = sample_trained.run.data
    counts = data.dataset.targets[data.rows.query][:, data.split.novel].sum(axis=0)
    assert result.eligible == (counts >= OPTIONS.queries).sum()
    assert result.labels == len(data.split.novel)
    assert result.protocol == "example-disjoint"


def test_without_the_rule_of_eligibility_all_labels_are_drawn(sample_trained: Trained) -> None:
    with pytest.raises(DesireEdgeError, match="use fewer ways, shots or queries"):
        evaluate(sample_trained.run, EvaluateOptions(tasks=1))
    result = evaluate(sample_trained.run, EvaluateOptions(tasks=3, eligible_only=False))
    assert result.micro_auc.tasks == 3


def test_validation_labels_are_others_than_novel_ones(sample_trained: Trained) -> None:
    result = evaluate(sample_trained.run, replace(OPTIONS, labels="validation"))
    assert result.labels == len(sample_trained.run.data.split.validation)
    assert result.micro_auc != evaluate(sample_trained.run, OPTIONS).micro_auc


def test_a_short_training_beats_chance_on_labels_it_has_never_seen(delicious_trained: Trained) -> None:
    result = evaluate(delicious_trained.run, EvaluateOptions(tasks=60))
    assert result.micro_auc.mean - result.micro_auc.half_width > 0.5
    assert result.eligible > 50
