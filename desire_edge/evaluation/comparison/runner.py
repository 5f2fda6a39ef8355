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
from desire_edge.evaluation.comparison.parts import fingerprint, json_part, kept_part, tensor_part
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    ROWS,
    SUPERVISED,
    Job,
    Plan,
    World,
)
from desire_edge.evaluation.comparison.studio import Studio
from desire_edge.evaluation.comparison.supervised import choose_supervised, supervised_figures
from desire_edge.models import extract
from desire_edge.training.config import MetaConfig, load_config
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
    """A comparison in its folder.

    Args:
        folder: where parts are kept and results go.
        plan: what is compared.
        data_dir: where Delicious is; see `load_dataset`.
        record: an earlier comparison's summary. What it holds with the settings asked for is not made again.
    """

    def __init__(
        self, folder: Path, plan: Plan, data_dir: Path | None = None, record: Mapping[str, Any] | None = None
    ) -> None:
        unknown = [name for name in plan.methods if name not in ROWS]
        if unknown:
            raise DesireEdgeError(f"there is no method '{unknown[0]}'; choose from {', '.join(ROWS)}")
        self.folder, self.plan, self.data_dir, self.record = folder, plan, data_dir, record or {}
        self.studio = Studio(folder, plan, data_dir)

    def run(self, report: Callable[[str, int, int], None], processes: int = 1) -> None:
        """Make every part that is missing; `report` gets a part's name, how many are done, and how many there are."""
        jobs = [job for job in self.plan.jobs() if not self.recorded(job)]
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
            state = (self.folder, self.plan, self.data_dir, self.record)
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
                                self.studio.sampler(world, world.regime, ways, shots, novel=False),
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

        result: dict[str, Any] = self.searched(method) or json_part(
            self._search_path(method), self._search_settings(method), make
        )
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
        """What the search tried of a method and chose, if it is there or on record; nothing is trained."""
        result: dict[str, Any] | None = kept_part(self._search_path(method), self._search_settings(method))
        recorded: dict[str, Any] = self.record.get("search", {}).get(method, {})
        return result or (recorded if recorded.get("made_with") == self.search_made_with(method) else None)

    def search_made_with(self, method: str) -> str:
        """The fingerprint of a search's settings."""
        return fingerprint(self._search_settings(method))

    def recorded(self, job: Job) -> bool:
        """Whether the record holds all figures of a job."""
        cells = self.record.get("cells", {}).get(job.row, {})
        if not cells or self._wants_search(job.method):
            return False
        made_with = self.made_with(job)
        seeds = [cells.get(column, {}).get("seeds", {}) for column in job.columns]
        return all(seed.get(str(job.world.seed), {}).get("made_with") == made_with for seed in seeds)

    def made_with(self, job: Job) -> str:
        """The fingerprint of a job's settings."""
        return fingerprint(self._scores_settings(job))

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

        def train_method() -> tuple[dict[str, Tensor], dict[str, Any]]:
            learner, seconds = self._trained(
                job.method, job.world, overrides, self.plan.budget.batches, raw=job.raw
            )
            return learner.state_dict(), {"seconds": seconds}

        settings = {
            "config": _config_of(job.method, overrides),
            "batches": self.plan.budget.batches,
            "features": self._features_settings(job.world),
        }
        tensors, values = tensor_part(
            self.folder / "methods" / f"{job.name}.safetensors", settings, train_method
        )
        learner = self._trained(job.method, job.world, overrides, 0, raw=job.raw)[0]
        learner.load_state_dict(tensors)
        batcher = self._batcher(job.method, job.world, raw=job.raw)

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(learner, batcher, sampler, tasks=tasks, rng=rng)

        found = figures(self.studio, job, score)
        return {"train_seconds": values["seconds"], "overrides": dict(overrides), **found}

    def _supervised_scores(self, job: Job) -> dict[str, Any]:
        settings = {"tasks": self.plan.budget.search_tasks, "data": self.plan.data}
        chosen = json_part(
            self._search_path(SUPERVISED), settings, lambda: choose_supervised(self.studio, self.search_world)
        )
        return supervised_figures(self.studio, job, chosen)

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
        train(run, lambda *_: None)
        z = extract(run.extractor, run.data.x)
        batcher = EpisodeBatcher(z, run.data.dataset.targets, run.data.w, run.data.split.base)

        def score(sampler: EpisodeSampler, tasks: int, rng: np.random.Generator) -> TaskScores:
            return score_tasks(
                run.learner, batcher, sampler, tasks=tasks, rng=rng, known_labels=job.method == KNOWN
            )

        return {"train_seconds": run.progress.seconds, **figures(self.studio, job, score)}

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


def _pretrained_kinds(methods: set[str]) -> list[Features]:
    wanted = {METHODS[method].FEATURES for method in methods if method in METHODS}
    return [kind for kind in PRETRAINED if kind in wanted]


def _search_space(method: str) -> tuple[dict[str, Any], ...]:
    return METHODS[method].SEARCH if method in METHODS else ({},)


def _config_of(method: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    return METHODS[method].CONFIG(**overrides).model_dump(mode="json")


# What a worker process runs.


def _single_thread() -> None:
    torch.set_num_threads(1)


def _in_process(
    state: tuple[Path, Plan, Path | None, Mapping[str, Any]],
    function: Callable[..., str],
    arguments: tuple[Any, ...],
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
