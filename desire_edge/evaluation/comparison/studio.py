"""What all methods of a comparison share: data, label vectors, splits, and the features of one frozen F a world."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from desire_edge.baselines import plain_classifier
from desire_edge.data import Dataset, EpisodeSampler, Protocol, load_dataset, protocol_rows, split_labels
from desire_edge.evaluation.comparison.parts import json_part, tensor_part
from desire_edge.evaluation.comparison.plan import Plan, World
from desire_edge.evaluation.comparison.tasks import task_sampler
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.sources import open_source
from desire_edge.models import extract
from desire_edge.training.classifier import Classifier
from desire_edge.training.config import TrainConfig, load_config
from desire_edge.training.method import Features
from desire_edge.training.prepare import Prepared, new_extractor, prepare
from desire_edge.training.pretrain import pretrain


class Studio:
    """Opens what is shared, and makes it where it is missing."""

    def __init__(self, folder: Path, plan: Plan, data_dir: Path | None = None) -> None:
        self.folder, self.plan, self.data_dir = folder, plan, data_dir
        self._prepared: dict[World, Prepared] = {}

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read once."""
        return load_dataset(self.plan.data, self.data_dir)

    def config(self, world: World) -> TrainConfig:
        """The settings of F, the same for every method of the table but the best recipe, which has its own.

        The paper's, and a learned bias a base label, which is good for all.
        """
        overrides = ["extractor.label_bias=true", *self.plan.budget.overrides]
        return load_config(None, overrides, {"data": self.plan.data, **world.settings()}, recipe="paper")

    def prepared(self, world: World) -> Prepared:
        """Rows, splits and label vectors of a world."""
        if world not in self._prepared:
            config = self.config(world)
            self._prepared[world] = prepare(config, self.dataset, self._lexicon(world, config))
        return self._prepared[world]

    def _lexicon(self, world: World, config: TrainConfig) -> Lexicon:
        path = self.folder / "lexicons" / f"{world.name}.safetensors"

        def make() -> str:
            split = split_labels(len(self.dataset.labels), world.seed, world.sizes)
            build_lexicon(
                [open_source(spec) for spec in config.lexicon.sources],
                path,
                max_bytes=int(config.lexicon.max_mb * 1e6),
                words=config.lexicon.words,
                keep=[self.dataset.labels[index] for index in split.base],
            )
            return path.name

        made_with = path.with_suffix(".json")
        if not path.is_file():
            made_with.unlink(missing_ok=True)
        json_part(made_with, config.model_dump(mode="json", include={"data", "lexicon"}), make)
        return Lexicon.open(path)

    def sampler(
        self, world: World, protocol: Protocol, ways: int, shots: int, *, novel: bool = True
    ) -> EpisodeSampler:
        """The tasks of a column in a world, over its novel labels or those for validation."""
        data = self.prepared(world)
        rows = protocol_rows(data.dataset, protocol, hold_out=world.hold_out, seed=world.seed)
        labels = data.split.novel if novel else data.split.validation
        return task_sampler(data.dataset.targets, labels, rows, ways, shots)

    def features(self, world: World, kind: Features) -> Tensor:
        """Features [rows, …] of all rows: "semantic" z, "plain" z (F pre-trained without word vectors), or "raw" x."""
        data, config = self.prepared(world), self.config(world)
        if kind == "raw":
            return torch.from_numpy(data.x)

        def make() -> tuple[dict[str, Tensor], dict[str, float]]:
            started = time.perf_counter()
            base, rows = data.split.base, data.rows.train
            targets = torch.from_numpy(data.dataset.targets[np.ix_(rows, base)])
            torch.manual_seed(world.seed)
            extractor = new_extractor(config.extractor, data)
            bias = config.extractor.label_bias
            if kind == "plain":
                classifier = plain_classifier(extractor, targets, bias=bias, seed=world.seed)
            else:
                classifier = Classifier(extractor, torch.from_numpy(data.w[:, base]), targets, bias=bias)
            losses = pretrain(classifier, data.x, rows, targets, config.extractor, seed=world.seed)
            return {"z": extract(extractor, data.x)}, {
                "loss": losses[-1],
                "seconds": time.perf_counter() - started,
            }

        settings = config.model_dump(mode="json", include={"data", "lexicon", "text", "extractor"})
        path = self.folder / "features" / f"{world.name}-{kind}.safetensors"
        return tensor_part(path, {**settings, "kind": kind}, make)[0]["z"]
