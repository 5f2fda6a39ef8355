"""Evaluating a run: the same tasks every time, figures that are those of its tasks, and protocols kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch.nn.functional import binary_cross_entropy_with_logits
from trained import Trained

from desire_edge import DesireEdgeError
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.metrics import macro_auc, micro_auc
from desire_edge.models import extract
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.thresholds import threshold_features

OPTIONS = EvaluateOptions(tasks=23, queries=3, seed=5)
MEANS = ("micro_auc", "macro_auc", "micro_f1", "micro_f1_half", "micro_f1_oracle")


def test_the_same_seed_gives_the_same_figures(sample_trained: Trained) -> None:
    first = evaluate(sample_trained.run, OPTIONS)
    assert evaluate(sample_trained.run, OPTIONS) == first
    assert evaluate(sample_trained.run, replace(OPTIONS, seed=6)).all_labels != first.all_labels


def tasks_one_by_one(trained: Trained, *, eligible_only: bool, known_labels: bool) -> dict[str, Any]:
    """The figures of `OPTIONS`' tasks, each adapted to and measured alone."""
    run, data = trained.run, trained.run.data
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
    batcher = EpisodeBatcher(extract(run.extractor, data.x), data.dataset.targets, data.w, data.split.base)
    rng = np.random.default_rng([OPTIONS.seed, OPTIONS.ways, OPTIONS.shots])
    found: dict[str, list[Any]] = {name: [] for name in ("by_step", *MEANS)}
    for _ in range(OPTIONS.tasks):
        episodes = batcher.stack([sampler.sample(rng)], known_labels=known_labels)
        logits = [step[0].detach() for step in run.learner(episodes)]
        support = episodes.targets[0, :5]
        losses = [binary_cross_entropy_with_logits(step[:5], support).item() for step in logits]
        adapted = logits[int(np.argmin(losses))]  # a device stops there
        features = threshold_features(adapted[:5], support, torch.ones_like(support))
        thresholds = (features @ run.learner.threshold_weights).numpy()
        targets, scores = episodes.targets[0, 5:].numpy() > 0, adapted[5:].numpy()
        found["by_step"].append([micro_auc(targets, step[5:].numpy()) for step in logits])
        found["micro_auc"].append(micro_auc(targets, scores))
        found["macro_auc"].append(macro_auc(targets, scores))
        found["micro_f1"].append(f1_score(targets, scores >= thresholds, average="micro", zero_division=0))
        found["micro_f1_half"].append(f1_score(targets, scores >= 0, average="micro", zero_division=0))
        found["micro_f1_oracle"].append(
            max(
                f1_score(targets, scores >= cut, average="micro", zero_division=0)
                for cut in np.unique(scores)
            )
        )
    return {"labels": len(sampler.drawn), **found}


@pytest.mark.parametrize("eligible_only", [True, False])
def test_the_figures_are_those_of_the_tasks_one_by_one(eligible_only: bool, sample_trained: Trained) -> None:
    check_figures(sample_trained, eligible_only=eligible_only, known_labels=False)


@pytest.mark.parametrize("known_labels", [True, False])
def test_known_labels_are_given_where_they_are_asked_for(known_labels: bool, known_trained: Trained) -> None:
    check_figures(known_trained, eligible_only=False, known_labels=known_labels)


def check_figures(trained: Trained, *, eligible_only: bool, known_labels: bool) -> None:
    expected = tasks_one_by_one(trained, eligible_only=eligible_only, known_labels=known_labels)
    result = evaluate(trained.run, replace(OPTIONS, known_labels=known_labels))
    figures = result.eligible if eligible_only else result.all_labels
    assert figures is not None
    np.testing.assert_allclose(figures.micro_auc_by_step, np.mean(expected["by_step"], axis=0), atol=1e-3)
    for name in MEANS:
        assert getattr(figures, name).mean == pytest.approx(np.mean(expected[name]), abs=2e-3), name
        assert getattr(figures, name).tasks == OPTIONS.tasks
    assert figures.zero_shot_micro_auc.mean == figures.micro_auc_by_step[0]
    assert figures.labels == expected["labels"]


def test_known_labels_change_the_figures(known_trained: Trained) -> None:
    known, unknown = (
        evaluate(known_trained.run, replace(OPTIONS, known_labels=given)) for given in (True, False)
    )
    assert known.all_labels.micro_auc != unknown.all_labels.micro_auc


def test_known_labels_are_refused_where_the_run_was_trained_without(sample_trained: Trained) -> None:
    with pytest.raises(
        DesireEdgeError, match=r"trained without known labels; .*--set meta\.known_labels=1\.0"
    ):
        evaluate(sample_trained.run, replace(OPTIONS, known_labels=True))


def test_no_threshold_beats_the_oracles(trained: Trained) -> None:
    figures = evaluate(trained.run, OPTIONS).all_labels
    assert max(figures.micro_f1.mean, figures.micro_f1_half.mean) <= figures.micro_f1_oracle.mean
    assert figures.micro_f1 != figures.micro_f1_half, "thresholds are learned"


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
