"""Meta-learned residuals of W_I and W_Z beside the closed form: one run's head, with and without, on the same tasks.

Only finished runs on frozen features are taken (one whose F was trained no longer has its folds), and nothing is
trained but the residuals. Decisions are made on validation labels, whose figures stand in the details; the metrics are
those of the novel labels. Where residuals did not pay the head is the closed form's, and every difference is 0.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.measure import measure_ours
from desire_edge.evaluation.own.plan import world_name
from desire_edge.evaluation.own.scores import MethodScores
from desire_edge.metrics import Estimate
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.maps import Gain, learn_maps
from desire_edge.training.run import Run
from desire_edge.training.stages import prior_folds

from .part import Measured

CELLS = ((5, 0), (5, 1), (5, 5), (10, 1), (10, 5), (20, 5))

Report = Callable[[str, int, int], None]


def measure(runs: Path, corpora: Sequence[str], seeds: Sequence[int], tasks: int, report: Report) -> Measured:
    """Every corpus and seed whose finished run is in `runs`.

    Raises:
        DesireEdgeError: there is none.
    """
    folders = {
        (corpus, seed): folder
        for corpus in corpora
        for seed in seeds
        if (folder := runs / "runs" / world_name(corpus, seed)).is_dir()
    }
    differences = dict[str, dict[str, list[float]]]()
    found = dict[str, Any]()
    for (corpus, seed), folder in folders.items():
        run = Run.open(folder, torch.device("cpu"))
        if run.progress.stage != "done" or run.folds() or not isinstance(run.learner, PriorLearner):
            continue
        name = world_name(corpus, seed)
        details, novel = _compared(run, tasks, partial(report, name))
        found[name] = details
        for size, values in novel.items():
            differences.setdefault(corpus, {}).setdefault(size, []).extend(values)
    if not found:
        raise DesireEdgeError(f"{runs} holds no finished run of the head prior on frozen features")
    metrics = dict[str, float]()
    worst = list[float]()
    for corpus, by_size in differences.items():
        for size, values in by_size.items():
            estimate = Estimate.of(values)
            key = f"maps_{corpus.replace('/', '_').replace('-', '_')}_{size}_minus_closed_form"
            metrics |= {key: estimate.mean, f"{key}_half_width": estimate.half_width}
            worst.append(estimate.mean)
    every = Estimate.of([value for by_size in differences.values() for value in by_size["5w1s"]])
    metrics |= {
        "maps_5w1s_minus_closed_form": every.mean,
        "maps_5w1s_minus_closed_form_half_width": every.half_width,
        "maps_worst_cell_minus_closed_form": min(worst),
        "maps_kept": sum(details["kept"] for details in found.values()),
        "maps_runs": len(found),
    }
    return Measured(metrics, {"tasks": tasks, "runs": found})


@one_thread()
def _compared(
    run: Run, tasks: int, report: Callable[[int, int], None]
) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """What is said of a run, and by the size of tasks how much more micro AUC its novel labels have with residuals."""
    learner, batcher = run.learner, run.batcher()
    assert isinstance(learner, PriorLearner), "others are left out"
    if "maps" in {entry["stage"] for entry in run.progress.history}:
        raise DesireEdgeError(
            f"{run.folder} has its residuals already; take runs that were trained with maps=off"
        )
    changed, started = copy.deepcopy(learner), time.process_time()
    gain = learn_maps(
        changed, batcher, prior_folds(run, batcher.z), run.data.split.validation, seed=run.config.seed
    )
    details: dict[str, Any] = {
        "cpu_seconds": time.process_time() - started,
        "kept": gain is not None and gain.pays,
        **_said(gain),
    }
    differences = dict[str, list[float]]()
    labels = {"validation": run.data.split.validation, "novel": run.data.split.novel}
    done, total = 0, len(labels) * len(CELLS)
    for which, some in labels.items():
        details[which] = {}
        for ways, shots in CELLS:
            done += 1
            report(done, total)
            if (sampler := _sampler(run, some, ways, shots)) is None:
                continue
            before = _scores(run, learner, batcher, sampler, tasks)
            after = _scores(run, changed, batcher, sampler, tasks) if details["kept"] else before
            size = f"{ways}w{shots}s"
            won = np.subtract(after.micro_auc, before.micro_auc).tolist()
            details[which][size] = {
                "closed_form": _figures(before),
                "with_maps": _figures(after),
                "minus": asdict(Estimate.of(won)),
            }
            if which == "novel":
                differences[size] = won
    return details, differences


def _said(gain: Gain | None) -> dict[str, Any]:
    return {} if gain is None else {"decided_by": asdict(gain)}


def _sampler(run: Run, labels: NDArray[np.int64], ways: int, shots: int) -> EpisodeSampler | None:
    """Tasks over some labels on the rows of evaluation; None where they are too few for the size."""
    targets, rows = run.data.dataset.targets, run.data.rows
    try:
        found = EpisodeSampler.over(rows, targets, labels, ways=ways, shots=shots, eligible_only=False)
        found.check()
    except DesireEdgeError:
        return None
    return found


def _scores(
    run: Run, learner: PriorLearner, batcher: EpisodeBatcher, sampler: EpisodeSampler, tasks: int
) -> MethodScores:
    return measure_ours(learner, batcher, sampler, run.data.dataset.targets, "full", tasks)


def _figures(scores: MethodScores) -> dict[str, Any]:
    assert scores.tally is not None, "ours gives probabilities"
    calibration = scores.tally.calibration()
    return {
        "micro_auc": asdict(Estimate.of(scores.micro_auc)),
        "macro_auc": asdict(Estimate.of(scores.macro_auc)),
        "ece": calibration.expected_error,
        "brier": calibration.brier,
    }
