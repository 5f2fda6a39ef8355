"""What a comparison is made of: protocols, columns, methods, seeds, budgets, and the figures published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from desire_edge.baselines import METHODS, Logistic, LogisticCosine, PlainBaseline
from desire_edge.data import PROTOCOLS, Protocol
from desire_edge.lexicon.sources import DEFAULT_SOURCES
from desire_edge.models.backbones.stages import MLP
from desire_edge.training.config import DEFAULT_HIDDEN, TrainConfig, load_config

COLUMNS = ((5, 1), (5, 5), (10, 1), (10, 5))
"""(ways, shots) of the table's four columns."""
BEST, PRIOR, KNOWN, SUPERVISED = "best", "prior", "known", "supervised"
PLAIN_ROWS: dict[str, PlainBaseline] = {"logistic": Logistic(), "logistic-cosine": LogisticCosine()}
"""What a user would write in scikit-learn, on the data of the recipe `prior`."""
PRIOR_SOURCES = ("static",)
"""Label vectors of the recipe `prior`, and so of the plain rows."""
RAW_METHODS = ("maml", "reptile", "ataml", "maml++", "protonet")
"""Methods that can learn from raw x: extra rows, at the first seed."""
SIN_SIZES = (589, 196, 176)
SIN_METHODS = ("maml", "maml++", "desire-net", BEST)
"""Rows measured on SIN's own split sizes, at the first seed."""
ROWS = (*METHODS, *PLAIN_ROWS, BEST, PRIOR, KNOWN, SUPERVISED)
"""Every row: the methods, what a user would write, the recipe `best` of the paper's head, the recipe `prior`, `best`
with known base labels, and the supervised reference."""

PUBLISHED_AUC: dict[str, tuple[float, float, float, float]] = {
    "pretrained": (67.5, 75.3, 73.0, 81.7),
    "maml": (75.9, 81.9, 79.0, 82.3),
    "reptile": (76.1, 81.6, 79.2, 84.2),
    "ataml": (83.1, 82.9, 83.0, 85.1),
    "maml++": (81.3, 84.0, 80.6, 84.4),
    "no-l2": (84.0, 88.5, 83.8, 86.1),
    "no-pretraining": (80.1, 85.8, 78.6, 83.5),
    "no-inference": (78.2, 84.3, 77.2, 83.8),
    "desire-net": (87.2, 90.5, 87.9, 88.7),
}
"""Micro AUC in percent as published (Wang et al., AAAI 2021, Table 1, Delicious), a figure a column of `COLUMNS`."""
PUBLISHED_F1: dict[str, tuple[float, float, float, float]] = {
    "maml": (30.8, 40.8, 15.8, 27.7),
    "maml++": (41.2, 44.5, 23.9, 29.3),
    "sin": (46.2, 49.2, 35.1, 38.4),
}
"""Micro F1 in percent under `streaming`, as the authors' later SIN (IEEE TNNLS 2023) published it."""

TITLES = {
    "pretrained": "pre-trained",
    "maml": "MAML",
    "reptile": "Reptile",
    "ataml": "ATAML",
    "maml++": "MAML++",
    "no-l2": "DESIRE\\l2",
    "no-pretraining": "DESIRE\\F",
    "no-inference": "DESIRE\\I",
    "desire-net": "DESIRE-Net",
    "plain-pretraining": "DESIRE, plain pre-training",
    "protonet": "ProtoNet",
    "all-positive": "all positive",
    "logistic": "logistic regression",
    "logistic-cosine": "logistic + cosine",
    BEST: "best recipe",
    PRIOR: "prior recipe",
    KNOWN: "best recipe, base labels known",
    SUPERVISED: "supervised reference",
    "sin": "SIN",
}


@dataclass(frozen=True)
class Budget:
    """How long everything is trained, and how much of it the search spends.

    Attributes:
        batches: outer updates of every meta-trained method.
        search_batches, search_tasks: those of one configuration in the search, and the validation tasks it is judged
            by.
        overrides: of the training settings (`section.name=value`), for F and for the best recipe alike.
    """

    batches: int = 500
    search_batches: int = 250
    search_tasks: int = 100
    overrides: tuple[str, ...] = ()


QUICK = Budget(
    batches=60,
    search_batches=10,
    search_tasks=10,
    overrides=(
        "extractor.hidden=[128]",
        "extractor.epochs=4",
        "meta.batches=60",
        "maps=off",
        "lexicon.max_mb=4",
        "validation_tasks=10",
    ),
)
"""Minutes in place of hours: shows that everything runs, not how good it is."""


@dataclass(frozen=True)
class Plan:
    """What a comparison is asked for.

    Attributes:
        protocols, methods, seeds: rows and columns wanted; methods by the names in `ROWS`.
        tasks: test tasks a cell.
        data: a data set's name, as `train --data` takes it.
        budget: training and search.
        extras: also raw input and SIN's split sizes, at the first seed.
    """

    protocols: tuple[Protocol, ...] = PROTOCOLS
    methods: tuple[str, ...] = ROWS
    seeds: tuple[int, ...] = (0, 1, 2)
    tasks: int = 600
    data: str = "delicious"
    budget: Budget = Budget()
    extras: bool = True

    def jobs(self) -> list[Job]:
        """Every row in every setting, the first seed's first; the extra rows at last."""
        trained = list(dict.fromkeys(map(trained_under, self.protocols)))
        under = {
            protocol: tuple(p for p in self.protocols if trained_under(p) == protocol) for protocol in trained
        }
        jobs = [
            Job(method, Setting(protocol, seed), under[protocol])
            for seed in self.seeds
            for protocol in trained
            for method in self.methods
            if method != KNOWN
            or protocol != "label-disjoint"  # there the query's tags are F's training targets
        ]
        if not self.extras:
            return jobs
        first = self.seeds[0]
        for protocol in trained:
            raw = [method for method in RAW_METHODS if method in self.methods]
            jobs += [Job(method, Setting(protocol, first), under[protocol], raw=True) for method in raw]
        if "streaming" in self.protocols and self.data == "delicious":
            setting = Setting("example-disjoint", first, sizes=SIN_SIZES)
            jobs += [Job(method, setting, ("streaming",)) for method in SIN_METHODS if method in self.methods]
        return jobs

    def extractor_config(self, setting: Setting) -> TrainConfig:
        """The settings of F, the same for every method of the table but the recipes, which have their own.

        The paper's, and a learned bias a base label, which is good for all.
        """
        overrides = ["extractor.label_bias=true", *self.budget.overrides]
        return load_config(None, overrides, self._options(setting), recipe="paper")

    def recipe_config(self, job: Job) -> TrainConfig:
        """The settings of the recipes' own runs, with known base labels or without."""
        known = ["meta.known_labels=1.0", "meta.folds=0"] if job.method == KNOWN else []
        if job.method == PRIOR:
            own = {**self._options(job.setting), "lexicon": {"sources": PRIOR_SOURCES}}
            return load_config(None, self.budget.overrides, own, recipe=PRIOR)
        return load_config(None, [*self.budget.overrides, *known], self._options(job.setting), recipe=BEST)

    def _options(self, setting: Setting) -> dict[str, Any]:
        """What all rows share: whatever the data, F is the MLP, and the label vectors are the paper's head's own.

        Nothing is left to be settled by the data: a kept run has the settings that were asked for.
        """
        mlp = {"backbone": MLP, "projection": "learned", "hidden": DEFAULT_HIDDEN}
        same = {"extractor": mlp, "lexicon": {"sources": DEFAULT_SOURCES}}
        return {"data": self.data, **same, **setting.options()}


@dataclass(frozen=True)
class Setting:
    """What a row is trained in: which examples and labels are seen.

    Attributes:
        protocol: `label-disjoint`, or `example-disjoint`, whose models `streaming` shares.
        seed: of the label split.
        hold_out: keep a part of the training rows for validation.
        sizes: of the label split, where they are not the usual ones.
    """

    protocol: Protocol
    seed: int
    hold_out: bool = False
    sizes: tuple[int, int, int] | None = None

    @property
    def name(self) -> str:
        """For file names."""
        sizes = "" if self.sizes is None else "-" + "-".join(map(str, self.sizes))
        return f"{self.protocol}-s{self.seed}{sizes}{'-validation' if self.hold_out else ''}"

    def options(self) -> dict[str, Any]:
        """What `load_config` takes."""
        return {
            "protocol": self.protocol,
            "seed": self.seed,
            "hold_out": self.hold_out,
            **({} if self.sizes is None else {"label_sizes": list(self.sizes)}),
        }


@dataclass(frozen=True)
class Job:
    """One row in one setting: its training, and every column it is measured in."""

    method: str
    setting: Setting
    protocols: tuple[Protocol, ...]
    raw: bool = False

    @property
    def name(self) -> str:
        """For file names and progress."""
        return f"{self.method}{'-raw' if self.raw else ''}-{self.setting.name}"

    @property
    def row(self) -> str:
        """Its row in the tables: the method, on raw x, or over SIN's split sizes."""
        return f"{self.method}{' (raw x)' if self.raw else ''}{' (SIN split)' if self.setting.sizes else ''}"

    @property
    def columns(self) -> list[str]:
        """The columns it is measured in."""
        return [column for protocol in self.protocols for column in columns_of(protocol)]


def column_name(protocol: str, ways: int, shots: int) -> str:
    """A column of the summary: a protocol, and the size of its tasks."""
    return f"{protocol} {ways}w{shots}s"


def columns_of(protocol: str) -> list[str]:
    """The four columns of a protocol."""
    return [column_name(protocol, ways, shots) for ways, shots in COLUMNS]


def trained_under(protocol: Protocol) -> Protocol:
    """The protocol whose training a protocol shares."""
    return "example-disjoint" if protocol == "streaming" else protocol
