"""Training and measuring of every cell, part by part: whatever is finished is kept, and never made twice.

Ours and the baselines are parts of their own: another recipe, or a run trained again, has only ours measured again.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn
import torch

from desire_edge.baselines import EVERY_PLAIN, PlainData
from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.parts import json_part
from desire_edge.evaluation.own.cells import novel_tasks
from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.measure import measure_ours, measure_plain
from desire_edge.evaluation.own.plan import Cell, OwnPlan, world_name
from desire_edge.evaluation.stages import Task, run_stages
from desire_edge.evaluation.tuning import HeldOut, choose, tuning_tasks
from desire_edge.files import read_json, write_json
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.run import Run
from desire_edge.training.stages import train

ASKED = "asked.json"  # in a run's folder: the settings asked for, before the data settled the rest


class World(NamedTuple):
    """What the cells of a corpus and seed share."""

    run: Run
    batcher: EpisodeBatcher
    plain: PlainData
    held_out: HeldOut
    trained: str  # a digest of what was trained
    seen: str  # a digest of what the baselines see


class OwnBenchmark:
    """A benchmark in its folder, to be made: what is there stays. Arguments as of `OwnKept`.

    Args:
        folder, plan, data_dir: as there.
        remeasure: measure ours again, whatever is kept.
    """

    def __init__(
        self, folder: Path, plan: OwnPlan, data_dir: Path | None = None, *, remeasure: bool = False
    ) -> None:
        self.kept, self.plan, self.remeasure = OwnKept(folder, plan, data_dir), plan, remeasure

    def run(self, report: Callable[[str, int, int], None], processes: int = 1) -> None:
        """Make every part that is missing; `report` gets a part's name, how many are done, and how many there are."""
        work: list[list[Task]] = [
            [(_train, world) for world in self.plan.worlds()],
            [(_measure, (cell,)) for cell in self.plan.cells()],
        ]
        kept = self.kept
        again = partial(OwnBenchmark, kept.folder, self.plan, kept.data_dir, remeasure=self.remeasure)
        run_stages(work, self, again, report, processes)

    # One part each.

    def train(self, corpus: str, seed: int) -> Run:
        """The finished run of a corpus and seed: trained, or trained to its end, if it is not."""
        folder, config = self.kept.run_folder(corpus, seed), self.plan.config(corpus, seed)
        asked, device = config.model_dump(mode="json"), torch.device("cpu")
        if not (folder / "config.json").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / ASKED, asked)
            run = Run.create(folder, config, device, self.kept.data_dir)
        elif not (folder / ASKED).is_file() or read_json(folder / ASKED) == asked:
            run = Run.open(folder, device, self.kept.data_dir)  # one put there by hand is taken as it is
        else:
            raise DesireEdgeError(
                f"{folder} was trained with other settings than those asked for; remove it, or choose another --out"
            )
        train(run, lambda *_: None)
        return run

    def measure(self, cell: Cell) -> None:
        """Both parts of a cell."""
        world = _world(self.kept.folder, self.plan, self.kept.data_dir, cell.corpus, cell.seed)
        sampler: EpisodeSampler | None = None
        problem = ""
        try:
            sampler = novel_tasks(world.run, cell.ways, cell.shots, eligible_only=False)
            sampler.check()
        except DesireEdgeError as error:
            problem = str(error)
        targets, tasks = world.run.data.dataset.targets, self.plan.tasks_of(cell.ways)

        def ours() -> dict[str, Any]:
            if sampler is None or problem:
                return {"left_out": problem}
            found = measure_ours(world.run.learner, world.batcher, sampler, targets, cell.targets, tasks)
            return {"ours": found.to_json()}

        def plain() -> dict[str, Any]:
            if sampler is None or problem:
                return {"left_out": problem}
            with (
                warnings.catch_warnings()
            ):  # that a corpus has few validation labels stands in the part itself
                warnings.simplefilter("ignore", UserWarning)
                tuned = choose(
                    world.run,
                    world.held_out,
                    cell.ways,
                    cell.shots,
                    tuning_tasks(tasks, cell.ways),
                    baselines=EVERY_PLAIN,
                    targets=cell.targets,
                )
            chosen = {name: choice["setting"] for name, choice in tuned["chosen"].items()}
            found = measure_plain(world.plain, sampler, cell.targets, tasks, chosen, EVERY_PLAIN)
            return {**tuned, "scores": {name: scores.to_json() for name, scores in found.items()}}

        ours_path = self.kept.ours_path(cell)
        if self.remeasure:
            ours_path.unlink(missing_ok=True)
        json_part(ours_path, {**self.kept.ours_settings(cell), "trained": world.trained}, ours)
        seen = {"seen": world.seen, "scikit-learn": sklearn.__version__}
        json_part(self.kept.plain_path(cell), {**self.kept.plain_settings(cell), **seen}, plain)


@lru_cache(maxsize=1)
def _world(folder: Path, plan: OwnPlan, data_dir: Path | None, corpus: str, seed: int) -> World:
    run = OwnBenchmark(folder, plan, data_dir).train(corpus, seed)
    run.learner.eval()
    plain = PlainData.of(run.data, run.lexicon, run.data.rows.train)
    trained = hashlib.sha256(run.checkpoint_path.read_bytes()).hexdigest()
    return World(run, run.batcher(), plain, HeldOut.of(run), trained[:16], _digest(run, plain))


def _digest(run: Run, plain: PlainData) -> str:
    """The same for the same features, names and labels, however the run was trained."""
    digest = hashlib.sha256(run.data.dataset.source.encode())
    split, rows = run.data.split, run.data.rows
    arrays = (*plain.features.values(), *plain.items.values(), plain.names)
    for array in (*arrays, split.base, split.validation, split.novel, rows.train, rows.query):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


# The parts, as stages have them.


def _train(benchmark: OwnBenchmark, corpus: str, seed: int) -> str:
    benchmark.train(corpus, seed)
    return f"run {world_name(corpus, seed)}"


def _measure(benchmark: OwnBenchmark, cell: Cell) -> str:
    benchmark.measure(cell)
    return cell.name
