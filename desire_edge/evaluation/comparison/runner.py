"""Training and scoring of every row, part by part: whatever is finished is kept, and never made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from desire_edge.baselines import METHODS, MetaTrained, Method
from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.figures import figures
from desire_edge.evaluation.comparison.kept import Kept, search_space
from desire_edge.evaluation.comparison.parts import json_part, tensor_part
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    SUPERVISED,
    Job,
    Plan,
    Setting,
)
from desire_edge.evaluation.comparison.shared import SharedData
from desire_edge.evaluation.comparison.supervised import choose_supervised, supervised_figures
from desire_edge.models import extract
from desire_edge.training.config import MetaConfig, TrainConfig
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream
from desire_edge.training.method import Features
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores, score_tasks
from desire_edge.training.stages import train

EPISODES = MetaConfig(ways=(5, 10), shots=(1, 5))
"""The training episodes of every row but the recipe's own: the ways and shots of the table's columns, mixed."""
TRUNK = (300, 300)
"""Hidden layers of a method that learns from raw x."""
PRETRAINED: tuple[Features, ...] = ("semantic", "plain")
Task = tuple[Callable[..., str], tuple[Any, ...]]


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
        work: list[list[Task]] = [
            [
                (_features, (setting, kind))
                for setting, those in methods.items()
                for kind in _pretrained_kinds(those)
            ],
            [(_search, (method,)) for method in searched],
            [(_train_and_score, (job,)) for job in jobs],
        ]
        total, done = sum(map(len, work)), 0
        for stage in work:
            for name in self._each(stage, processes):
                done += 1
                report(name, done, total)

    def _each(self, work: list[Task], processes: int) -> Iterable[str]:
        if processes == 1 or len(work) < 2:
            for function, arguments in work:
                with one_thread():  # as in a worker: other numbers of threads round otherwise
                    name = function(self, *arguments)
                yield name
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_single_thread) as pool:
            state = (self.kept.folder, self.plan, self.kept.data_dir, self.kept.record)
            futures = [pool.submit(_in_process, state, function, arguments) for function, arguments in work]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

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
                    batcher = self._batcher(method, setting, raw=False)
                    scores = [
                        np.nanmean(
                            score_tasks(
                                learner,
                                batcher,
                                self.shared.sampler(setting, setting.protocol, ways, shots, novel=False),
                                tasks=budget.search_tasks,
                                rng=np.random.default_rng([1, ways, shots]),
                            ).micro_auc
                        )
                        for ways, shots in COLUMNS
                    ]
                    auc = float(np.mean(scores))
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

    def scores(self, job: Job) -> dict[str, Any]:
        """Everything that is measured of a job: by protocol and column, the figures of each task."""
        if self.kept.wants_search(job.method):
            self.search(job.method)
        make = {SUPERVISED: self._supervised_scores, BEST: self._recipe_scores, KNOWN: self._recipe_scores}
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
        settings = {"tasks": self.plan.budget.search_tasks, "data": self.plan.data}
        chosen = json_part(
            self.kept.search_path(SUPERVISED),
            settings,
            lambda: choose_supervised(self.shared, self.kept.search_setting),
        )
        return supervised_figures(self.shared, job, chosen)

    def _recipe_scores(self, job: Job) -> dict[str, Any]:
        run = self._opened_run(self.kept.run_folder(job), self.plan.recipe_config(job))
        train(run, lambda *_: None)
        z = extract(run.extractor, run.data.x)
        batcher = EpisodeBatcher(z, run.data.dataset.targets, run.data.w, run.data.split.base)

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(
                run.learner, batcher, sampler, tasks=tasks, rng=rng, known_labels=job.method == KNOWN
            )

        return {"train_seconds": run.progress.seconds, **figures(self.shared, job, score)}

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


def _pretrained_kinds(methods: set[str]) -> list[Features]:
    wanted = {METHODS[method].FEATURES for method in methods if method in METHODS}
    return [kind for kind in PRETRAINED if kind in wanted]


# What a worker process runs.


def _single_thread() -> None:
    torch.set_num_threads(1)


def _in_process(
    state: tuple[Path, Plan, Path | None, Mapping[str, Any]],
    function: Callable[..., str],
    arguments: tuple[Any, ...],
) -> str:
    return function(Comparison(*state), *arguments)


def _features(comparison: Comparison, setting: Setting, kind: Features) -> str:
    comparison.shared.features(setting, kind)
    return f"features {setting.name} {kind}"


def _search(comparison: Comparison, method: str) -> str:
    comparison.search(method)
    return f"search {method}"


def _train_and_score(comparison: Comparison, job: Job) -> str:
    comparison.scores(job)
    return job.name
