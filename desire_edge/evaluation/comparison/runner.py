"""Training and scoring of every row, part by part: whatever is finished is kept, and never made twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.baselines import METHODS, MetaTrained, Method, SupervisedReference
from desire_edge.baselines.method import Features
from desire_edge.data import EpisodeSampler, Protocol, ProtocolRows, protocol_rows
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.parts import json_part, kept_part, tensor_part
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    RAW_METHODS,
    SIN_METHODS,
    SIN_SIZES,
    SUPERVISED,
    Plan,
    World,
    regime_of,
)
from desire_edge.evaluation.comparison.studio import Studio
from desire_edge.metrics import best_micro_f1, macro_auc, micro_auc, micro_f1
from desire_edge.training.config import MetaConfig, load_config
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.metatrain import EpisodeStream
from desire_edge.training.pretrain import extract
from desire_edge.training.run import Run
from desire_edge.training.scoring import TaskScores, score_tasks

EPISODES = MetaConfig(ways=(5, 10), shots=(1, 5))
"""The training episodes of every row but the recipe's own: the ways and shots of the table's columns, mixed."""
TRUNK = (300, 300)
"""Hidden layers of a method that learns from raw x."""
CURVE_SHOTS = (0, 1, 2, 5, 10, 20)
CURVE_WAYS, CURVE_TASKS = 5, 200
QUERIES = 15
PRETRAINED: tuple[Features, ...] = ("semantic", "plain")
Task = tuple[Callable[..., str], tuple[Any, ...]]


@dataclass(frozen=True)
class Job:
    """One row in one world: its training, and every column it is measured in."""

    method: str
    world: World
    protocols: tuple[Protocol, ...]
    raw: bool = False

    @property
    def name(self) -> str:
        """For file names and progress."""
        return f"{self.method}{'-raw' if self.raw else ''}-{self.world.name}"


class Comparison:
    """A comparison in its folder.

    Args:
        folder: where parts are kept and results go.
        plan: what is compared.
        data_dir: where Delicious is; see `load_dataset`.
    """

    def __init__(self, folder: Path, plan: Plan, data_dir: Path | None = None) -> None:
        unknown = [name for name in plan.methods if name not in (*METHODS, BEST, KNOWN, SUPERVISED)]
        if unknown:
            raise DesireEdgeError(
                f"there is no method '{unknown[0]}'; choose from {', '.join((*METHODS, BEST, KNOWN, SUPERVISED))}"
            )
        self.folder, self.plan, self.data_dir = folder, plan, data_dir
        self.studio = Studio(folder, plan, data_dir)

    def jobs(self) -> list[Job]:
        """Every row in every world, the first seed's first; the extra rows at last."""
        plan = self.plan
        regimes = list(dict.fromkeys(map(regime_of, plan.protocols)))
        under = {regime: tuple(p for p in plan.protocols if regime_of(p) == regime) for regime in regimes}
        jobs = [
            Job(method, World(regime, seed), under[regime])
            for seed in plan.seeds
            for regime in regimes
            for method in plan.methods
            if method != KNOWN
            or regime != "label-disjoint"  # there the query's tags are F's training targets
        ]
        if not plan.extras:
            return jobs
        first = plan.seeds[0]
        for regime in regimes:
            raw = [method for method in RAW_METHODS if method in plan.methods]
            jobs += [Job(method, World(regime, first), under[regime], raw=True) for method in raw]
        if "streaming" in plan.protocols and plan.data == "delicious":
            world = World("example-disjoint", first, sizes=SIN_SIZES)
            jobs += [Job(method, world, ("streaming",)) for method in SIN_METHODS if method in plan.methods]
        return jobs

    def run(self, report: Callable[[str, int, int], None], processes: int = 1) -> None:
        """Make every part that is missing; `report` gets a part's name, how many are done, and how many there are."""
        jobs = self.jobs()
        searched = [m for m in dict.fromkeys(job.method for job in jobs) if self._wants_search(m)]
        methods: dict[World, set[str]] = {self.search_world: set(searched)}
        for job in jobs:
            methods.setdefault(job.world, set()).add(job.method)
        work: list[list[Task]] = [
            [
                (_features, (world, kind))
                for world, those in methods.items()
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

    def _wants_search(self, method: str) -> bool:
        return len(_search_space(method)) > 1 and self.searched(method) is None

    def _each(self, work: list[Task], processes: int) -> Iterable[str]:
        if processes == 1 or len(work) < 2:
            for function, arguments in work:
                with one_thread():  # as in a worker: other numbers of threads round otherwise
                    name = function(self, *arguments)
                yield name
            return
        context = get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context, initializer=_single_thread) as pool:
            state = (self.folder, self.plan, self.data_dir)
            futures = [pool.submit(_in_process, state, function, arguments) for function, arguments in work]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    # One part each.

    def chosen(self, method: str) -> dict[str, Any]:
        """The overrides that the search on validation labels found best for a method."""
        space = _search_space(method)
        if len(space) == 1:
            return dict(space[0])
        return dict(space[int(self.search(method)["chosen"])])

    @property
    def search_world(self) -> World:
        """Where settings are chosen: a part of the training file held out, validation labels, the first seed.

        `label-disjoint` has nothing to hold out, so what is chosen here serves it too.
        """
        return World("example-disjoint", self.plan.seeds[0], hold_out=True)

    def search(self, method: str) -> dict[str, Any]:
        """Train every configuration of a method for a while on held-out data, and judge it by validation labels."""
        world = self.search_world
        space, budget = _search_space(method), self.plan.budget

        def make() -> dict[str, Any]:
            trials: list[dict[str, Any]] = []
            for overrides in space:
                started = time.perf_counter()
                try:
                    learner = self._trained(method, world, overrides, budget.search_batches, raw=False)[0]
                    batcher = self._batcher(method, world, raw=False)
                    scores = [
                        np.nanmean(
                            score_tasks(
                                learner,
                                batcher,
                                self._sampler(world, world.regime, ways, shots, novel=False),
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

        result: dict[str, Any] = json_part(self._search_path(method), self._search_settings(method), make)
        return result

    def _search_settings(self, method: str) -> dict[str, Any]:
        return {
            "space": [_config_of(method, overrides) for overrides in _search_space(method)],
            "batches": self.plan.budget.search_batches,
            "tasks": self.plan.budget.search_tasks,
            "features": self._features_settings(self.search_world),
        }

    def scores(self, job: Job) -> dict[str, Any]:
        """Everything that is measured of a job: by protocol and column, the figures of each task."""
        make = {SUPERVISED: self._supervised_scores, BEST: self._recipe_scores, KNOWN: self._recipe_scores}
        scores: dict[str, Any] = json_part(
            self._scores_path(job),
            self._scores_settings(job),
            lambda: make.get(job.method, self._method_scores)(job),
        )
        return scores

    def finished(self, job: Job) -> dict[str, Any] | None:
        """The scores of a job if they are there; nothing is trained."""
        if self._wants_search(job.method):
            return None
        scores: dict[str, Any] | None = kept_part(self._scores_path(job), self._scores_settings(job))
        return scores

    def searched(self, method: str) -> dict[str, Any] | None:
        """What the search tried of a method and chose, if it is there; nothing is trained."""
        result: dict[str, Any] | None = kept_part(self._search_path(method), self._search_settings(method))
        return result

    def _scores_path(self, job: Job) -> Path:
        return self.folder / "scores" / f"{job.name}.json"

    def _search_path(self, method: str) -> Path:
        return self.folder / "search" / f"{method}.json"

    def _scores_settings(self, job: Job) -> dict[str, Any]:
        settings: dict[str, Any] = {"tasks": self.plan.tasks, "protocols": job.protocols}
        if job.method == SUPERVISED:
            return settings
        if job.method in (BEST, KNOWN):
            return {**settings, "config": self._recipe_config(job).model_dump(mode="json")}
        return {
            **settings,
            "config": _config_of(job.method, self.chosen(job.method)),
            "batches": self.plan.budget.batches,
            "raw": job.raw,
            "features": self._features_settings(job.world),
        }

    def _features_settings(self, world: World) -> dict[str, Any]:
        config = self.studio.config(world)
        return config.model_dump(mode="json", include={"data", "lexicon", "extractor"})

    def _batcher(self, method: str, world: World, *, raw: bool) -> EpisodeBatcher:
        kind = "raw" if raw else METHODS[method].FEATURES
        data = self.studio.prepared(world)
        return EpisodeBatcher(
            self.studio.features(world, kind), data.dataset.targets, data.w, data.split.base
        )

    def _sampler(
        self, world: World, protocol: Protocol, ways: int, shots: int, *, novel: bool = True
    ) -> EpisodeSampler:
        data = self.studio.prepared(world)
        rows = protocol_rows(data.dataset, protocol, hold_out=world.hold_out, seed=world.seed)
        labels = data.split.novel if novel else data.split.validation
        return task_sampler(data.dataset.targets, labels, rows, ways, shots)

    def _trained(
        self, method: str, world: World, overrides: Mapping[str, Any], batches: int, *, raw: bool
    ) -> tuple[Method, float]:
        """A trained method, and the seconds it took."""
        data, batcher = self.studio.prepared(world), self._batcher(method, world, raw=raw)
        torch.manual_seed(world.seed)
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
                data.dataset.targets, data.split.base, data.rows.train, batcher, EPISODES, world.seed
            )
            optimizer = learner.optimizer()
            for index in range(batches):
                learner.outer_step(optimizer, stream.batch(index), index / batches)
        return learner.eval(), time.perf_counter() - started

    def _method_scores(self, job: Job) -> dict[str, Any]:
        overrides = self.chosen(job.method)

        def train() -> tuple[dict[str, Tensor], dict[str, Any]]:
            learner, seconds = self._trained(
                job.method, job.world, overrides, self.plan.budget.batches, raw=job.raw
            )
            return learner.state_dict(), {"seconds": seconds}

        settings = {
            "config": _config_of(job.method, overrides),
            "batches": self.plan.budget.batches,
            "features": self._features_settings(job.world),
        }
        tensors, values = tensor_part(self.folder / "methods" / f"{job.name}.safetensors", settings, train)
        learner = self._trained(job.method, job.world, overrides, 0, raw=job.raw)[0]
        learner.load_state_dict(tensors)
        batcher = self._batcher(job.method, job.world, raw=job.raw)
        cells = self._cells(
            job, lambda sampler, tasks, rng: score_tasks(learner, batcher, sampler, tasks=tasks, rng=rng)
        )
        return {"train_seconds": values["seconds"], "overrides": dict(overrides), **cells}

    def _recipe_config(self, job: Job) -> Any:
        options = {"data": self.plan.data, **job.world.settings()}
        overrides = [
            *self.plan.budget.overrides,
            *(["meta.known_labels=1.0", "meta.folds=0"] if job.method == KNOWN else []),
        ]
        return load_config(None, overrides, options, recipe="best")

    def _recipe_scores(self, job: Job) -> dict[str, Any]:
        folder, device = self.folder / "runs" / job.name, torch.device("cpu")
        config = self._recipe_config(job)
        run = self._opened_run(folder, config, device)
        run.train(lambda *_: None)
        z = extract(run.extractor, torch.from_numpy(run.data.x))
        batcher = EpisodeBatcher(z, run.data.dataset.targets, run.data.w, run.data.split.base)

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(
                run.learner, batcher, sampler, tasks=tasks, rng=rng, known_labels=job.method == KNOWN
            )

        return {"train_seconds": run.progress.seconds, **self._cells(job, score)}

    def _opened_run(self, folder: Path, config: Any, device: torch.device) -> Run:
        if (folder / "config.json").is_file():
            run = Run.open(folder, device, self.data_dir)
            asked = config.model_copy(update={"data": run.config.data})
            uncrossed = asked.model_copy(update={"meta": asked.meta.model_copy(update={"folds": 0})})
            if run.config in (asked, uncrossed):  # the latter where the data are too few to cross-fit
                return run
            raise DesireEdgeError(
                f"{folder} was trained with other settings than the recipe's of today; remove it"
            )
        return Run.create(folder, config, device, self.data_dir)

    def _cells(
        self, job: Job, score: Callable[[EpisodeSampler, int, np.random.Generator], TaskScores]
    ) -> dict[str, Any]:
        started = time.perf_counter()
        cells = {}
        for protocol in job.protocols:
            for ways, shots in COLUMNS:
                sampler = self._sampler(job.world, protocol, ways, shots)
                scores = score(sampler, self.plan.tasks, _tasks_rng(ways, shots))
                cells[f"{protocol} {ways}w{shots}s"] = {
                    "labels": len(sampler.drawn),
                    "by_step": [_mean(step) for step in zip(*scores.micro_auc_by_step, strict=True)],
                    **{
                        name: _rounded(values)
                        for name, values in asdict(scores).items()
                        if name != "micro_auc_by_step"
                    },
                }
        return {
            "cells": cells,
            "score_seconds": time.perf_counter() - started,
            "curve": self._curve(job, score),
        }

    def _curve(
        self, job: Job, score: Callable[[EpisodeSampler, int, np.random.Generator], TaskScores]
    ) -> dict[str, float]:
        """Mean micro AUC against shots, at the first seed and under the world's own protocol; 0 is before any step."""
        if job.world.seed != self.plan.seeds[0] or job.world.sizes or job.raw:
            return {}
        points = {}
        for shots in CURVE_SHOTS:
            sampler = self._sampler(job.world, job.world.regime, CURVE_WAYS, max(1, shots))
            scores = score(sampler, min(self.plan.tasks, CURVE_TASKS), _tasks_rng(CURVE_WAYS, shots))
            values = [steps[0] for steps in scores.micro_auc_by_step] if shots == 0 else scores.micro_auc
            points[str(shots)] = _mean(values)
        return points

    def _supervised_scores(self, job: Job) -> dict[str, Any]:
        """A learner that sees every training example of the novel labels, chosen on the validation labels."""
        chosen = self._supervised_choice()
        data = self.studio.prepared(job.world)
        started = time.perf_counter()
        reference = SupervisedReference(
            chosen["kind"], chosen["options"], divide_priors=chosen["divide_priors"], seed=job.world.seed
        ).fit(data.x[data.rows.train], data.dataset.targets[np.ix_(data.rows.train, data.split.novel)])
        all_scores = reference.scores(data.x)
        seconds = time.perf_counter() - started
        columns = {int(label): index for index, label in enumerate(data.split.novel)}

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            scores = TaskScores([], [], [], [], [], [])
            for _ in range(tasks):
                episode = sampler.sample(rng)
                found = all_scores[episode.query][:, [columns[int(label)] for label in episode.labels]]
                truth = data.dataset.targets[np.ix_(episode.query, episode.labels)]
                _add_scores(scores, truth, found)
            return scores

        return {"train_seconds": seconds, "overrides": chosen, **self._cells(job, score)}

    def _supervised_choice(self) -> dict[str, Any]:
        world = self.search_world

        def make() -> dict[str, Any]:
            data = self.studio.prepared(world)
            labels = data.split.validation
            rows = protocol_rows(data.dataset, world.regime, hold_out=True, seed=world.seed)
            sampler = self._sampler(world, world.regime, 5, 1, novel=False)
            rng = np.random.default_rng(1)
            episodes = [sampler.sample(rng) for _ in range(self.plan.budget.search_tasks)]
            column = {int(label): index for index, label in enumerate(labels)}

            def auc(scores: Any) -> float:
                figures = [
                    micro_auc(
                        data.dataset.targets[np.ix_(e.query, e.labels)],
                        scores[np.searchsorted(rows.query, e.query)][:, [column[int(n)] for n in e.labels]],
                    )
                    for e in episodes
                ]
                return float(np.nanmean(figures))

            targets = data.dataset.targets[np.ix_(rows.train, labels)]
            best = SupervisedReference.choose(
                data.x[rows.train], targets, data.x[rows.query], auc, seed=world.seed
            )
            return {"kind": best.kind, "options": best.options, "divide_priors": best.divide_priors}

        settings = {"tasks": self.plan.budget.search_tasks, "data": self.plan.data}
        result: dict[str, Any] = json_part(self._search_path(SUPERVISED), settings, make)
        return result


def task_sampler(
    targets: NDArray[np.bool_], labels: NDArray[np.int64], rows: ProtocolRows, ways: int, shots: int
) -> EpisodeSampler:
    """The tasks of a column, over the eligible labels; a small data set has too few of them: then over all labels."""

    def sampler(*, eligible_only: bool) -> EpisodeSampler:
        return EpisodeSampler(
            targets,
            labels,
            rows.support,
            rows.query,
            ways=ways,
            shots=shots,
            queries=QUERIES,
            eligible_only=eligible_only,
        )

    all_labels = sampler(eligible_only=False)
    return sampler(eligible_only=True) if len(all_labels.eligible) >= ways else all_labels


def _add_scores(scores: TaskScores, truth: Any, found: Any) -> None:
    auc = micro_auc(truth, found)
    scores.micro_auc_by_step.append([auc])
    scores.micro_auc.append(auc)
    scores.macro_auc.append(macro_auc(truth, found))
    scores.micro_f1.append(micro_f1(truth, found >= 0))
    scores.micro_f1_half.append(micro_f1(truth, found >= 0))
    scores.micro_f1_oracle.append(best_micro_f1(truth, found))


def _tasks_rng(ways: int, shots: int) -> np.random.Generator:
    """The generator of a column's tasks: the same tasks for every method, and for `desire-edge evaluate`."""
    return np.random.default_rng([0, ways, shots])


def _pretrained_kinds(methods: set[str]) -> list[Features]:
    wanted = {METHODS[method].FEATURES for method in methods if method in METHODS}
    return [kind for kind in PRETRAINED if kind in wanted]


def _search_space(method: str) -> tuple[dict[str, Any], ...]:
    return METHODS[method].SEARCH if method in METHODS else ({},)


def _config_of(method: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    return METHODS[method].CONFIG(**overrides).model_dump(mode="json")


def _mean(values: Iterable[float]) -> float:
    return float(np.nanmean(list(values)))


def _rounded(values: Iterable[float]) -> list[float | None]:
    """Six digits are a hundred times finer than any interval here; null stands for NaN."""
    return [None if np.isnan(value) else round(value, 6) for value in values]


# What a worker process runs.


def _single_thread() -> None:
    torch.set_num_threads(1)


def _in_process(
    state: tuple[Path, Plan, Path | None], function: Callable[..., str], arguments: tuple[Any, ...]
) -> str:
    return function(Comparison(*state), *arguments)


def _features(comparison: Comparison, world: World, kind: Features) -> str:
    comparison.studio.features(world, kind)
    return f"features {world.name} {kind}"


def _search(comparison: Comparison, method: str) -> str:
    comparison.search(method)
    return f"search {method}"


def _train_and_score(comparison: Comparison, job: Job) -> str:
    comparison.scores(job)
    return job.name
