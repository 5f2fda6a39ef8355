"""What clipping every parameter group's outer gradient on its own does, beside clipping the head's alone as until 0.4.

First how large the gradients get on Delicious: of the recipe under `example-disjoint`, and of the comparison's row
`desire-net` under `label-disjoint`. The recipe under `label-disjoint`, and other rows, are not measured here. Where the
step sizes' gradient never reaches the clip, both ways give the same weights. On the sample corpus, where it does, runs
of several seeds are trained both ways from the same F, and measured on the same tasks over the validation labels, whose
rows were held out. The runs are kept in `runs/outer-step`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from record import RESULTS
from training_runs import opened_run

from desire_edge.baselines import METHODS, MetaTrained
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.comparison.plan import Plan, Setting
from desire_edge.evaluation.comparison.runner import EPISODES
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.metrics import Estimate
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
ROWS = ("desire-net",)
SEEDS = range(3)
SIZES, TASKS = ((5, 1), (5, 5)), 600


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
    """Train what is missing; the norms, and the paired differences on the sample corpus."""
    torch.set_num_threads(1)
    norms = {"recipe": kept("recipe", of_recipe)}
    for row in ROWS:
        norms[row] = kept(f"row-{row}", lambda row=row: of_row(row))
    by_seed = [kept(f"sample-{seed}", lambda seed=seed: both_ways(seed)) for seed in SEEDS]
    sample = [seed["norms"]["each"]["step sizes"] for seed in by_seed]
    differences = {
        f"{ways}w{shots}s": Estimate.of([seed["difference"][f"{ways}w{shots}s"]["mean"] for seed in by_seed])
        for ways, shots in SIZES
    }
    return Measured(
        {
            "step_size_gradient_over_clip_recipe_example_disjoint": norms["recipe"]["step sizes"]["largest"],
            "step_size_gradient_over_clip_desire_net_label_disjoint": norms["desire-net"]["step sizes"][
                "largest"
            ],
            "step_size_gradient_over_clip_sample": max(of["largest"] for of in sample),
            **{
                f"sample_{size}_each_minus_head_alone": round(estimate.mean, 5)
                for size, estimate in differences.items()
            },
        },
        {
            "norms": norms,
            "sample": {
                "seeds": by_seed,
                "over_seeds": {size: vars(estimate) for size, estimate in differences.items()},
            },
        },
    )


def kept(name: str, make: Any) -> Any:
    """What `make` returned when it last ran; it runs where that is not there."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        value = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2))
        print(name, json.dumps(value), flush=True)
    return json.loads(path.read_bytes())


def of_recipe() -> Any:
    """The norms of a run of the best recipe on Delicious, `example-disjoint`, rows held out."""
    settings = {"data": "delicious", "protocol": "example-disjoint", "hold_out": True}
    config = load_config(None, (), settings, "best")
    run, norms = opened_run(FOLDER / "recipe", config), Norms(2, each=True)
    train_extractors(run, lambda *_: None)
    with norms.watched():
        train(run, lambda *_: None)
    return norms.to_json()


def of_row(row: str) -> Any:
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


def both_ways(seed: int) -> Any:
    """A run of the sample corpus (too small for folds) clipped both ways from the same F: norms, and figures."""
    config = load_config(None, ("meta.folds=0",), {"data": "sample", "hold_out": True, "seed": seed}, "best")
    giver = opened_run(FOLDER / f"sample-{seed}-f", config)
    train_extractors(giver, lambda *_: None)
    found, norms = {}, {}
    for way in ("each", "head alone"):
        run = opened_run(FOLDER / f"sample-{seed}-{way.replace(' ', '-')}", giver.config)
        if run.progress.stage == "pretrain":
            run.adopt_extractors(giver)
        norms[way] = Norms(2, each=way == "each")
        with norms[way].watched():
            train(run, lambda *_: None)
        found[way] = figures(run)
    return {
        "norms": {way: of.to_json() for way, of in norms.items()},
        "micro_auc": {
            way: {size: Estimate.of(values).mean for size, values in sizes.items()}
            for way, sizes in found.items()
        },
        "difference": {
            size: vars(
                Estimate.of(
                    [a - b for a, b in zip(found["each"][size], found["head alone"][size], strict=True)]
                )
            )
            for size in found["each"]
        },
    }


def figures(run: Run) -> dict[str, list[float]]:
    """Micro AUC of each task over the validation labels, by size."""
    data = run.data
    batcher = run.batcher()
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
