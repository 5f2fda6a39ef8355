"""A run on one's own data, cell by cell: our recipe and every baseline on the same tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from desire_edge.baselines import PLAIN, PlainBaseline
from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.beside import Row, TaskAucs, rows_beside, units
from desire_edge.evaluation.comparison.tasks import tasks_rng
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores, score_tasks

CELLS = ((2, 5), (5, 1), (5, 5), (10, 1), (10, 5), (20, 5))
"""(ways, shots) that tables of own data have."""


@dataclass(frozen=True)
class Cell:
    """One size of tasks.

    Attributes:
        ways, shots: N and K.
        eligible: whether the tasks are over the labels with 15 query rows beside the support, or over all novel ones,
            with as many as they have.
        labels: how many these are.
        rows: ours first, then the baselines.
    """

    ways: int
    shots: int
    eligible: bool
    labels: int
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """As in 5w1s."""
        return f"{self.ways}w{self.shots}s"

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)

    def metrics(self) -> dict[str, float]:
        """Names and numbers for a benchmark's record: AUC of each row, ours less each baseline's, and half-widths."""
        found: dict[str, float] = {}
        for row in self.rows:
            figures = {f"{row.name}_micro_auc": row.micro_auc, f"{row.name}_macro_auc": row.macro_auc}
            if row.ours_minus is not None:
                figures[f"ours_minus_{row.name}"] = row.ours_minus
            for figure, estimate in figures.items():
                found[f"{self.name}_{figure}"] = estimate.mean
                found[f"{self.name}_{figure}_half_width"] = estimate.half_width
        return found


def compare(
    run: Run,
    cells: Sequence[tuple[int, int]] = CELLS,
    *,
    tasks: int = 300,
    baselines: Sequence[PlainBaseline] = PLAIN,
    report: Callable[[str, int, int], None] = lambda cell, done, total: None,
) -> tuple[Cell, ...]:
    """Measure a finished run and the baselines on its novel labels, on the same `tasks` tasks in each cell.

    The tasks are those of `desire-edge evaluate` with its defaults: over the eligible labels, or over all where the
    eligible ones are too few for the widest cell, so that all cells are over labels of the same kind. A cell that even
    all novel labels are too few for is left out.

    Args:
        run: finished.
        cells: (ways, shots).
        tasks: a cell.
        baselines: which.
        report: called with the cell, the tasks done in it, and how many it has.

    Raises:
        DesireEdgeError: the run is not finished, or its novel labels are too few for every cell.
    """
    run.require_finished()
    possible, problem = list[EpisodeSampler](), ""
    for ways, shots in cells:
        try:
            possible.append(novel_tasks(run, ways, shots, eligible_only=False))
        except DesireEdgeError as error:
            problem = str(error)
    if not possible:
        raise DesireEdgeError(f"the novel labels are too few for every size of tasks asked for: {problem}")
    batcher, eligible = run.batcher(), all_eligible(possible)
    found = []
    for every in possible:
        ways, shots = every.ways, every.shots
        sampler = novel_tasks(run, ways, shots, eligible_only=True) if eligible else every
        name, total = f"{ways}w{shots}s", tasks + units(tasks, ways)
        _, rows = measured(
            run,
            batcher,
            sampler,
            tasks=tasks,
            baselines=baselines,
            report=lambda done, name=name, total=total: report(name, done, total),  # type: ignore[misc]
        )
        found.append(Cell(ways, shots, eligible, len(sampler.drawn), rows))
    return tuple(found)


def novel_tasks(run: Run, ways: int, shots: int, *, eligible_only: bool) -> EpisodeSampler:
    """The tasks over a run's novel labels, as `desire-edge evaluate` draws them by default.

    Raises:
        DesireEdgeError: the labels are too few.
    """
    return EpisodeSampler.over(
        run.data.rows,
        run.data.dataset.targets,
        run.data.split.novel,
        ways=ways,
        shots=shots,
        eligible_only=eligible_only,
    )


def all_eligible(samplers: Sequence[EpisodeSampler]) -> bool:
    """Whether every cell has enough eligible labels for the widest: one rule for all, or they do not compare."""
    widest = max((sampler.ways for sampler in samplers), default=0)
    return all(len(sampler.eligible) >= widest for sampler in samplers)


def measured(
    run: Run,
    batcher: EpisodeBatcher,
    sampler: EpisodeSampler,
    *,
    tasks: int,
    baselines: Sequence[PlainBaseline],
    report: Callable[[int], None] = lambda done: None,
) -> tuple[TaskScores, tuple[Row, ...]]:
    """Ours on the first `tasks` tasks of `sampler`, and it and the baselines as rows.

    `report` is called with the number of tasks done, of `tasks` and `units` in all.
    """
    ways, shots = sampler.ways, sampler.shots
    started = time.process_time()
    scores = score_tasks(
        run.learner, batcher, sampler, tasks=tasks, rng=tasks_rng(ways, shots), report=report
    )
    ours = TaskAucs(scores.micro_auc, scores.macro_auc, (time.process_time() - started) / tasks)
    rows = rows_beside(
        run,
        ours,
        sampler,
        tasks_rng(ways, shots),
        baselines=baselines,
        report=lambda done: report(tasks + done),
    )
    return scores, rows
