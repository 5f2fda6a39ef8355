"""The plain baselines' settings, chosen on validation labels and kept in the run's folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from threadpoolctl import threadpool_limits

from desire_edge.baselines import PLAIN, PlainBaseline, PlainData, Setting
from desire_edge.data import Episode, EpisodeSampler, ProtocolRows, Targets, known_targets, protocol_rows
from desire_edge.errors import DesireEdgeError
from desire_edge.files import read_json, write_json
from desire_edge.metrics import Estimate, micro_auc
from desire_edge.training.run import Run

KEPT = "baselines.json"
# Tasks that settings are chosen on: a share of those measured, and fewer of many labels, for these say more each.
SHARE, MOST, MOST_LABELS, FEWEST = 5, 60, 200, 4


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What settings are chosen on: `rows`, 15 % of the training rows as query, and the baselines' `data` of them."""

    rows: ProtocolRows
    data: PlainData

    @classmethod
    def of(cls, run: Run) -> HeldOut:
        """That of a run's data; how it is trained plays no part."""
        rows = protocol_rows(run.data.dataset, run.config.protocol, hold_out=True, seed=run.config.seed)
        return cls(rows, PlainData.of(run.data, run.lexicon, rows.train))


def tuning_tasks(tasks: int, ways: int) -> int:
    """How many tasks settings are chosen on, where `tasks` tasks of `ways` labels are measured."""
    return max(FEWEST, min(tasks // SHARE, MOST, MOST_LABELS // ways))


def chosen_settings(
    run: Run,
    ways: int,
    shots: int,
    *,
    tasks: int,
    baselines: Sequence[PlainBaseline] = PLAIN,
    report: Callable[[int], None] = lambda done: None,
) -> dict[str, Setting]:
    """The setting of each baseline with the highest mean micro AUC on tasks over the run's validation labels, by name.

    15 % of the training rows give the query examples; nothing is fitted on them, nor on any row that the protocol
    tests with. What was chosen is kept in the run's folder with all that it depends on, and chosen again where that
    differs or more tasks are asked for. Where there are too few validation labels each baseline's first setting is
    taken, with a warning. Baselines that the tasks do not have enough for are left out.

    Args:
        run: whose data are meant; how it is trained plays no part.
        ways: of the tasks that are to be measured; at most as many as there are validation labels are used.
        shots: of these tasks.
        tasks: how many to choose on, at least.
        baselines: which.
        report: called with the number of tasks done, where they are not kept.
    """
    path, cell = run.folder / KEPT, f"{ways}w{shots}s"
    made_with = _made_with(run, baselines)
    cells = _kept(path, made_with)
    found = cells.get(cell)
    if found is None or found["asked"] < tasks:
        found = {
            "asked": tasks,
            **choose(run, HeldOut.of(run), ways, shots, tasks, baselines=baselines, report=report),
        }
        write_json(path, {"made_with": made_with, "cells": {**cells, cell: found}})
    return {name: choice["setting"] for name, choice in found["chosen"].items()}


def _made_with(run: Run, baselines: Sequence[PlainBaseline]) -> dict[str, Any]:
    """What the choices depend on, beside the tasks."""
    return {
        "config": run.config.model_dump(mode="json", exclude={"meta", "validate_every", "validation_tasks"}),
        "source": run.data.dataset.source,
        "baselines": [baseline.NAME for baseline in baselines],
        "scikit-learn": sklearn.__version__,
    }


def _kept(path: Path, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that `path` holds, if they were made with these settings."""
    try:
        kept = read_json(path) if path.is_file() else None
    except DesireEdgeError:
        return {}  # cut off by something else than us: made again
    return kept["cells"] if isinstance(kept, dict) and kept.get("made_with") == made_with else {}


def choose(
    run: Run,
    held_out: HeldOut,
    ways: int,
    shots: int,
    tasks: int,
    *,
    baselines: Sequence[PlainBaseline],
    report: Callable[[int], None] = lambda done: None,
    targets: Targets = "full",
) -> dict[str, Any]:
    """Choose as `chosen_settings` does, and keep nothing.

    Args:
        run: whose data are meant.
        held_out: of that run.
        ways: as there.
        shots: as there.
        tasks: as there.
        baselines: which.
        report: as there.
        targets: which of the tasks' targets are known.

    Returns:
        "tuned_on": figures of the tasks; "chosen": by baseline the setting, its figure and how many were tried.
    """
    dataset, labels = run.data.dataset, run.data.split.validation
    rows, data = held_out.rows, held_out.data
    key = [run.config.seed, 7, ways, shots]
    used, episodes = ways, list[Episode]()
    try:
        one_way = EpisodeSampler.over(rows, dataset.targets, labels, ways=1, shots=shots, eligible_only=False)
        used = min(ways, len(one_way.drawn))
        sampler = EpisodeSampler.over(
            rows, dataset.targets, labels, ways=used, shots=shots, eligible_only=False
        )
        rng = np.random.default_rng(key)
        episodes = [sampler.sample(rng) for _ in range(tasks)]
    except DesireEdgeError as error:
        warnings.warn(
            f"the validation labels are too few to choose the baselines' settings on, so these stay as they come "
            f"({error})",
            stacklevel=4,
        )
    # Which settings there are is the same for all tasks; this one is not measured.
    known = None if targets == "full" else np.ones((min(shots, len(rows.train)), 1), np.bool_)
    any_task = data.task(Episode(labels[:1], rows.train[:shots], rows.train[:1]), known)
    trials: dict[str, list[tuple[Setting, list[float]]]] = {
        baseline.NAME: [(setting, []) for setting in baseline.settings(any_task)]
        for baseline in baselines
        if baseline.fits(any_task)
    }
    with threadpool_limits(1):
        for done, episode in enumerate(episodes, start=1):
            support = dataset.targets[np.ix_(episode.support, episode.labels)]
            task = data.task(episode, known_targets(targets, support, [*key, done]))
            truth = dataset.targets[np.ix_(episode.query, episode.labels)]
            for baseline in baselines:
                for setting, figures in trials.get(baseline.NAME, []):
                    figures.append(micro_auc(truth, baseline.scores(task, setting)))
            report(done)
    return {
        "tuned_on": {
            "labels": len(labels),
            "ways": used,
            "tasks": len(episodes),
            "support_rows": len(rows.support),
            "query_rows": len(rows.query),
        },
        "chosen": {name: _best(tried) for name, tried in trials.items()},
    }


def _best(tried: Sequence[tuple[Setting, list[float]]]) -> dict[str, Any]:
    """The setting with the highest mean; the first of equal ones, and where nothing could be measured."""
    means = [Estimate.of(figures).mean for _, figures in tried]
    best = int(np.argmax(np.nan_to_num(means, nan=-1.0)))
    measured = None if np.isnan(means[best]) else round(means[best], 5)
    return {"setting": dict(tried[best][0]), "micro_auc": measured, "tried": len(tried)}
