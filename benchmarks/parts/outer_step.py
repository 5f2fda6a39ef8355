"""What clipping every parameter group's outer gradient on its own does, beside clipping the head's alone as until 0.4.

The gradients' norms, of runs of the best recipe and of the comparison's rows whose outer step that changed. A run whose
step sizes' gradient never exceeds the clip has the same weights either way. Where it does, the run is trained both ways
from the same F, and measured on the same tasks over the validation labels, whose rows were held out. What is measured
is kept in `runs/outer-step`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from record import RESULTS
from training_runs import opened_run

from desire_edge.baselines import METHODS, MetaTrained
from desire_edge.data import EpisodeSampler, Protocol
from desire_edge.evaluation.comparison.plan import Plan, Setting
from desire_edge.evaluation.comparison.runner import EPISODES
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.metrics import Estimate
from desire_edge.models import extract
from desire_edge.training.config import load_config
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream
from desire_edge.training.run import Run
from desire_edge.training.scoring import score_tasks
from desire_edge.training.stages import train, train_extractors

from .part import Measured

FOLDER = Path("runs/outer-step")
GROUPS = ("head", "step sizes", "F")
"""The optimiser's parameter groups, in their order; the last in `no-pretraining` alone."""
SIZES, TASKS = ((5, 1), (5, 5)), 600
ROWS = ("desire-net", "plain-pretraining", "no-pretraining")


@dataclass(frozen=True)
class Case:
    """Runs of the best recipe: the data set, the protocol, what is set beside the recipe, and the seeds."""

    data: str
    protocol: Protocol
    overrides: tuple[str, ...]
    seeds: range


CASES = {
    "sample": Case("sample", "example-disjoint", ("meta.folds=0",), range(8)),  # too small for folds
    "label-disjoint": Case("delicious", "label-disjoint", (), range(3)),
    "example-disjoint": Case("delicious", "example-disjoint", (), range(1)),
    "known-labels": Case(
        "delicious", "example-disjoint", ("meta.known_labels=1.0", "meta.folds=0"), range(1)
    ),
}


class Norms:
    """What the outer steps of one training clip: the l2 norm of each group's gradient, before."""

    def __init__(self, groups: int, *, each: bool) -> None:
        self.groups, self.each = groups, each
        self.seen: list[float] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep every norm; unless `each`, clip the first group alone."""
        clip_grad_norm = torch.nn.utils.clip_grad_norm_

        def clip(parameters: Any, most: float) -> torch.Tensor:
            first = len(self.seen) % self.groups == 0
            norm: torch.Tensor = clip_grad_norm(parameters, most if first or self.each else float("inf"))
            self.seen.append(float(norm))
            return norm

        with patch.object(torch.nn.utils, "clip_grad_norm_", clip):
            yield

    def to_json(self) -> dict[str, dict[str, float]]:
        """By group the largest norm, the share of steps with one over 1 (every clip here), and the number of steps."""
        norms = np.reshape(self.seen, (-1, self.groups))
        return {
            name: {
                "largest": round(float(of.max()), 4),
                "share_over_clip": round(float((of > 1).mean()), 4),
                "steps": len(of),
            }
            for name, of in zip(GROUPS, norms.T, strict=False)
        }


def measure() -> Measured:
    """Train what is missing; the norms, and the paired differences where there are any."""
    torch.set_num_threads(1)
    cases = {
        name: [kept(f"{name}-{seed}", partial(both_ways, name, case, seed)) for seed in case.seeds]
        for name, case in CASES.items()
    }
    rows = {row: kept(f"row-{row}", partial(norms_of_row, row)) for row in ROWS}
    metrics: dict[str, float] = {}
    for name, runs in cases.items():
        short = name.replace("-", "_")
        norms = [run["norms"]["step sizes"] for run in runs]
        metrics[f"outer_step_{short}_step_sizes_over_clip"] = max(of["largest"] for of in norms)
        for ways, shots in SIZES:
            found = [run["difference"][f"{ways}w{shots}s"]["mean"] for run in runs if "difference" in run]
            if found:
                metrics[f"outer_step_{short}_{ways}w{shots}s_difference"] = round(float(np.mean(found)), 5)
    for row, of in rows.items():
        largest = max(norm["largest"] for group, norm in of.items() if group != "head")
        metrics[f"outer_step_{row.replace('-', '_')}_row_over_clip"] = largest
    return Measured(metrics, {"runs": cases, "rows": rows})


def kept(name: str, make: Any) -> Any:
    """What `make` returned when it last ran; it runs where that is not there."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        value = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2))
        print(name, json.dumps(value), flush=True)
    return json.loads(path.read_bytes())


def norms_of_row(row: str) -> Any:
    """The norms of a row of the comparison under `label-disjoint`, with the settings and the budget on record."""
    plan, setting = Plan(), Setting("label-disjoint", 0)
    shared, kind = SharedData(FOLDER / "table1", plan), METHODS[row]
    with one_thread():
        data, z = shared.prepared(setting), shared.features(setting, kind.FEATURES)
        targets, base, rows = data.dataset.targets, data.split.base, data.rows.train
        overrides = json.loads((RESULTS / "table1.json").read_bytes())["settings"][row]
        torch.manual_seed(setting.seed)
        learner = kind(
            z[torch.from_numpy(rows)], torch.from_numpy(data.w[:, base]), kind.CONFIG(**overrides), None
        )
        assert isinstance(learner, MetaTrained)
        stream = EpisodeStream(
            targets, base, rows, EpisodeBatcher(z, targets, data.w, base), EPISODES, setting.seed
        )
        optimizer = learner.optimizer()
        norms = Norms(len(optimizer.param_groups), each=True)
        with norms.watched():
            for index in range(plan.budget.batches):
                learner.outer_step(optimizer, stream.batch(index), index / plan.budget.batches)
    return norms.to_json()


def both_ways(name: str, case: Case, seed: int) -> Any:
    """The norms of a run; where the clip of the step sizes told, how its figures differ from those without."""
    options = {"data": case.data, "protocol": case.protocol, "hold_out": True, "seed": seed}
    giver = opened_run(FOLDER / f"{name}-{seed}-f", load_config(None, case.overrides, options))
    train_extractors(giver, lambda *_: None)

    def trained(*, each: bool) -> tuple[dict[str, list[float]], Norms]:
        run = opened_run(FOLDER / f"{name}-{seed}-{'each' if each else 'head-alone'}", giver.config)
        run.adopt_extractors(giver)
        norms = Norms(2, each=each)
        with norms.watched():
            train(run, lambda *_: None)
        return figures(run), norms

    ours, norms = trained(each=True)
    found: dict[str, Any] = {
        "norms": norms.to_json(),
        "micro_auc": {size: Estimate.of(of).mean for size, of in ours.items()},
    }
    if found["norms"]["step sizes"]["share_over_clip"]:
        theirs, _ = trained(each=False)
        found["difference"] = {
            size: vars(Estimate.of([a - b for a, b in zip(ours[size], theirs[size], strict=True)]))
            for size in ours
        }
    return found


def figures(run: Run) -> dict[str, list[float]]:
    """Micro AUC of each task over the validation labels, by size."""
    data = run.data
    batcher = EpisodeBatcher(extract(run.extractor, data.x), data.dataset.targets, data.w, data.split.base)
    found = {}
    for ways, shots in SIZES:
        sampler = EpisodeSampler.over(
            data.rows,
            data.dataset.targets,
            data.split.validation,
            ways=ways,
            shots=shots,
            eligible_only=False,
        )
        rng = np.random.default_rng([0, ways, shots])
        found[f"{ways}w{shots}s"] = score_tasks(run.learner, batcher, sampler, tasks=TASKS, rng=rng).micro_auc
    return found
