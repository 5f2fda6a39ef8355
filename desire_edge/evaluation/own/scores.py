"""What is kept of a method in a cell: the figures of each task, and counts of what its probabilities are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.data import Episode, EpisodeSampler, Targets, known_targets
from desire_edge.evaluation.calibration import Tally
from desire_edge.evaluation.comparison.tasks import tasks_rng
from desire_edge.metrics import macro_auc, micro_auc, micro_f1

Report = Callable[[int], None]


def tasks_of_cell(
    sampler: EpisodeSampler, dataset_targets: NDArray[np.bool_], kind: Targets, count: int
) -> Iterator[tuple[Episode, NDArray[np.bool_] | None]]:
    """The first `count` tasks of a cell and which of their support's targets [S, N] are known (None: all).

    Whoever is measured gets the same: a task's mask is drawn by a generator of its own.
    """
    ways, shots = sampler.ways, sampler.shots
    rng = tasks_rng(ways, shots)
    for index in range(count):
        episode = sampler.sample(rng)
        support = dataset_targets[np.ix_(episode.support, episode.labels)]
        yield episode, known_targets(kind, support, [0, ways, shots, index])


@dataclass
class MethodScores:
    """A method's figures on the query rows of a cell's tasks.

    Attributes:
        micro_auc, macro_auc, micro_f1: a task each; NaN where undefined.
        tally: of its probabilities over all query rows × labels; None where it gives none.
        seconds: of CPU time, of all tasks together, to adapt and to score.
    """

    micro_auc: list[float] = field(default_factory=list)
    macro_auc: list[float] = field(default_factory=list)
    micro_f1: list[float] = field(default_factory=list)
    tally: Tally | None = None
    seconds: float = 0.0

    def add(
        self,
        truth: NDArray[np.bool_],
        scores: NDArray[np.floating],
        decisions: NDArray[np.bool_],
        probabilities: NDArray[np.floating] | None,
    ) -> None:
        """One task more: [Q, N] each."""
        self.micro_auc.append(micro_auc(truth, scores))
        self.macro_auc.append(macro_auc(truth, scores))
        self.micro_f1.append(micro_f1(truth, decisions))
        if probabilities is not None:
            self.tally = self.tally or Tally()
            self.tally.add(probabilities, truth)

    def extend(self, other: MethodScores) -> None:
        """The tasks of another seed as well."""
        for name in ("micro_auc", "macro_auc", "micro_f1"):
            getattr(self, name).extend(getattr(other, name))
        if other.tally is not None:
            self.tally = self.tally or Tally()
            self.tally.extend(other.tally)
        self.seconds += other.seconds

    def to_json(self) -> dict[str, Any]:
        """As JSON values; an undefined figure is null."""
        lists = {
            name: [None if np.isnan(value) else value for value in getattr(self, name)]
            for name in ("micro_auc", "macro_auc", "micro_f1")
        }
        tally = self.tally and {
            "count": self.tally.count.tolist(),
            "said": self.tally.said.tolist(),
            "came": self.tally.came.tolist(),
            "squares": self.tally.squares,
        }
        return {**lists, "tally": tally, "seconds": self.seconds}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> MethodScores:
        """What `to_json` gave."""
        lists = [
            [np.nan if value is None else float(value) for value in kept[name]]
            for name in ("micro_auc", "macro_auc", "micro_f1")
        ]
        counted = kept["tally"]
        tally = counted and Tally(
            np.array(counted["count"], np.int64),
            np.array(counted["said"], np.float64),
            np.array(counted["came"], np.float64),
            float(counted["squares"]),
        )
        return cls(lists[0], lists[1], lists[2], tally, float(kept["seconds"]))
