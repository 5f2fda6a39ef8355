"""Ours beside the plain baselines: the same tasks, paired differences, and settings chosen without any test row."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import Trained

from desire_edge.baselines import PLAIN, Cosine, Logistic, LogisticCosine, PlainData, RidgeRegression
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation import beside, tuning
from desire_edge.evaluation.evaluate import EvaluateOptions, Evaluation, evaluate, units
from desire_edge.evaluation.tuning import KEPT, chosen_settings, tuning_tasks
from desire_edge.metrics import Estimate, micro_auc
from desire_edge.training.run import Run

OPTIONS = EvaluateOptions(tasks=6, queries=3, shots=2, seed=5, baselines=True)
FAST = (Cosine(), RidgeRegression())


@pytest.fixture
def run(sample_trained: Trained, tmp_path: Path) -> Run:
    """The sample's run, with a folder of its own for what is chosen."""
    return replace(sample_trained.run, folder=tmp_path)


@pytest.fixture(scope="module")
def evaluation(sample_trained: Trained) -> Evaluation:
    return evaluate(sample_trained.run, OPTIONS)


def sampler_of(run: Run, shots: int = 2, ways: int = 5) -> EpisodeSampler:
    data = run.data
    return EpisodeSampler.over(
        data.rows, data.dataset.targets, data.split.novel, ways=ways, shots=shots, queries=3
    )


def test_all_baselines_stand_beside_ours_on_the_same_tasks(
    evaluation: Evaluation, sample_trained: Trained
) -> None:
    """Each figure is the mean over the tasks that the evaluation's own generator draws; differences are paired."""
    run = sample_trained.run
    ours, *others = evaluation.rows
    assert evaluation.eligible is not None
    assert (ours.micro_auc, ours.macro_auc) == (evaluation.eligible.micro_auc, evaluation.eligible.macro_auc)
    assert [row.name for row in others] == [baseline.NAME for baseline in PLAIN]
    rng = np.random.default_rng([OPTIONS.seed, OPTIONS.ways, OPTIONS.shots])
    sampler = sampler_of(run)
    episodes = [sampler.sample(rng) for _ in range(OPTIONS.tasks)]
    data = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    for row, baseline in zip(others, PLAIN, strict=True):
        aucs = [
            micro_auc(
                data.dataset.targets[np.ix_(episode.query, episode.labels)],
                baseline.scores(data.task(episode), row.setting),
            )
            for episode in episodes
        ]
        assert row.micro_auc == Estimate.of(aucs)
        assert row.ours_minus is not None
        assert row.ours_minus.mean == pytest.approx(ours.micro_auc.mean - row.micro_auc.mean)
        assert row.significant == (abs(row.ours_minus.mean) > row.ours_minus.half_width)
        assert row.seconds > 0


def test_the_interval_is_that_of_the_differences(run: Run) -> None:
    """Two learners that differ by the same in every task differ for certain, however the tasks vary."""
    sampler = sampler_of(run)
    chosen = chosen_settings(run, 5, 2, tasks=4, baselines=FAST)
    data = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    ridge = beside.score_plain(data, sampler, np.random.default_rng(3), chosen, tasks=5, baselines=FAST)[
        "ridge"
    ]
    ours = beside.TaskAucs([auc + 0.01 for auc in ridge.micro_auc], ridge.macro_auc, 0.0)
    rows = beside.rows_beside(run, ours, sampler, np.random.default_rng(3), baselines=FAST)
    minus = {row.name: row for row in rows}["ridge"].ours_minus
    assert minus is not None
    assert minus.mean == pytest.approx(0.01)
    assert minus.half_width == pytest.approx(0, abs=1e-9)
    assert rows[-1].significant and rows[-1].ours_minus_macro == Estimate(0.0, 0.0, 5)


def test_without_being_asked_no_baseline_is_measured(sample_trained: Trained) -> None:
    assert evaluate(sample_trained.run, replace(OPTIONS, tasks=2, baselines=False)).rows == ()


def test_by_name_alone_there_are_ours_and_the_cosine(sample_trained: Trained) -> None:
    result = evaluate(sample_trained.run, replace(OPTIONS, shots=0))
    assert [row.name for row in result.rows] == ["ours", "cosine"]
    assert result.eligible is not None
    assert result.eligible.micro_auc == result.eligible.zero_shot_micro_auc
    assert result.eligible.micro_f1.mean > 0


def test_progress_goes_through_all_units(sample_trained: Trained) -> None:
    seen: list[int] = []
    options = replace(OPTIONS, shots=0, tasks=7)
    evaluate(sample_trained.run, options, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == units(options) == 3 * 7 + tuning_tasks(7, 5)


def test_progress_goes_on_where_settings_were_kept(sample_trained: Trained) -> None:
    options = replace(OPTIONS, shots=0, tasks=7)
    evaluate(sample_trained.run, options)
    seen: list[int] = []
    evaluate(sample_trained.run, options, seen.append)
    before, after = 2 * 7, 2 * 7 + tuning_tasks(7, 5)
    assert seen == sorted(seen)
    assert not [done for done in seen if before < done < after]
    assert seen[-1] == units(options)


# Choosing.


def kept(run: Run) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((run.folder / KEPT).read_text())
    return value


def test_the_best_setting_on_validation_tasks_is_taken(run: Run) -> None:
    chosen = chosen_settings(run, 5, 2, tasks=4, baselines=(Logistic(), LogisticCosine()))
    cell = kept(run)["cells"]["5w2s"]
    assert cell["tuned_on"]["labels"] == len(run.data.split.validation)
    assert cell["tuned_on"]["tasks"] == 4
    assert list(chosen) == ["logistic", "logistic_cosine"]
    logistic = cell["chosen"]["logistic"]
    assert chosen["logistic"] == logistic["setting"]
    assert cell["chosen"]["logistic_cosine"]["micro_auc"] > logistic["micro_auc"]
    (other,) = {True, False} - {logistic["setting"]["balanced"]}
    only = type(
        "Only", (Logistic,), {"settings": lambda self, task: ({**logistic["setting"], "balanced": other},)}
    )
    chosen_settings(run, 5, 2, tasks=4, baselines=(only(),))
    assert kept(run)["cells"]["5w2s"]["chosen"]["logistic"]["micro_auc"] <= logistic["micro_auc"]


def test_no_test_row_and_no_novel_label_is_looked_at(run: Run) -> None:
    chosen = chosen_settings(run, 5, 2, tasks=4, baselines=FAST)
    figures = kept(run)["cells"]["5w2s"]["chosen"]
    data, dataset = run.data, run.data.dataset
    targets = dataset.targets.copy()
    targets[data.rows.query] = ~targets[data.rows.query]
    targets[:, data.split.novel] = ~targets[:, data.split.novel]
    (run.folder / KEPT).unlink()
    changed = replace(run, data=replace(data, dataset=replace(dataset, targets=targets)))
    assert chosen_settings(changed, 5, 2, tasks=4, baselines=FAST) == chosen
    assert kept(run)["cells"]["5w2s"]["chosen"] == figures


def test_what_was_chosen_is_kept_and_made_again_where_anything_differs(run: Run) -> None:
    first = chosen_settings(run, 2, 1, tasks=4, baselines=FAST)
    done: list[int] = []
    again = chosen_settings(run, 2, 1, tasks=3, baselines=FAST, report=done.append)
    assert (again, done) == (first, [])
    chosen_settings(run, 3, 1, tasks=4, baselines=FAST)
    assert sorted(kept(run)["cells"]) == ["2w1s", "3w1s"]
    chosen_settings(run, 2, 1, tasks=5, baselines=FAST, report=done.append)
    assert done == [1, 2, 3, 4, 5], "more tasks are asked for"
    other = replace(run, config=run.config.model_copy(update={"seed": 1}))
    chosen_settings(other, 2, 1, tasks=4, baselines=FAST)
    assert list(kept(run)["cells"]) == ["2w1s"]
    (run.folder / KEPT).write_text("{")
    assert chosen_settings(run, 2, 1, tasks=4, baselines=FAST) == first


def test_too_few_validation_labels_leave_the_first_settings_with_a_warning(run: Run) -> None:
    """Of one label nothing can be ranked; with more shots than rows there is not one task."""
    with pytest.warns(UserWarning, match="validation labels are too few"):
        chosen = chosen_settings(run, 2, 400, tasks=4, baselines=(*FAST, LogisticCosine()))
    assert chosen["ridge"] == {"features": "unit", "alpha": 1.0}
    assert chosen["logistic_cosine"]["weight"] == 6.0
    assert kept(run)["cells"]["2w400s"]["chosen"]["ridge"]["micro_auc"] is None


def test_fewer_validation_labels_than_ways_are_all_used(run: Run) -> None:
    chosen_settings(run, 20, 1, tasks=4, baselines=FAST)
    assert kept(run)["cells"]["20w1s"]["tuned_on"]["ways"] == len(run.data.split.validation) == 14


def test_few_tasks_are_tuned_on() -> None:
    assert tuning_tasks(600, 2) == tuning.MOST
    assert tuning_tasks(600, 20) == 10
    assert tuning_tasks(100, 5) == 20
    assert tuning_tasks(1, 5) == tuning.FEWEST
