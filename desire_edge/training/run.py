"""A training run in its folder, from which a killed run resumes exactly. What is done to it stands in `stages`.

The folder holds `config.json`, `lexicon.safetensors`, `backbone/` and `features.safetensors` (of a frozen stage),
`checkpoint.safetensors` (weights and, until the run is finished,
the optimiser's state; its JSON metadata says how far the run is) and `run.json` for people.
"""

from __future__ import annotations

import platform
import shutil
import warnings
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from desire_edge.data import Dataset, lasting_source
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path, read_json, write_json
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import make_lexicon
from desire_edge.models import Extractor, extract
from desire_edge.models.backbones.frozen import FrozenStage, Report
from desire_edge.models.backbones.stages import MLP, Build, build_stage
from desire_edge.training.checkpoint import (
    Progress,
    Stage,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from desire_edge.training.classifier import Classifier
from desire_edge.training.config import TrainConfig, parse_config
from desire_edge.training.episodes import EpisodeBatcher, check_episodes
from desire_edge.training.features import hashed_words, stage_features
from desire_edge.training.folds import Fold, folds_of
from desire_edge.training.learner import Learner, MetaLearner
from desire_edge.training.prepare import (
    Prepared,
    label_split_of,
    lexicon_path,
    load_data,
    new_extractor,
    prepare,
    protocol_rows_of,
    words_wanted,
)
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.settle import backbone_of, backbone_options, lexicon_sources, settled
from desire_edge.training.tune import CHECKPOINT, tuned, tuner

BACKBONE = "backbone"  # a run's folder of its frozen stage


@dataclass
class Run:
    """A run opened in its folder: configuration, data, and the modules as they stand."""

    folder: Path
    config: TrainConfig
    data: Prepared
    lexicon: Lexicon
    classifier: Classifier
    learner: Learner
    progress: Progress
    device: torch.device
    saved_optimizer: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def create(
        cls,
        folder: Path,
        config: TrainConfig,
        device: torch.device,
        data_dir: Path | None = None,
        report: Report | None = None,
        build: Build = build_stage,
        tuning: Report | None = None,
    ) -> Run:
        """Start a new run in `folder`, which must not hold one yet. Builds the run's lexicon and its frozen stage.

        `report` is called while the stage's features of all rows are computed; `build` makes the stage; `tuning` is
        called while a backbone is tuned.
        """
        if (folder / "config.json").exists():
            raise DesireEdgeError(
                f"{folder} already holds a run; continue it with --resume {folder}, or choose another --out"
            )
        dataset = load_data(config, data_dir)
        # The run stays with the data it began with.
        lasting = {"data": lasting_source(config.data, dataset)}
        if config.test is not None:
            lasting["test"] = str(Path(config.test).absolute())
        config = config.model_copy(update=lasting)
        split = label_split_of(config, dataset)
        rows = protocol_rows_of(config, dataset).train
        if config.head == "paper":
            config = _with_ways_that_fit(config, dataset, split.base, rows)
        sources = lexicon_sources(config, dataset)
        config = config.model_copy(update={"lexicon": config.lexicon.model_copy(update={"sources": sources})})
        make_lexicon(
            sources,
            lexicon_path(folder),
            max_bytes=int(config.lexicon.max_mb * 1e6),
            words=config.lexicon.words,
            keep=[dataset.labels[index] for index in split.base],  # novel names are met as on a device
        )
        try:
            name = backbone_of(config, dataset, lexicon_path(folder))
            options = backbone_options(config, dataset, lexicon_path(folder))
            if config.extractor.train_backbone:
                tune = tuner(
                    config.extractor,
                    dataset,
                    rows,
                    split.base,
                    folder,
                    seed=config.seed,
                    device=device,
                    report=tuning,
                )
                options = replace(options, tune=tune)
            stage = build(name, folder / BACKBONE, options)
            if stage is not None and config.extractor.train_backbone:
                stage = tuned(stage, config.extractor, dataset, split.base)
            config = settled(config, dataset, name, stage)
        except DesireEdgeError:
            shutil.rmtree(folder / BACKBONE, ignore_errors=True)
            lexicon_path(folder).unlink(missing_ok=True)
            raise
        config = _with_folds_that_fit(config, dataset, split.base, rows)
        if stage is not None:
            stage_features(stage, dataset, folder, report)
        write_json(folder / "data.json", {"source": dataset.source})
        write_json(folder / "config.json", config.model_dump(mode="json"))
        (folder / CHECKPOINT).unlink(missing_ok=True)
        return cls._assemble(folder, config, dataset, Progress(), device)

    @classmethod
    def open(cls, folder: Path, device: torch.device, data_dir: Path | None = None) -> Run:
        """Open the run in `folder` where it stands, finished or not."""
        if not (folder / "config.json").is_file():
            raise DesireEdgeError(
                f"{folder} holds no training run (no config.json); train one with `desire-edge train`"
            )
        settings = read_json(folder / "config.json")
        if isinstance(settings, dict):
            settings.setdefault("head", "paper")  # of a run that is older than the other
            settings.setdefault("words", "off")
        config = parse_config(settings, str(folder / "config.json"))
        dataset = load_data(config, data_dir)
        if read_json(folder / "data.json") != {"source": dataset.source}:
            raise DesireEdgeError(
                f"the data of the run {folder} have changed since it began ({dataset.source}); "
                "put the old ones back, or train a new run"
            )
        run = cls._assemble(folder, config, dataset, Progress(), device)
        if run.checkpoint_path.exists():
            run._restore()
        return run

    def drop_words(self) -> None:
        """Go on without words among the features; what was fitted to them is gone."""
        self.data = self.data.without_words()
        self.extractor.drop_words()
        self.learner = new_learner(self.config, self.data, self.extractor).to(self.device)

    @classmethod
    def _assemble(
        cls, folder: Path, config: TrainConfig, dataset: Dataset, progress: Progress, device: torch.device
    ) -> Run:
        lexicon = Lexicon.open(lexicon_path(folder))
        stage = None if config.extractor.backbone in ("auto", MLP) else FrozenStage.load(folder / BACKBONE)
        features = None if stage is None else stage_features(stage, dataset, folder)
        hashed = hashed_words(stage, dataset, folder) if stage is not None and words_wanted(config) else None
        data = prepare(config, dataset, lexicon, stage, features, hashed)
        torch.manual_seed(config.seed)
        extractor = new_extractor(config, data)
        w_base = torch.from_numpy(data.w[:, data.split.base])
        targets = torch.from_numpy(dataset.targets[np.ix_(data.rows.train, data.split.base)])
        learner = new_learner(config, data, extractor)
        learned = config.extractor.label_weights == "learned"
        weights = torch.nn.Parameter(w_base.clone()) if learned else w_base
        classifier = Classifier(extractor, weights, targets, bias=config.extractor.label_bias)
        return cls(folder, config, data, lexicon, classifier.to(device), learner.to(device), progress, device)

    @property
    def extractor(self) -> Extractor:
        """F."""
        return self.classifier.extractor

    @property
    def meta_learner(self) -> MetaLearner:
        """The paper's head.

        Raises:
            DesireEdgeError: the run has another.
        """
        if not isinstance(self.learner, MetaLearner):
            raise DesireEdgeError(
                f"the run {self.folder} has the head {self.config.head}; this needs the paper's (--recipe best)"
            )
        return self.learner

    @property
    def checkpoint_path(self) -> Path:
        """Where the weights are."""
        return self.folder / "checkpoint.safetensors"

    def adopt_extractors(self, other: Run) -> None:
        """Take F, and the folds' features, from `other` in place of training them: the result is the same.

        Raises:
            DesireEdgeError: its settings differ in more than `meta`, or it has no such F or folds (any more).
        """
        folds = self.config.meta.folds
        alike = other.config.model_copy(update={"meta": self.config.meta}) == self.config
        if not alike or folds not in (0, other.config.meta.folds):
            raise DesireEdgeError(f"{self.folder} asks for another F than {other.folder} has")
        if other.progress.stage in ("pretrain", "folds") or not all(
            other.fold_path(fold).is_file() for fold in range(folds)
        ):
            raise DesireEdgeError(f"{other.folder} has not trained its F, or no longer has its folds")
        for fold in range(folds):
            with atomic_path(self.fold_path(fold)) as path:
                shutil.copyfile(other.fold_path(fold), path)
        self.classifier.load_state_dict(other.classifier.state_dict())
        self.pretrained("meta")

    def pretrained(self, stage: Stage) -> None:
        """F is trained, and `stage` is next: give the paper's head the W_base that F was trained with."""
        if isinstance(self.learner, MetaLearner):
            self.learner.head.w_base.copy_(self.classifier.weights.detach())
        self.progress.stage, self.progress.finished = stage, 0
        self.save()

    def batcher(self, z: Tensor | None = None) -> EpisodeBatcher:
        """What makes tensors of the run's tasks, of features z [rows, d]: by default those of its F."""
        data = self.data
        z = extract(self.extractor, data.x) if z is None else z
        return EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)

    def fold_path(self, fold: int) -> Path:
        """Where the features of that fold's F are until the run is finished."""
        return self.folder / f"fold-{fold}.safetensors"

    def folds(self) -> tuple[Fold, ...]:
        """The folds of cross-fitting; empty where there is none."""
        return folds_of(self.config, self.data.split.base, self.data.rows.train)

    def save_fold(self, fold: int, z: Tensor) -> None:
        """Keep the features [rows, d] that a fold's F makes of all rows."""
        with atomic_path(self.fold_path(fold)) as path:
            save_file({"z": z.cpu()}, path)

    def load_fold(self, fold: int) -> Tensor:
        """What `save_fold` kept, on the run's device."""
        path = self.fold_path(fold)
        try:
            return load_file(path)["z"].to(self.device)
        except (OSError, SafetensorError, KeyError) as error:
            raise DesireEdgeError(f"{path} cannot be read ({error}); train the run again") from error

    def require_finished(self) -> None:
        """Raise a `DesireEdgeError` unless the run is finished."""
        if self.progress.stage != "done":
            raise DesireEdgeError(
                f"the run {self.folder} is not finished; finish it with `desire-edge train --resume {self.folder}`"
            )

    def record(self) -> dict[str, Any]:
        """What happened, for people and for the bundle's manifest."""
        return {
            "dataset": self.data.dataset.name,
            "source": self.data.dataset.source,
            **({} if (licence := self.data.dataset.licence) is None else {"data_licence": licence}),
            "protocol": self.config.protocol,
            "seed": self.config.seed,
            "train_seconds": round(self.progress.seconds, 1),
            "history": self.progress.history,
            "warnings": list(self.data.warnings),
            "backbone": None
            if self.data.stage is None
            else {
                "name": self.data.stage.name,
                "parts": [asdict(part) for part in self.data.stage.lineage],
            },
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {self.device.type}",
        }

    def save(self, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Write the checkpoint: weights, progress and, within a stage, the optimiser's state."""
        tensors = {f"classifier.{name}": value for name, value in self.classifier.state_dict().items()}
        tensors |= {f"learner.{name}": value for name, value in self.learner.state_dict().items()}
        if optimizer is not None:
            tensors |= optimizer_tensors(optimizer)
        save_checkpoint(self.checkpoint_path, tensors, self.progress)

    def _restore(self) -> None:
        tensors, self.progress = load_checkpoint(self.checkpoint_path)
        if self.extractor.words and "classifier.extractor.idf" not in tensors:
            self.drop_words()
        name_map = tensors.get("learner.name_map")
        if isinstance(self.learner, PriorLearner) and self.learner.name_map is None and name_map is not None:
            self.learner.name_map = torch.zeros_like(name_map, device=self.device)  # the identity no more
        try:
            for module, prefix in ((self.classifier, "classifier."), (self.learner, "learner.")):
                module.load_state_dict(
                    {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
                )
        except RuntimeError as error:
            raise DesireEdgeError(f"{self.checkpoint_path} does not fit its config.json: {error}") from error
        self.saved_optimizer = {name: t for name, t in tensors.items() if name.startswith("optimizer.")}

    def restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Continue the optimiser of the stage a checkpoint was cut off in; a stage that begins starts afresh."""
        if self.progress.finished:
            restore_optimizer(optimizer, self.saved_optimizer)


def new_learner(config: TrainConfig, data: Prepared, extractor: Extractor) -> Learner:
    """The head before training, for the features of `extractor`."""
    if config.head == "paper":
        return MetaLearner(torch.from_numpy(data.w[:, data.split.base]), config.meta)
    shared = data.shared_space and config.extractor.projection == "identity"
    sizes = extractor.dimension, len(data.w), len(data.split.base)
    return PriorLearner(*sizes, shared_space=shared, words=extractor.words)


def _with_ways_that_fit(
    config: TrainConfig, dataset: Dataset, base: NDArray[np.int64], rows: NDArray[np.int64]
) -> TrainConfig:
    """`config`, where no ways were asked for with as many as the base labels give, and a warning if these are fewer."""
    low, high = config.meta.ways
    fewest = high if "ways" in config.meta.model_fields_set else low
    for ways in range(high, fewest - 1, -1):
        fitting = config.meta.model_copy(update={"ways": (low, ways)})
        try:
            check_episodes(dataset.targets, base, rows, rows, fitting)
        except DesireEdgeError:
            continue
        if ways == high:
            return config
        warnings.warn(
            f"{len(base)} base labels do not give training episodes of {high} ways, so they have at most {ways} "
            f"(meta.ways=[{low}, {ways}])",
            stacklevel=3,
        )
        return config.model_copy(update={"meta": fitting})
    check_episodes(dataset.targets, base, rows, rows, config.meta)  # says what is wrong
    return config


def _with_folds_that_fit(
    config: TrainConfig, dataset: Dataset, base: NDArray[np.int64], rows: NDArray[np.int64]
) -> TrainConfig:
    """`config`, without cross-fitting and with a warning where the data are too few to draw episodes from a fold."""
    for fold in folds_of(config, base, rows):
        try:
            check_episodes(dataset.targets, fold.labels, fold.rows, fold.queries, config.meta)
        except DesireEdgeError:
            warnings.warn(
                f"{len(base)} base labels and {len(rows)} rows are too few to cross-fit in {config.meta.folds} folds, "
                "so the head is trained without (meta.folds=0)",
                stacklevel=3,
            )
            return config.model_copy(update={"meta": config.meta.model_copy(update={"folds": 0})})
    return config
