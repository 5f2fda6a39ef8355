"""Training and scoring of every row, part by part: whatever is finished is kept, and never made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from desire_edge.baselines import METHODS, MetaTrained, Method
from desire_edge.data import EpisodeSampler, Protocol
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.figures import figures
from desire_edge.evaluation.comparison.kept import Kept, search_space
from desire_edge.evaluation.comparison.parts import json_part, tensor_part
from desire_edge.evaluation.comparison.plain_rows import plain_figures, tune_plain
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    PLAIN_ROWS,
    PRIOR,
    SUPERVISED,
    Job,
    Plan,
    Setting,
    trained_under,
)
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.evaluation.comparison.supervised import choose_supervised, supervised_figures
from desire_edge.evaluation.stages import Task, run_stages
from desire_edge.training.config import MetaConfig, TrainConfig
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream
from desire_edge.training.learner import Learner
from desire_edge.training.method import Features
from desire_edge.training.run import Run
from desire_edge.training.scoring import Method as ScoredMethod
from desire_edge.training.scoring import TaskScores, score_tasks
from desire_edge.training.stages import train

EPISODES = MetaConfig(ways=(5, 10), shots=(1, 5))
"""The training episodes of every row but the recipe's own: the ways and shots of the table's columns, mixed."""
TRUNK = (300, 300)
"""Hidden layers of a method that learns from raw x."""
RECIPE_ROWS = (BEST, PRIOR, KNOWN)
"""Rows that are runs of `train`."""
PRETRAINED: tuple[Features, ...] = ("semantic", "plain")


class Comparison:
    """A comparison in its folder, to be made: what is there, or on record, stays. Arguments as of `Kept`."""

    def __init__(
        self, folder: Path, plan: Plan, data_dir: Path | None = None, record: Mapping[str, Any] | None = None
    ) -> None:
        self.kept, self.plan = Kept(folder, plan, data_dir, record), plan
        self.shared = SharedData(folder, plan, data_dir)

    def run(self, report: Callable[[str, int, int], None], processes: int = 1) -> None:
        """Make every part that is missing; `report` gets a part's name, how many are done, and how many there are."""
        jobs = [job for job in self.plan.jobs() if not self.kept.recorded(job)]
        searched = [m for m in dict.fromkeys(job.method for job in jobs) if self.kept.wants_search(m)]
        methods: dict[Setting, set[str]] = {self.kept.search_setting: set(searched)}
        for job in jobs:
            methods.setdefault(job.setting, set()).add(job.method)
        protocols = dict.fromkeys(map(trained_under, self.plan.protocols))
        choices = [protocol for protocol in protocols if self.kept.wants_default(protocol)]
        missing = [job for job in jobs if self.kept.finished(job) is None]
        plain = dict.fromkeys(job.setting for job in missing if job.method in PLAIN_ROWS)
        runs = dict.fromkeys(
            [
                *(run_of(job) for job in missing if job.method in (*RECIPE_ROWS, *PLAIN_ROWS)),
                *(Job(m, self.kept.default_setting(p), ()) for p in choices for m in (BEST, PRIOR)),
            ]
        )
        work: list[list[Task]] = [
            [
                (_features, (setting, kind))
                for setting, those in methods.items()
                for kind in _pretrained_kinds(those)
            ],
            [(_search, (method,)) for method in searched],
            [(_train, (job,)) for job in runs],  # several parts may need the same run
            [(_tune, (setting,)) for setting in plain],
            [
                *((_choose, (protocol,)) for protocol in choices),
                *((_train_and_score, (job,)) for job in jobs),
            ],
        ]
        kept = self.kept
        again = partial(Comparison, kept.folder, self.plan, kept.data_dir, kept.record)
        run_stages(work, self, again, report, processes)

    # One part each.

    def search(self, method: str) -> dict[str, Any]:
        """Train every configuration of a method for a while on held-out data, and judge it by validation labels."""
        setting = self.kept.search_setting
        space, budget = search_space(method), self.plan.budget

        def make() -> dict[str, Any]:
            trials: list[dict[str, Any]] = []
            for overrides in space:
                started = time.perf_counter()
                try:
                    learner = self._trained(method, setting, overrides, budget.search_batches, raw=False)[0]
                    auc = self._validation_auc(learner, self._batcher(method, setting, raw=False), setting)
                except FloatingPointError:
                    auc = 0.0  # diverged
                seconds = time.perf_counter() - started
                trials.append({"overrides": overrides, "micro_auc": auc, "seconds": seconds})
            best = max(range(len(trials)), key=lambda index: trials[index]["micro_auc"])
            return {"chosen": best, "trials": trials}

        result: dict[str, Any] = self.kept.searched(method) or json_part(
            self.kept.search_path(method), self.kept.search_settings(method), make
        )
        return result

    def choose_default(self, protocol: Protocol) -> dict[str, Any]:
        """Judge both recipes by validation labels, as a search does its trials."""
        setting = self.kept.default_setting(protocol)

        def make() -> dict[str, Any]:
            found = {}
            for method in (BEST, PRIOR):
                run = self.trained_run(Job(method, setting, ()))
                found[method] = self._validation_auc(run.learner, run.batcher(), setting)
            return {"chosen": max(found, key=lambda method: found[method]), "micro_auc": found}

        result: dict[str, Any] = json_part(
            self.kept.default_path(protocol), self.kept.default_settings(protocol), make
        )
        return result

    def _validation_auc(
        self, learner: Learner | ScoredMethod, batcher: EpisodeBatcher, setting: Setting
    ) -> float:
        """The mean over the columns on tasks over validation labels."""
        scores = [
            np.nanmean(
                score_tasks(
                    learner,
                    batcher,
                    self.shared.sampler(setting, setting.protocol, ways, shots, novel=False),
                    tasks=self.plan.budget.search_tasks,
                    rng=np.random.default_rng([1, ways, shots]),
                ).micro_auc
            )
            for ways, shots in COLUMNS
        ]
        return float(np.mean(scores))

    def scores(self, job: Job) -> dict[str, Any]:
        """Everything that is measured of a job: by protocol and column, the figures of each task."""
        if self.kept.wants_search(job.method):
            self.search(job.method)
        make = {
            SUPERVISED: self._supervised_scores,
            **dict.fromkeys(RECIPE_ROWS, self._recipe_scores),
            **dict.fromkeys(PLAIN_ROWS, self._plain_scores),
        }
        scores: dict[str, Any] = json_part(
            self.kept.scores_path(job),
            self.kept.scores_settings(job),
            lambda: make.get(job.method, self._method_scores)(job),
        )
        return scores

    def _batcher(self, method: str, setting: Setting, *, raw: bool) -> EpisodeBatcher:
        kind = "raw" if raw else METHODS[method].FEATURES
        data = self.shared.prepared(setting)
        return EpisodeBatcher(
            self.shared.features(setting, kind), data.dataset.targets, data.w, data.split.base
        )

    def _trained(
        self, method: str, setting: Setting, overrides: Mapping[str, Any], batches: int, *, raw: bool
    ) -> tuple[Method, float]:
        """A trained method, and the seconds it took."""
        data, batcher = self.shared.prepared(setting), self._batcher(method, setting, raw=raw)
        torch.manual_seed(setting.seed)
        kind = METHODS[method]
        learner = kind(
            batcher.z[torch.from_numpy(data.rows.train)],
            torch.from_numpy(data.w[:, data.split.base]),
            kind.CONFIG(**overrides),
            TRUNK if raw else None,
        )
        started = time.perf_counter()
        if isinstance(learner, MetaTrained):
            stream = EpisodeStream(
                data.dataset.targets, data.split.base, data.rows.train, batcher, EPISODES, setting.seed
            )
            optimizer = learner.optimizer()
            for index in range(batches):
                learner.outer_step(optimizer, stream.batch(index), index / batches)
        return learner.eval(), time.perf_counter() - started

    def _method_scores(self, job: Job) -> dict[str, Any]:
        overrides = self.kept.chosen(job.method)

        def train_method() -> tuple[dict[str, Tensor], dict[str, Any]]:
            learner, seconds = self._trained(
                job.method, job.setting, overrides, self.plan.budget.batches, raw=job.raw
            )
            return learner.state_dict(), {"seconds": seconds}

        path = self.kept.folder / "methods" / f"{job.name}.safetensors"
        tensors, values = tensor_part(path, self.kept.method_settings(job), train_method)
        learner = self._trained(job.method, job.setting, overrides, 0, raw=job.raw)[0]
        learner.load_state_dict(tensors)
        batcher = self._batcher(job.method, job.setting, raw=job.raw)

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(learner, batcher, sampler, tasks=tasks, rng=rng)

        found = figures(self.shared, job, score)
        return {"train_seconds": values["seconds"], "overrides": dict(overrides), **found}

    def _supervised_scores(self, job: Job) -> dict[str, Any]:
        chosen = json_part(
            self.kept.search_path(SUPERVISED),
            self.kept.supervised_settings(),
            lambda: choose_supervised(self.shared, self.kept.search_setting),
        )
        return supervised_figures(self.shared, job, chosen)

    def _recipe_scores(self, job: Job) -> dict[str, Any]:
        run = self.trained_run(job)
        batcher = run.batcher()

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(
                run.learner, batcher, sampler, tasks=tasks, rng=rng, known_labels=job.method == KNOWN
            )

        return {"train_seconds": run.progress.seconds, **figures(self.shared, job, score)}

    def _plain_scores(self, job: Job) -> dict[str, Any]:
        return plain_figures(self.shared, job, self.trained_run(run_of(job)))

    def tune(self, setting: Setting) -> None:
        """Choose the settings of the plain rows, as far as they are not chosen."""
        tune_plain(self.trained_run(Job(PRIOR, setting, ())), self.plan, setting)

    def trained_run(self, job: Job) -> Run:
        """The run of a recipe's row, finished."""
        run = self._opened_run(self.kept.run_folder(job), self.plan.recipe_config(job))
        train(run, lambda *_: None)
        return run

    def _opened_run(self, folder: Path, config: TrainConfig) -> Run:
        device, data_dir = torch.device("cpu"), self.kept.data_dir
        if (folder / "config.json").is_file():
            run = Run.open(folder, device, data_dir)
            asked = config.model_copy(update={"data": run.config.data})
            uncrossed = asked.model_copy(update={"meta": asked.meta.model_copy(update={"folds": 0})})
            if run.config in (asked, uncrossed):  # the latter where the data are too few to cross-fit
                return run
            raise DesireEdgeError(
                f"{folder} was trained with other settings than the recipe's of today; remove it"
            )
        return Run.create(folder, config, device, data_dir)


def run_of(job: Job) -> Job:
    """The row of a recipe whose run a job is of: its own, or for what sees a run's data alone that of `prior`."""
    return Job(PRIOR if job.method in PLAIN_ROWS else job.method, job.setting, ())


def _pretrained_kinds(methods: set[str]) -> list[Features]:
    wanted = {METHODS[method].FEATURES for method in methods if method in METHODS}
    return [kind for kind in PRETRAINED if kind in wanted]


# The parts, as stages have them.


def _features(comparison: Comparison, setting: Setting, kind: Features) -> str:
    comparison.shared.features(setting, kind)
    return f"features {setting.name} {kind}"


def _search(comparison: Comparison, method: str) -> str:
    comparison.search(method)
    return f"search {method}"


def _train_and_score(comparison: Comparison, job: Job) -> str:
    comparison.scores(job)
    return job.name


def _train(comparison: Comparison, job: Job) -> str:
    comparison.trained_run(job)
    return f"run {job.name}"


def _tune(comparison: Comparison, setting: Setting) -> str:
    comparison.tune(setting)
    return f"settings of plain rows {setting.name}"


def _choose(comparison: Comparison, protocol: Protocol) -> str:
    comparison.choose_default(protocol)
    return f"default {protocol}"
