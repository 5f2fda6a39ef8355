"""What a comparison has kept, in its folder and on an earlier record: read here, never made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from desire_edge.baselines import METHODS
from desire_edge.baselines.supervised import GRID
from desire_edge.data import Protocol
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.parts import fingerprint, kept_part
from desire_edge.evaluation.comparison.plan import (
    BEST,
    KNOWN,
    PLAIN_ROWS,
    PRIOR,
    ROWS,
    SUPERVISED,
    Job,
    Plan,
    Setting,
    trained_under,
)
from desire_edge.evaluation.comparison.settings import settings_of
from desire_edge.training.run import Run

OF_TRAINING = {"head", "maps", "words", "extractor", "meta", "validate_every", "validation_tasks"}
"""Settings that are nothing to rows that see a run's data alone."""


class Kept:
    """The finished parts of a comparison, and the settings they are made with.

    Args:
        folder: where parts are kept and results go.
        plan: what is compared.
        data_dir: where Delicious is; see `load_dataset`.
        record: an earlier comparison's summary. What it holds with the settings asked for counts as there.
    """

    def __init__(
        self, folder: Path, plan: Plan, data_dir: Path | None = None, record: Mapping[str, Any] | None = None
    ) -> None:
        unknown = [name for name in plan.methods if name not in ROWS]
        if unknown:
            raise DesireEdgeError(f"there is no method '{unknown[0]}'; choose from {', '.join(ROWS)}")
        self.folder, self.plan, self.data_dir, self.record = folder, plan, data_dir, record or {}

    def finished(self, job: Job) -> dict[str, Any] | None:
        """The scores of a job, if they are there."""
        if self.wants_search(job.method):
            return None
        scores: dict[str, Any] | None = kept_part(self.scores_path(job), self.scores_settings(job))
        return scores

    def all_finished(self) -> list[tuple[Job, dict[str, Any]]]:
        """Every job of the plan that is done, and its scores."""
        return [(job, scores) for job in self.plan.jobs() if (scores := self.finished(job)) is not None]

    def recorded(self, job: Job) -> bool:
        """Whether the record holds all figures of a job."""
        cells = self.record.get("cells", {}).get(job.row, {})
        if not cells or self.wants_search(job.method):
            return False
        made_with = self.made_with(job)
        seeds = [cells.get(column, {}).get("seeds", {}) for column in job.columns]
        return all(seed.get(str(job.setting.seed), {}).get("made_with") == made_with for seed in seeds)

    def searched(self, method: str) -> dict[str, Any] | None:
        """What the search tried of a method and chose, if it is there or on record."""
        result: dict[str, Any] | None = kept_part(self.search_path(method), self.search_settings(method))
        recorded: dict[str, Any] = self.record.get("search", {}).get(method, {})
        return result or (recorded if recorded.get("made_with") == self.search_made_with(method) else None)

    def wants_search(self, method: str) -> bool:
        """Whether a method has settings to choose from, and the choice is not there."""
        return len(search_space(method)) > 1 and self.searched(method) is None

    def chosen(self, method: str) -> dict[str, Any]:
        """The overrides that the search on validation labels found best for a method that wants none any more."""
        space = search_space(method)
        if len(space) == 1:
            return dict(space[0])
        searched = self.searched(method)
        assert searched is not None, f"{method} is not searched yet"
        return dict(space[int(searched["chosen"])])

    def default(self, protocol: Protocol) -> dict[str, Any] | None:
        """Which recipe is the default under a protocol, by the validation labels, if it is chosen or on record."""
        trained, settings = trained_under(protocol), self.default_settings(trained_under(protocol))
        result: dict[str, Any] | None = kept_part(self.default_path(trained), settings)
        if result is not None:
            return {**result, "made_with": fingerprint(settings)}
        recorded: dict[str, Any] = self.record.get("default", {}).get(trained, {})
        return recorded if recorded.get("made_with") == fingerprint(settings) else None

    def wants_default(self, protocol: Protocol) -> bool:
        """Whether there are two recipes to choose from, and the choice is not there."""
        return {BEST, PRIOR} <= set(self.plan.methods) and self.default(protocol) is None

    def finished_run(self) -> Run | None:
        """A run of the best recipe, finished and scored: of `example-disjoint` and the first seed if it can be."""
        jobs = [job for job in self.plan.jobs() if job.method == BEST and job.setting.sizes is None]
        for job in sorted(jobs, key=lambda job: job.setting.protocol != "example-disjoint"):
            if self.finished(job) is not None:
                return Run.open(self.run_folder(job), torch.device("cpu"), self.data_dir)
        return None

    # Where each part is, and what it is made with.

    @property
    def search_setting(self) -> Setting:
        """Where settings are chosen: a part of the training file held out, validation labels, the first seed.

        `label-disjoint` has nothing to hold out, so what is chosen here serves it too.
        """
        return Setting("example-disjoint", self.plan.seeds[0], hold_out=True)

    def default_setting(self, protocol: Protocol) -> Setting:
        """Where the default is chosen: as settings are, but of `label-disjoint` under that itself."""
        if protocol == "label-disjoint":
            return Setting(protocol, self.plan.seeds[0])
        return self.search_setting

    def default_path(self, protocol: Protocol) -> Path:
        """The file of the choice between the recipes."""
        return self.folder / "search" / f"default-{protocol}.json"

    def made_with(self, job: Job) -> str:
        """The fingerprint of a job's settings."""
        return fingerprint(self.scores_settings(job))

    def search_made_with(self, method: str) -> str:
        """The fingerprint of a search's settings."""
        return fingerprint(self.search_settings(method))

    def scores_path(self, job: Job) -> Path:
        """The file of a job's scores."""
        return self.folder / "scores" / f"{job.name}.json"

    def search_path(self, method: str) -> Path:
        """The file of a method's search."""
        return self.folder / "search" / f"{method}.json"

    def run_folder(self, job: Job) -> Path:
        """The run of a job of a recipe."""
        return self.folder / "runs" / job.name

    def scores_settings(self, job: Job) -> dict[str, Any]:
        """What a job's scores depend on."""
        settings: dict[str, Any] = {"tasks": self.plan.tasks, "protocols": job.protocols}
        if job.method == SUPERVISED:
            return {**settings, "search": self.supervised_settings()}
        if job.method in (BEST, PRIOR, KNOWN):
            return {**settings, "config": settings_of(self.plan.recipe_config(job))}
        if job.method in PLAIN_ROWS:
            config = settings_of(self.plan.recipe_config(Job(PRIOR, job.setting, job.protocols)))
            return {**settings, "config": {name: config[name] for name in config.keys() - OF_TRAINING}}
        return {**settings, **self.method_settings(job), "raw": job.raw}

    def method_settings(self, job: Job) -> dict[str, Any]:
        """What a job's trained method depends on."""
        return {
            "config": config_of(job.method, self.chosen(job.method)),
            "batches": self.plan.budget.batches,
            "features": self._features_settings(job.setting),
        }

    def search_settings(self, method: str) -> dict[str, Any]:
        """What a method's search depends on."""
        return {
            "space": [config_of(method, overrides) for overrides in search_space(method)],
            "batches": self.plan.budget.search_batches,
            "tasks": self.plan.budget.search_tasks,
            "features": self._features_settings(self.search_setting),
        }

    def supervised_settings(self) -> dict[str, Any]:
        """What the choice of the supervised reference's learner depends on, beside the code."""
        return {"tasks": self.plan.budget.search_tasks, "data": self.plan.data, "grid": GRID}

    def default_settings(self, protocol: Protocol) -> dict[str, Any]:
        """What the choice between the recipes depends on."""
        setting = self.default_setting(protocol)
        recipes = [Job(method, setting, (protocol,)) for method in (BEST, PRIOR)]
        configs = {job.method: settings_of(self.plan.recipe_config(job)) for job in recipes}
        return {"tasks": self.plan.budget.search_tasks, "configs": configs}

    def _features_settings(self, setting: Setting) -> dict[str, Any]:
        settings = settings_of(self.plan.extractor_config(setting))
        return {name: settings[name] for name in ("data", "lexicon", "extractor")}


def search_space(method: str) -> tuple[dict[str, Any], ...]:
    """The overrides that a search tries of a row; one alone where there is nothing to choose."""
    return METHODS[method].SEARCH if method in METHODS else ({},)


def config_of(method: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a method, as JSON values."""
    return METHODS[method].CONFIG(**overrides).model_dump(mode="json")
