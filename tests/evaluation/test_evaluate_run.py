"""Evaluating a run: the same tasks every time, figures that are those of its tasks, and protocols kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
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
    assert evaluate(sample_trained.run, replace(OPTIONS, seed=6)).all_labels != first.all_labels


@pytest.mark.parametrize("eligible_only", [True, False])
def test_the_figures_are_those_of_the_tasks_one_by_one(eligible_only: bool, sample_trained: Trained) -> None:
    run, data = sample_trained.run, sample_trained.run.data
    sampler = EpisodeSampler(
        data.dataset.targets,
        data.split.novel,
        data.rows.support,
        data.rows.query,
        ways=5,
        shots=1,
        queries=3,
        eligible_only=eligible_only,
    )
    batcher = EpisodeBatcher(
        extract(run.extractor, torch.from_numpy(data.x)), data.dataset.targets, data.w, data.split.base
    )
    rng = np.random.default_rng([OPTIONS.seed, OPTIONS.ways, OPTIONS.shots])
    aucs, best = [], []
    for _ in range(OPTIONS.tasks):
        episodes = batcher.stack([sampler.sample(rng)])
        logits = run.learner(episodes)
        targets = episodes.targets[0, 5:].numpy() > 0
        aucs.append([micro_auc(targets, step[0, 5:].detach().numpy()) for step in logits])
        losses = [binary_cross_entropy_with_logits(step[0, :5], episodes.targets[0, :5]) for step in logits]
        best.append(aucs[-1][int(np.argmin([loss.item() for loss in losses]))])  # a device stops there
    result = evaluate(run, OPTIONS)
    figures = result.eligible if eligible_only else result.all_labels
    assert figures is not None
    np.testing.assert_allclose(figures.micro_auc_by_step, np.mean(aucs, axis=0), atol=1e-3)
    assert figures.micro_auc.mean == pytest.approx(np.mean(best), abs=1e-3)
    assert figures.zero_shot_micro_auc.mean == figures.micro_auc_by_step[0]
    assert figures.micro_auc.tasks == OPTIONS.tasks
    assert figures.labels == len(sampler.drawn)


def test_progress_is_reported_up_to_the_last_task(sample_trained: Trained) -> None:
    seen: list[int] = []
    evaluate(sample_trained.run, OPTIONS, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 2 * OPTIONS.tasks


def test_eligible_labels_are_counted_and_the_protocol_named(sample_trained: Trained) -> None:
    result = evaluate(sample_trained.run, replace(OPTIONS, tasks=1))
    data = sample_trained.run.data
    counts = data.dataset.targets[data.rows.query][:, data.split.novel].sum(axis=0)
    assert result.eligible is not None
    assert result.eligible.labels == (counts >= OPTIONS.queries).sum()
    assert result.all_labels.labels == len(data.split.novel)
    assert result.protocol == "example-disjoint"


def test_where_too_few_labels_are_eligible_all_of_them_are_measured(sample_trained: Trained) -> None:
    result = evaluate(sample_trained.run, EvaluateOptions(tasks=3))
    assert result.eligible is None
    assert result.all_labels.micro_auc.tasks == 3


def test_more_ways_than_labels_are_refused(sample_trained: Trained) -> None:
    with pytest.raises(DesireEdgeError, match="use fewer ways, shots or queries"):
        evaluate(sample_trained.run, EvaluateOptions(ways=23, tasks=1))


def test_validation_labels_are_not_measured_on_rows_that_trained(sample_trained: Trained) -> None:
    with pytest.raises(DesireEdgeError, match="held no rows out"):
        evaluate(sample_trained.run, replace(OPTIONS, labels="validation"))


def test_a_short_training_beats_chance_on_labels_it_has_never_seen(delicious_trained: Trained) -> None:
    result = evaluate(delicious_trained.run, EvaluateOptions(tasks=60)).eligible
    assert result is not None
    assert result.micro_auc.mean - result.micro_auc.half_width > 0.5
    assert result.labels > 50
