"""What `desire-edge benchmark own` is asked for: corpora, label seeds, sizes of tasks, and which targets are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from desire_edge.data import Targets
from desire_edge.training.config import DEFAULT_RECIPE, TrainConfig, load_config

CORPORA: dict[str, tuple[str, str]] = {
    "debtags/minilm": ("debtags", "minilm"),
    "debtags/words": ("debtags", "words"),
    "openmoji/efficientnet-lite0": ("openmoji", "efficientnet-lite0"),
    "sample/words": ("sample", "words"),
    "delicious/mlp": ("delicious", "mlp"),
}
"""Name -> data and backbone, as `desire-edge train` takes them; all under `example-disjoint`."""
WAYS = (2, 5, 10, 20, 50, 100)
SHOTS = (0, 1, 2, 5, 10, 20)
PARTIAL_SHOTS = (1, 5)
KINDS: tuple[Targets, ...] = ("full", "half", "few-negatives", "single")
"""Which targets are known unless others are asked for: `positives` hides nothing from most of the baselines."""
MANY_WAYS, FEWEST = 10, 10


@dataclass(frozen=True)
class Cell:
    """One size of tasks over the novel labels of a corpus under a label seed.

    Attributes:
        corpus: of `CORPORA`.
        seed: of the label split, and of all else in training.
        targets: which of the support's targets are known.
        ways, shots: N and K.
    """

    corpus: str
    seed: int
    targets: Targets
    ways: int
    shots: int

    @property
    def size(self) -> str:
        """As in 5w1s."""
        return f"{self.ways}w{self.shots}s"

    @property
    def name(self) -> str:
        """For files and progress."""
        return f"{world_name(self.corpus, self.seed)}-{self.targets}-{self.size}"


def world_name(corpus: str, seed: int) -> str:
    """The name of a corpus under a label seed, for files and progress."""
    return f"{corpus.replace('/', '-')}-s{seed}"


@dataclass(frozen=True)
class OwnPlan:
    """What is to be measured.

    Attributes:
        corpora: names of `CORPORA`.
        seeds: of the label splits.
        targets: which targets are known.
        ways, shots: the sizes of tasks; where only part of the targets are known, `partial_shots`, for without shots
            there is nothing to know.
        tasks: a cell and seed, of up to ten ways; of more ways fewer, for these say more each.
        recipe: that runs are trained by.
        overrides: of the training settings, as `section.name=value`.
    """

    corpora: tuple[str, ...] = tuple(CORPORA)
    seeds: tuple[int, ...] = (0, 1, 2)
    targets: tuple[Targets, ...] = KINDS
    ways: tuple[int, ...] = WAYS
    shots: tuple[int, ...] = SHOTS
    partial_shots: tuple[int, ...] = PARTIAL_SHOTS
    tasks: int = 100
    recipe: str = DEFAULT_RECIPE
    overrides: tuple[str, ...] = ()

    def worlds(self) -> list[tuple[str, int]]:
        """Every corpus and seed."""
        return [(corpus, seed) for corpus in self.corpora for seed in self.seeds]

    def cells(self) -> list[Cell]:
        """Every cell, those of one corpus and seed together."""
        return [
            Cell(corpus, seed, targets, ways, shots)
            for corpus, seed in self.worlds()
            for targets in self.targets
            for ways in self.ways
            for shots in (self.shots if targets == "full" else self.partial_shots)
        ]

    def tasks_of(self, ways: int) -> int:
        """How many tasks of so many ways a cell has, a seed."""
        return max(min(FEWEST, self.tasks), self.tasks * MANY_WAYS // max(MANY_WAYS, ways))

    def config(self, corpus: str, seed: int) -> TrainConfig:
        """What the run of a corpus and seed is trained with."""
        data, backbone = CORPORA[corpus]
        options: Mapping[str, Any] = {"data": data, "seed": seed, "extractor": {"backbone": backbone}}
        return load_config(None, self.overrides, options, self.recipe)


def quick(plan: OwnPlan) -> OwnPlan:
    """The same in minutes: shows that everything runs, and little of how good it is."""
    return OwnPlan(
        corpora=tuple(corpus for corpus in plan.corpora if corpus.endswith("/words")),
        seeds=plan.seeds[:1],
        targets=("full", "half"),
        ways=(2, 5, 20),
        shots=(0, 1, 5),
        partial_shots=(5,),
        tasks=min(plan.tasks, 20),
        recipe=plan.recipe,
        overrides=(
            "extractor.epochs=4",
            "meta.batches=60",
            "meta.folds=0",
            "validation_tasks=10",
            *plan.overrides,
        ),
    )
