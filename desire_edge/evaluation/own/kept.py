"""What the benchmark has kept in its folder: a run a corpus and seed, and of each cell ours and the baselines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from desire_edge.baselines import EVERY_PLAIN
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.plan import CORPORA, Cell, OwnPlan, world_name
from desire_edge.files import read_json


class OwnKept:
    """The parts of a benchmark in its folder: read here, never made.

    Args:
        folder: where parts are kept and results go.
        plan: what is measured.
        data_dir: where Delicious is; see `load_dataset`.
    """

    def __init__(self, folder: Path, plan: OwnPlan, data_dir: Path | None = None) -> None:
        if unknown := [corpus for corpus in plan.corpora if corpus not in CORPORA]:
            raise DesireEdgeError(f"there is no corpus '{unknown[0]}'; choose from {', '.join(CORPORA)}")
        self.folder, self.plan, self.data_dir = folder, plan, data_dir

    def run_folder(self, corpus: str, seed: int) -> Path:
        """The run of a corpus and seed."""
        return self.folder / "runs" / world_name(corpus, seed)

    def ours_path(self, cell: Cell) -> Path:
        """The file of our figures in a cell."""
        return self.folder / "ours" / f"{cell.name}.json"

    def plain_path(self, cell: Cell) -> Path:
        """The file of the baselines' figures in a cell."""
        return self.folder / "plain" / f"{cell.name}.json"

    def ours(self, cell: Cell) -> dict[str, Any] | None:
        """Our figures in a cell, made with as many tasks as are asked for, by a run of the recipe asked for."""
        return self._kept(self.ours_path(cell), self.ours_settings(cell))

    def plain(self, cell: Cell) -> dict[str, Any] | None:
        """The baselines' figures in a cell, with as many tasks; or why there can be none."""
        return self._kept(self.plain_path(cell), self.plain_settings(cell))

    def ours_settings(self, cell: Cell) -> dict[str, Any]:
        """What our figures in a cell depend on, beside the data and what was trained."""
        trained_by = {"recipe": self.plan.recipe, "overrides": list(self.plan.overrides)}
        return {**self._size_settings(cell), **trained_by}

    def plain_settings(self, cell: Cell) -> dict[str, Any]:
        """What the baselines' figures in a cell depend on, beside the data."""
        return {**self._size_settings(cell), "baselines": [baseline.NAME for baseline in EVERY_PLAIN]}

    def _size_settings(self, cell: Cell) -> dict[str, Any]:
        return {"tasks": self.plan.tasks_of(cell.ways), "cell": cell.name}

    @staticmethod
    def _kept(path: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            kept = read_json(path) if path.is_file() else None
        except DesireEdgeError:
            return None  # cut off by something else than us: made again
        if not isinstance(kept, dict) or not settings.items() <= kept.get("settings", {}).items():
            return None
        value: dict[str, Any] = kept["value"]
        return value
