"""How well a run learns labels it has never seen: N-way K-shot tasks under a protocol."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation import beside
from desire_edge.metrics import Estimate
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores, score_tasks


@dataclass(frozen=True)
class EvaluateOptions:
    """The tasks of an evaluation.

    Attributes:
        labels: which labels the tasks are over; settings are chosen on "validation", figures quoted on "novel".
        ways, shots: N and K; with K = 0 labels go by their names alone.
        queries: query rows a label.
        tasks: how many.
        seed: of the tasks; the same seed gives the same tasks to every model.
        known_labels: give every example its true base labels, as a device has them that knows an item's tags.
        baselines: also measure what a user would write in scikit-learn, which sees features and names alone.
    """

    labels: Literal["novel", "validation"] = "novel"
    ways: int = 5
    shots: int = 1
    queries: int = 15
    tasks: int = 600
    seed: int = 0
    known_labels: bool = False
    baselines: bool = False


@dataclass(frozen=True)
class Figures:
    """Means over tasks, after adaptation, and their 95 % intervals.

    Attributes:
        micro_auc, macro_auc: of the scores.
        micro_f1: of decisions by the run's learned thresholds.
        micro_f1_half, micro_f1_oracle: by a threshold of 0.5, and by the one that is best for each task.
        zero_shot_micro_auc: before any step, by the labels' names alone.
        micro_auc_by_step: the mean after 0, 1, …, T steps.
        labels: how many labels the tasks were drawn from.
    """

    micro_auc: Estimate
    macro_auc: Estimate
    micro_f1: Estimate
    micro_f1_half: Estimate
    micro_f1_oracle: Estimate
    zero_shot_micro_auc: Estimate
    micro_auc_by_step: tuple[float, ...]
    labels: int

    @classmethod
    def of(cls, scores: TaskScores, labels: int) -> Figures:
        """The means of `scores`."""
        by_step = [Estimate.of(values) for values in zip(*scores.micro_auc_by_step, strict=True)]
        return cls(
            Estimate.of(scores.micro_auc),
            Estimate.of(scores.macro_auc),
            Estimate.of(scores.micro_f1),
            Estimate.of(scores.micro_f1_half),
            Estimate.of(scores.micro_f1_oracle),
            by_step[0],
            tuple(estimate.mean for estimate in by_step),
            labels,
        )


@dataclass(frozen=True)
class Evaluation:
    """The figures of one evaluation.

    Attributes:
        options: what was evaluated.
        protocol: which rows the run saw, and where support and query came from.
        eligible: tasks over the labels that have `queries` query rows beside the support; None where these are fewer
            than the ways.
        all_labels: tasks over all labels that have support, with min(queries, available) query rows each.
        rows: ours and each baseline on the tasks of `eligible`, or of `all_labels` where that is None; empty where
            they were not asked for.
    """

    options: EvaluateOptions
    protocol: str
    eligible: Figures | None
    all_labels: Figures
    rows: tuple[beside.Row, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


def units(options: EvaluateOptions) -> int:
    """How many tasks `evaluate` goes through: twice those asked for, and what the baselines need."""
    return 2 * options.tasks + (beside.units(options.tasks, options.ways) if options.baselines else 0)


def evaluate(
    run: Run, options: EvaluateOptions, report: Callable[[int], None] = lambda done: None
) -> Evaluation:
    """Draw the tasks and measure them with the run's own F, head and step sizes.

    Args:
        run: finished; its protocol says where support and query rows come from.
        options: which tasks.
        report: called with the number of tasks done, of `units` in all.

    Raises:
        DesireEdgeError: the run is not finished, validation labels are asked of a run that held no rows out for them,
            known labels of one that was trained without, or too few labels have rows.
    """
    run.require_finished()
    data = run.data
    if options.labels == "validation" and not (
        run.config.hold_out or run.config.protocol == "label-disjoint"
    ):
        raise DesireEdgeError(
            f"the run {run.folder} held no rows out, so its validation labels would be measured on test rows; "
            "train with --hold-out to choose settings"
        )
    if options.known_labels and not run.config.meta.known_labels:
        raise DesireEdgeError(
            f"the run {run.folder} was trained without known labels; leave --known-labels out, "
            "or train with --set meta.known_labels=1.0"
        )
    labels = data.split.novel if options.labels == "novel" else data.split.validation
    batcher = run.batcher()

    sampler = partial(
        EpisodeSampler.over,
        data.rows,
        data.dataset.targets,
        labels,
        ways=options.ways,
        shots=options.shots,
        queries=options.queries,
    )

    def rng() -> np.random.Generator:
        return np.random.default_rng([options.seed, options.ways, options.shots])

    def scored(tasks_of: EpisodeSampler, done: int) -> tuple[TaskScores, float]:
        started = time.process_time()
        scores = score_tasks(
            run.learner,
            batcher,
            tasks_of,
            tasks=options.tasks,
            rng=rng(),
            report=lambda tasks: report(done + tasks),
            known_labels=options.known_labels,
        )
        return scores, (time.process_time() - started) / options.tasks

    every = sampler(eligible_only=False)
    eligible = sampler(eligible_only=True) if len(every.eligible) >= options.ways else None
    scores, seconds = scored(every, 0)
    all_labels, of_eligible, measured = Figures.of(scores, len(every.drawn)), None, every
    if eligible is not None:
        scores, seconds = scored(eligible, options.tasks)
        of_eligible, measured = Figures.of(scores, len(eligible.drawn)), eligible
    rows: tuple[beside.Row, ...] = ()
    if options.baselines:
        ours = beside.TaskAucs(scores.micro_auc, scores.macro_auc, seconds)
        rows = beside.rows_beside(
            run, ours, measured, rng(), report=lambda tasks: report(2 * options.tasks + tasks)
        )
    return Evaluation(options, run.config.protocol, of_eligible, all_labels, rows)
