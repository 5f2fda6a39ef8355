"""A cell measured: the figures are those of `evaluate`, all methods see the same, and what is unknown stays so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from trained import Trained

from desire_edge.baselines import (
    EVERY_PLAIN,
    Cosine,
    Logistic,
    LogisticCosine,
    PlainData,
    RidgeRegression,
    Setting,
)
from desire_edge.data import TARGETS, EpisodeSampler, Targets
from desire_edge.evaluation.comparison.tasks import tasks_rng
from desire_edge.evaluation.own import novel_tasks
from desire_edge.evaluation.own.measure import measure_ours, measure_plain
from desire_edge.evaluation.own.scores import MethodScores, tasks_of_cell
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.scoring import score_tasks

CHOSEN: dict[str, Setting] = {
    "cosine": {"space": "shared"},
    "ridge": {"features": "unit", "alpha": 1.0},
    "logistic": {"features": "unit", "C": 1.0, "balanced": True},
    "logistic_cosine": {"features": "unit", "C": 1.0, "balanced": True, "space": "shared", "weight": 2.0},
}
FAST = (Cosine(), RidgeRegression(), Logistic(), LogisticCosine())
PARTIAL: list[Targets] = [kind for kind in TARGETS if kind != "full"]


def sampler_of(trained: Trained, shots: int = 3) -> EpisodeSampler:
    return novel_tasks(trained.run, 5, shots, eligible_only=False)


def ours(trained: Trained, kind: Targets, targets: NDArray[np.bool_] | None = None) -> MethodScores:
    """Our figures on four tasks, where the rows' targets may be said to be others for the learner."""
    run = trained.run
    batcher, true = run.batcher(), run.data.dataset.targets
    if targets is not None:
        batcher.targets = torch.from_numpy(targets)
    return measure_ours(run.learner, batcher, sampler_of(trained), true, kind, 4)


def test_with_all_targets_known_ours_are_the_figures_of_evaluate(sample_trained: Trained) -> None:
    run = sample_trained.run
    found = ours(sample_trained, "full")
    expected = score_tasks(
        run.learner, run.batcher(), sampler_of(sample_trained), tasks=4, rng=tasks_rng(5, 3)
    )
    np.testing.assert_allclose(found.micro_auc, expected.micro_auc, atol=1e-4)
    np.testing.assert_allclose(found.macro_auc, expected.macro_auc, atol=1e-4)
    np.testing.assert_allclose(found.micro_f1, expected.micro_f1, atol=0.02)
    assert found.seconds > 0
    assert found.tally is not None
    assert 0 < found.tally.calibration().expected_error < 1


@pytest.mark.parametrize("kind", PARTIAL)
def test_unknown_targets_tell_nobody_anything(kind: Targets, sample_trained: Trained) -> None:
    """With each unknown target of the support turned round, ours and the baselines come to the same."""
    run = sample_trained.run
    sampler, true = sampler_of(sample_trained), run.data.dataset.targets
    plain = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    episode, known = next(tasks_of_cell(sampler, true, kind, 1))
    assert known is not None
    assert not known.all()
    turned = true.copy()
    at = np.ix_(episode.support, episode.labels)
    turned[at] = np.where(known, true[at], ~true[at])
    task = plain.task(episode, known)
    other = replace(plain, dataset=replace(run.data.dataset, targets=turned)).task(episode, known)
    np.testing.assert_array_equal(task.targets, other.targets)

    seen: list[EpisodeBatch] = []

    def learner(batch: EpisodeBatch) -> list[Tensor]:
        seen.append(batch)
        return run.learner(batch)  # type: ignore[no-any-return]

    batcher = run.batcher()
    for targets in (true, turned):
        batcher.targets = torch.from_numpy(targets)
        measure_ours(learner, batcher, sampler, true, kind, 1)
    first, second = seen
    rows = slice(0, first.support)
    assert torch.equal(first.targets[:, rows], second.targets[:, rows])
    np.testing.assert_array_equal(first.mask[0, rows].numpy() > 0, known)
    assert bool((first.mask[:, first.support :] == 1).all())


def test_fewer_known_targets_teach_less(sample_trained: Trained) -> None:
    run = sample_trained.run
    plain = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    chosen = {"logistic": {**CHOSEN["logistic"], "unknown": "left out"}}
    sampler = novel_tasks(run, 5, 5, eligible_only=False)
    means = [
        np.mean(measure_plain(plain, sampler, kind, 12, chosen, FAST)["logistic"].micro_auc)
        for kind in ("full", "half", "positives")
    ]
    assert means[0] > means[1] > means[2]


def test_the_last_logits_of_another_learner_are_the_adapted_ones(sample_trained: Trained) -> None:
    """A learner that knows the query's targets in its last logits, and nothing in its first."""
    run = sample_trained.run

    def learner(batch: EpisodeBatch) -> list[Tensor]:
        known = 2 * batch.targets - 1
        known[:, : batch.support] = 0
        return [-known, known]

    true = run.data.dataset.targets
    found = measure_ours(learner, run.batcher(), sampler_of(sample_trained), true, "full", 3)
    assert found.micro_auc == [1.0, 1.0, 1.0]
    assert found.micro_f1 == [1.0, 1.0, 1.0], "without thresholds yes is said from a probability of 0.5 on"


@pytest.mark.parametrize("shots", [0, 3])
def test_the_baselines_see_the_same_tasks_and_say_yes_from_one_half_on(
    shots: int, sample_trained: Trained
) -> None:
    run = sample_trained.run
    plain = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    sampler, targets = sampler_of(sample_trained, shots), run.data.dataset.targets
    fits = [baseline for baseline in FAST if shots or not baseline.NEEDS_EXAMPLES]
    chosen = {baseline.NAME: CHOSEN[baseline.NAME] for baseline in fits}
    found = measure_plain(plain, sampler, "full", 3, chosen, EVERY_PLAIN)
    assert list(found) == list(chosen)
    for name, scores in found.items():
        assert len(scores.micro_auc) == 3
        assert (scores.tally is None) == (name == "cosine")
    cosines = [
        plain.items["shared"][episode.query] @ plain.names[episode.labels].T
        for episode, _ in tasks_of_cell(sampler, targets, "full", 3)
    ]
    expected = MethodScores()
    for (episode, _), cosine in zip(tasks_of_cell(sampler, targets, "full", 3), cosines, strict=True):
        expected.add(targets[np.ix_(episode.query, episode.labels)], cosine, cosine >= 0, None)
    assert found["cosine"].micro_auc == expected.micro_auc
    assert found["cosine"].micro_f1 == expected.micro_f1


def test_figures_of_two_parts_are_those_of_all_and_survive_json() -> None:
    rng = np.random.default_rng(0)
    both, first, second = MethodScores(), MethodScores(), MethodScores()
    for part in (first, second):
        for _ in range(3):
            truth, p = rng.random((7, 3)) < 0.4, rng.random((7, 3))
            for scores in (part, both):
                scores.add(truth, p, p > 0.5, p)
        part.seconds = 2.0
    first.add(np.zeros((2, 2), np.bool_), np.ones((2, 2)), np.zeros((2, 2), np.bool_), np.zeros((2, 2)))
    both.add(np.zeros((2, 2), np.bool_), np.ones((2, 2)), np.zeros((2, 2), np.bool_), np.zeros((2, 2)))
    pooled = MethodScores.of_json(first.to_json())
    pooled.extend(MethodScores.of_json(second.to_json()))
    assert sorted(pooled.macro_auc) == pytest.approx(sorted(both.macro_auc), nan_ok=True)
    assert np.isnan(pooled.micro_auc[3])
    assert pooled.seconds == 4.0
    assert pooled.tally is not None
    assert both.tally is not None
    assert pooled.tally.calibration().brier == pytest.approx(both.tally.calibration().brier)
    np.testing.assert_array_equal(pooled.tally.count, both.tally.count)
