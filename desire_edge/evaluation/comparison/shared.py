"""What all methods of a comparison share: data, label vectors, splits, and the features of one frozen F a setting."""

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
from desire_edge.evaluation.comparison.plan import Plan, Setting
from desire_edge.evaluation.comparison.tasks import task_sampler
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import make_lexicon
from desire_edge.lexicon.sources import DEFAULT_SOURCES
from desire_edge.models import extract
from desire_edge.training.classifier import Classifier
from desire_edge.training.config import TrainConfig
from desire_edge.training.method import Features
from desire_edge.training.prepare import Prepared, new_extractor, prepare
from desire_edge.training.pretrain import pretrain


class SharedData:
    """What is shared, opened; and made where it is missing."""

    def __init__(self, folder: Path, plan: Plan, data_dir: Path | None = None) -> None:
        self.folder, self.plan, self.data_dir = folder, plan, data_dir
        self._prepared: dict[Setting, Prepared] = {}

    @cached_property
    def dataset(self) -> Dataset:
        """The data set, read once."""
        return load_dataset(self.plan.data, self.data_dir)

    def prepared(self, setting: Setting) -> Prepared:
        """Rows, splits and label vectors of a setting."""
        if setting not in self._prepared:
            config = self.plan.extractor_config(setting)
            self._prepared[setting] = prepare(config, self.dataset, self._lexicon(setting, config))
        return self._prepared[setting]

    def _lexicon(self, setting: Setting, config: TrainConfig) -> Lexicon:
        path = self.folder / "lexicons" / f"{setting.name}.safetensors"

        def make() -> str:
            split = split_labels(len(self.dataset.labels), setting.seed, setting.sizes)
            make_lexicon(
                config.lexicon.sources or DEFAULT_SOURCES,
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
        self, setting: Setting, protocol: Protocol, ways: int, shots: int, *, novel: bool = True
    ) -> EpisodeSampler:
        """The tasks of a column in a setting, over its novel labels or those for validation."""
        data = self.prepared(setting)
        rows = protocol_rows(data.dataset, protocol, hold_out=setting.hold_out, seed=setting.seed)
        labels = data.split.novel if novel else data.split.validation
        return task_sampler(data.dataset.targets, labels, rows, ways, shots)

    def features(self, setting: Setting, kind: Features) -> Tensor:
        """Features [rows, …] of all rows: "semantic" z, "plain" z (F pre-trained without word vectors), or "raw" x."""
        data, config = self.prepared(setting), self.plan.extractor_config(setting)
        if kind == "raw":
            return torch.from_numpy(data.x)

        def make() -> tuple[dict[str, Tensor], dict[str, float]]:
            started = time.perf_counter()
            base, rows = data.split.base, data.rows.train
            targets = torch.from_numpy(data.dataset.targets[np.ix_(rows, base)])
            torch.manual_seed(setting.seed)
            extractor = new_extractor(config, data)
            bias = config.extractor.label_bias
            if kind == "plain":
                classifier = plain_classifier(extractor, targets, bias=bias, seed=setting.seed)
            else:
                classifier = Classifier(extractor, torch.from_numpy(data.w[:, base]), targets, bias=bias)
            losses = pretrain(classifier, data.x, rows, targets, config.extractor, seed=setting.seed)
            return {"z": extract(extractor, data.x)}, {
                "loss": losses[-1],
                "seconds": time.perf_counter() - started,
            }

        settings = config.model_dump(mode="json", include={"data", "lexicon", "text", "extractor"})
        path = self.folder / "features" / f"{setting.name}-{kind}.safetensors"
        return tensor_part(path, {**settings, "kind": kind}, make)[0]["z"]
