"""Our recipe beside what a user would write in scikit-learn, on the same tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from desire_edge.baselines import PLAIN, PlainBaseline, PlainData, Setting
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.tuning import chosen_settings, tuning_tasks
from desire_edge.metrics import Estimate, macro_auc, micro_auc
from desire_edge.training.run import Run


@dataclass(frozen=True)
class TaskAucs:
    """One learner's figures on the query rows of each task, and what a task took.

    Attributes:
        micro_auc, macro_auc: [tasks]; NaN where undefined.
        seconds: a task, the mean, of CPU time.
    """

    micro_auc: list[float]
    macro_auc: list[float]
    seconds: float


@dataclass(frozen=True)
class Row:
    """A line of the table: ours, or a baseline.

    Attributes:
        name, title: of the baseline; "ours".
        setting: what was chosen on validation labels; empty for ours.
        micro_auc, macro_auc: means over tasks.
        ours_minus, ours_minus_macro: ours less this one's, task by task, micro and macro; None for ours.
        significant: whether 0 lies outside the 95 % interval of `ours_minus`; None for ours.
        seconds: of CPU time a task, to adapt and to score its query examples; ours in torch, several tasks at once.
    """

    name: str
    title: str
    setting: Setting
    micro_auc: Estimate
    macro_auc: Estimate
    ours_minus: Estimate | None
    ours_minus_macro: Estimate | None
    significant: bool | None
    seconds: float


def rows_beside(
    run: Run,
    ours: TaskAucs,
    sampler: EpisodeSampler,
    rng: np.random.Generator,
    *,
    baselines: Sequence[PlainBaseline] = PLAIN,
    report: Callable[[int], None] = lambda done: None,
) -> tuple[Row, ...]:
    """Ours, and each baseline that the tasks have enough for, tuned and measured on the very same tasks.

    Args:
        run: whose data the baselines see, and in whose folder their settings are kept.
        ours: figures of the first tasks that `sampler` draws with `rng`; as many are measured.
        sampler: of the tasks.
        rng: in the state that those tasks were drawn from.
        baselines: which.
        report: called with the number of tasks done, of `units` in all.
    """
    tasks = len(ours.micro_auc)
    tuning = tuning_tasks(tasks, sampler.ways)
    chosen = chosen_settings(
        run, sampler.ways, sampler.shots, tasks=tuning, baselines=baselines, report=report
    )
    report(tuning)  # settings that were kept, or could not be chosen, went through none of the tasks
    data = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    found = score_plain(
        data,
        sampler,
        rng,
        chosen,
        tasks=tasks,
        baselines=baselines,
        report=lambda done: report(tuning + done),
    )
    rows = [_row("ours", "ours", {}, ours, None)]
    for baseline in baselines:
        if baseline.NAME in found:
            aucs, setting = found[baseline.NAME], chosen[baseline.NAME]
            rows.append(_row(baseline.NAME, baseline.TITLE, setting, aucs, ours))
    return tuple(rows)


def units(tasks: int, ways: int) -> int:
    """How many tasks `rows_beside` goes through to measure `tasks` of `ways` labels, those to tune on included."""
    return tuning_tasks(tasks, ways) + tasks


def score_plain(
    data: PlainData,
    sampler: EpisodeSampler,
    rng: np.random.Generator,
    chosen: Mapping[str, Setting],
    *,
    tasks: int,
    baselines: Sequence[PlainBaseline] = PLAIN,
    report: Callable[[int], None] = lambda done: None,
) -> dict[str, TaskAucs]:
    """The figures on `tasks` tasks of each baseline that has a setting in `chosen`, by name; on one core."""
    measured = [baseline for baseline in baselines if baseline.NAME in chosen]
    found = {baseline.NAME: TaskAucs([], [], 0.0) for baseline in measured}
    seconds = dict.fromkeys(found, 0.0)
    with threadpool_limits(1):
        for done in range(tasks):
            episode = sampler.sample(rng)
            truth = data.dataset.targets[np.ix_(episode.query, episode.labels)]
            for baseline in measured:
                started = time.process_time()
                # A task of its own for each, so that none is spared what another has fitted.
                scores = baseline.scores(data.task(episode), chosen[baseline.NAME])
                seconds[baseline.NAME] += time.process_time() - started
                found[baseline.NAME].micro_auc.append(micro_auc(truth, scores))
                found[baseline.NAME].macro_auc.append(macro_auc(truth, scores))
            report(done + 1)
    return {
        name: TaskAucs(aucs.micro_auc, aucs.macro_auc, seconds[name] / max(1, tasks))
        for name, aucs in found.items()
    }


def _row(name: str, title: str, setting: Setting, found: TaskAucs, ours: TaskAucs | None) -> Row:
    def difference(ours: list[float], theirs: list[float]) -> Estimate:
        return Estimate.of([a - b for a, b in zip(ours, theirs, strict=True)])

    minus = minus_macro = significant = None
    if ours is not None:
        minus = difference(ours.micro_auc, found.micro_auc)
        minus_macro = difference(ours.macro_auc, found.macro_auc)
        significant = abs(minus.mean) > minus.half_width
    return Row(
        name=name,
        title=title,
        setting=setting,
        micro_auc=Estimate.of(found.micro_auc),
        macro_auc=Estimate.of(found.macro_auc),
        ours_minus=minus,
        ours_minus_macro=minus_macro,
        significant=significant,
        seconds=found.seconds,
    )
