"""What a run's sets of labels state: that it holds on real novel labels, and where nothing can be stated."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from trained import SAMPLE, Trained

from desire_edge import Bundle, Support
from desire_edge.coverage import BY_NAME, NEGATIVES, Coverage, quantile
from desire_edge.training.config import load_config
from desire_edge.training.coverage import scores_of
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.run import Run
from desire_edge.training.stages import train
from desire_edge.training.views import View, view_of


def tolerance(level: float, calibrating: int, judging: int) -> float:
    """How far below a coverage that holds the share over `judging` labels falls in one of 40 cases.

    A coverage that is learned from L labels is itself drawn from a distribution whose variance is at most
    level (1 − level) / (L + 2), and the share over M labels has at most level (1 − level) / M: both are reached only
    where all of a label's scores fall on one side.
    """
    return 1.96 * math.sqrt(level * (1 - level) * (1 / (calibrating + 2) + 1 / judging))


@pytest.mark.slow
def test_the_coverage_that_is_stated_holds_on_novel_labels_of_new_rows(prior_trained: Trained) -> None:
    run = prior_trained.run
    data, batcher = run.data, run.batcher()
    stated = Coverage.all_from_json(run.progress.coverage)
    assert [one.level for one in stated] == [0.8, 0.9]  # 14 validation labels state at most 14/15
    final = View(run.learner, batcher.z, data.rows.support, data.rows.query)
    rng = np.random.default_rng(0)
    scores = scores_of([final], batcher, data.split.novel, ways=(2, 10), known_labels=False, rng=rng)
    assert set(scores) >= {BY_NAME, NEGATIVES, 1, 2, 5}
    for one in stated:
        numbers = {BY_NAME: one.by_name, NEGATIVES: one.negatives, **dict(one.examples)}
        for kind, of_kind in scores.items():
            number = numbers[kind]
            assert number is not None
            held = [float(np.mean(found >= number)) for found in of_kind.values()]
            least = one.level - tolerance(one.level, len(data.split.validation), len(held))
            assert np.mean(held) >= least, (one.level, kind)
            assert np.mean(held) < 1, (one.level, kind)  # and a set says something


@pytest.mark.slow
def test_a_bundle_and_its_tasks_state_what_the_run_does(prior_trained: Trained) -> None:
    bundle = Bundle.open(prior_trained.bundle, "cpu")
    assert [one.to_json() for one in bundle.manifest.coverage] == prior_trained.run.progress.coverage
    task = bundle.adapt(Support.read(prior_trained.support))
    assert list(task.predictor.sets) == [0.8, 0.9]
    wider = zip(*task.predictor.sets.values(), strict=True)
    assert all(low >= high for low, high in wider)


@pytest.mark.slow
def test_a_view_of_a_fold_knows_nothing_of_the_rows_of_its_queries(prior_trained: Trained) -> None:
    run = prior_trained.run
    assert isinstance(run.learner, PriorLearner)
    batcher, rows = run.batcher(), run.data.rows.train
    seen, unseen = rows[::2], rows[1::2]
    fold = Fold(run.data.split.base[:3], seen, unseen)
    before = view_of(run.learner, batcher, fold, batcher.z)
    changed = batcher.z.clone()
    changed[torch.from_numpy(unseen)] = 0
    other = EpisodeBatcher(changed, ~run.data.dataset.targets, run.data.w, run.data.split.base)
    other.targets[torch.from_numpy(seen)] = batcher.targets[torch.from_numpy(seen)]
    after = view_of(run.learner, other, fold, changed)
    assert isinstance(before.learner, PriorLearner)
    for name, value in before.learner.state_dict().items():
        assert torch.equal(value, after.learner.state_dict()[name]), name
    assert torch.equal(before.learner.scalars, run.learner.scalars)
    whole = view_of(run.learner, batcher, Fold(fold.labels, rows, rows), batcher.z)
    learned = run.learner.state_dict()
    for name in ("name_mean", "name_map", "r", "base_bias", "inference", "scalars"):
        value = whole.learner.state_dict()[name]
        torch.testing.assert_close(value, learned[name], atol=1e-5, rtol=1e-4, msg=name)


def test_nothing_is_stated_where_f_has_seen_all_rows(sample_trained: Trained) -> None:
    """The paper's head without folds, for new rows."""
    assert sample_trained.run.progress.coverage == []
    assert "coverage" not in (sample_trained.bundle / "manifest.json").read_text()


@pytest.mark.slow
def test_the_papers_head_states_coverage_where_the_rows_of_tasks_are_those_of_training(
    tmp_path: Path,
) -> None:
    settings = (
        *SAMPLE,
        "protocol=label-disjoint",
        "meta.batches=5",
        "extractor.epochs=2",
        "validation_tasks=2",
    )
    run = Run.create(tmp_path / "run", load_config(overrides=settings, recipe="best"), torch.device("cpu"))
    train(run, lambda *_: None)
    stated = Coverage.all_from_json(run.progress.coverage)
    assert [one.level for one in stated] == [0.8, 0.9]
    for one in stated:
        assert [count for count, _ in one.examples] == [1, 2, 5, 10]
    assert Run.open(tmp_path / "run", torch.device("cpu")).progress.coverage == run.progress.coverage


def test_tasks_give_every_kind_of_label_its_scores(sample_trained: Trained) -> None:
    """The scores are log odds, so a number from them is what half of a label's scores lie above."""
    run = sample_trained.run
    batcher, rows = run.batcher(), run.data.rows.train
    view = View(run.learner, batcher.z, rows, rows)
    rng = np.random.default_rng(1)
    labels = run.data.split.validation
    scores = scores_of([view], batcher, labels, ways=(2, 5), known_labels=False, rng=rng)
    assert set(scores) == {BY_NAME, NEGATIVES, 1, 2, 5, 10}
    for of_kind in scores.values():
        assert set(of_kind) <= set(labels.tolist())
        assert all(np.isfinite(found).all() and len(found) for found in of_kind.values())
    by_name = {label: float(np.median(found)) for label, found in scores[BY_NAME].items()}
    assert len(by_name) == len(labels)
    middle = quantile([np.array([value]) for value in by_name.values()], 0.5)
    assert middle is not None and min(by_name.values()) < middle < max(by_name.values())
