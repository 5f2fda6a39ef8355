"""Do sets of labels hold what they state: `python benchmarks/coverage.py` writes results/coverage.json.

Of finished runs in --runs, named as `desire-edge benchmark own` names them, what training states from validation labels
is computed, and judged on novel labels of new rows: how often a label that is true of an input is in the input's set,
each novel label weighing the same (`coverage`, with the half-width of its 95 % interval over labels), and how many of
the task's labels are in a set (`size`), beside how many are true (`true`), and how often it is empty. `said` is the
same of the labels above their thresholds, which state nothing. Targets are full, half unknown at random, one a row
(`single`), or positives only. The metrics are means over a corpus's cells, and the worst of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import rounded, write_result
from scipy.special import expit

from desire_edge.coverage import Coverage
from desire_edge.data import EpisodeSampler, Targets
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.scores import tasks_of_cell
from desire_edge.metrics import Estimate
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.run import Run
from desire_edge.training.scoring import adapt
from desire_edge.training.stages import coverage_of, views_of

CELLS = ((5, 0), (5, 1), (5, 5), (10, 1), (10, 5), (20, 5), (50, 5))
KINDS: tuple[Targets, ...] = ("full", "half", "single", "positives")
RUNS = ("debtags-minilm-s0", "debtags-words-s0", "openmoji-efficientnet-lite0-s0", "sample-words-s0")
SAID = "said"


class Tally:
    """What sets by one rule held, over the tasks of a cell."""

    def __init__(self) -> None:
        self.held: dict[int, list[NDArray[np.bool_]]] = defaultdict(list)
        self.sizes: list[NDArray[np.int64]] = []
        self.true: list[NDArray[np.int64]] = []

    def add(self, labels: NDArray[np.int64], truth: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> None:
        """One task more: [N], [Q, N] and [Q, N]."""
        for column, label in enumerate(labels.tolist()):
            self.held[label].append(chosen[truth[:, column], column])
        self.sizes.append(chosen.sum(axis=1))
        self.true.append(truth.sum(axis=1))

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        by_label = [np.concatenate(parts) for parts in self.held.values()]
        coverage = Estimate.of([float(found.mean()) for found in by_label if len(found)])
        sizes, true = np.concatenate(self.sizes), np.concatenate(self.true)
        return {
            "coverage": coverage.mean,
            "half_width": coverage.half_width,
            "labels": coverage.tasks,
            "size": float(sizes.mean()),
            "true": float(true.mean()),
            "empty": float((sizes == 0).mean()),
        }


@torch.no_grad()
def judge(
    run: Run,
    batcher: EpisodeBatcher,
    stated: tuple[Coverage, ...],
    sampler: EpisodeSampler,
    kind: Targets,
    tasks: int,
) -> dict[str, Any]:
    """The sets of every coverage, and what the thresholds say, on novel labels of new rows."""
    tallies: dict[str, Tally] = defaultdict(Tally)
    targets = run.data.dataset.targets
    for episode, known in tasks_of_cell(sampler, targets, kind, tasks):
        batch = batcher.stack([episode])
        mask = np.ones((batch.support, sampler.ways), np.bool_) if known is None else known
        kept = batch.mask.clone()
        kept[0, : batch.support] = torch.from_numpy(mask).to(kept)
        batch = replace(batch, mask=kept, targets=batch.targets * kept)
        _, logits, thresholds = adapt(run.learner, batch, run.learner(batch))
        log_odds = logits[0, batch.support :].double().cpu().numpy()
        truth = targets[np.ix_(episode.query, episode.labels)]
        tallies[SAID].add(episode.labels, truth, log_odds >= thresholds[0])
        support = targets[np.ix_(episode.support, episode.labels)]
        for one in stated:
            chosen = expit(log_odds) >= np.array(one.limits(support, mask))
            tallies[f"{one.level:g}"].add(episode.labels, truth, chosen)
    return {rule: tally.to_json() for rule, tally in tallies.items()}


@one_thread()
def measured(folder: Path, tasks: int) -> dict[str, Any]:
    """One run: what it states, the seconds that takes, and every cell."""
    run = Run.open(folder, torch.device("cpu"))
    batcher, data = run.batcher(), run.data
    started = time.process_time()
    stated = coverage_of(run, views_of(run, batcher.z))
    found: dict[str, Any] = {
        "cpu_seconds": time.process_time() - started,
        "validation_labels": len(data.split.validation),
        "novel_labels": len(data.split.novel),
        "states": [one.to_json() for one in stated],
    }
    for kind in KINDS:
        found[kind] = {}
        for ways, shots in CELLS:
            if kind != "full" and not shots:
                continue
            try:
                sampler = EpisodeSampler.over(
                    data.rows,
                    data.dataset.targets,
                    data.split.novel,
                    ways=ways,
                    shots=shots,
                    eligible_only=False,
                )
                sampler.check()
            except DesireEdgeError:  # too few novel labels for the size
                continue
            found[kind][f"{ways}w{shots}s"] = judge(run, batcher, stated, sampler, kind, tasks)
            print(folder.name, kind, f"{ways}w{shots}s", flush=True)
    return found


def metrics_of(runs: dict[str, Any]) -> dict[str, float]:
    """By corpus and coverage: what is held and the share of labels in a set, with all targets known and with fewer."""
    metrics, worst = dict[str, float](), list[float]()
    for name, found in runs.items():
        corpus = name.rpartition("-s")[0].replace("-", "_")
        for level in (one["level"] for one in found["states"]):
            for which, kinds in (("full", KINDS[:1]), ("partial", KINDS[1:])):
                cells = [(size, cell[f"{level:g}"]) for kind in kinds for size, cell in found[kind].items()]
                key = f"{corpus}_{round(100 * level)}_{which}"
                held = [cell["coverage"] for _, cell in cells]
                worst.append(min(held) - level)
                metrics |= {f"{key}_realised": statistics.fmean(held), f"{key}_worst_cell": min(held)}
                for share, count in (("in_set", "size"), ("true", "true")):
                    shares = [cell[count] / int(size.partition("w")[0]) for size, cell in cells]
                    metrics[f"{key}_share_{share}"] = statistics.fmean(shares)
    metrics["worst_cell_minus_stated"] = min(worst)
    metrics["most_cpu_seconds_of_training"] = max(found["cpu_seconds"] for found in runs.values())
    return {key: round(value, 4) for key, value in metrics.items()}


def main() -> None:
    """Measure every run and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/own/runs"), help="where the runs are")
    parser.add_argument("--names", default=",".join(RUNS), help="of the runs, separated by commas")
    parser.add_argument("--tasks", type=int, default=100, help="a cell")
    arguments = parser.parse_args()
    runs = {name: measured(arguments.runs / name, arguments.tasks) for name in arguments.names.split(",")}
    print(write_result("coverage", metrics_of(runs), tasks=arguments.tasks, runs=rounded(runs, 4)))


if __name__ == "__main__":
    main()
