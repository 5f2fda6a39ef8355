"""A training run from data set to finished model, in a folder that a killed run resumes from exactly.

The folder holds `config.json`, `lexicon.safetensors`, `checkpoint.safetensors` (weights and, until the run is finished,
the optimiser's state; its JSON metadata says how far the run is) and `run.json` for people.
"""

from __future__ import annotations

import platform
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from desire_edge.data import Dataset, EpisodeSampler, lasting_source, load_dataset, split_labels
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path, read_json, write_json
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.sources import open_source
from desire_edge.metrics import Estimate
from desire_edge.models import Extractor, extract
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
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold, folds_of
from desire_edge.training.metatrain import EpisodeStream, MetaLearner, check_episodes, meta_step
from desire_edge.training.prepare import Prepared, lexicon_path, new_extractor, prepare, protocol_rows_of
from desire_edge.training.pretrain import pretrain, pretrain_epoch
from desire_edge.training.scoring import score_tasks
from desire_edge.training.thresholds import learn_thresholds

Report = Callable[[Stage, int, int, float, float | None], None]
"""Called with stage, units done, units in all, the latest loss, and the latest validation AUC."""


@dataclass
class Run:
    """A run opened in its folder: configuration, data, and the modules as they stand."""

    folder: Path
    config: TrainConfig
    data: Prepared
    lexicon: Lexicon
    classifier: Classifier
    learner: MetaLearner
    progress: Progress
    device: torch.device
    saved_optimizer: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def create(
        cls, folder: Path, config: TrainConfig, device: torch.device, data_dir: Path | None = None
    ) -> Run:
        """Start a new run in `folder`, which must not hold one yet. Builds the run's lexicon."""
        if (folder / "config.json").exists():
            raise DesireEdgeError(
                f"{folder} already holds a run; continue it with --resume {folder}, or choose another --out"
            )
        dataset = load_dataset(config.data, data_dir)
        # The run stays with the data it began with.
        config = config.model_copy(update={"data": lasting_source(config.data, dataset)})
        split = split_labels(len(dataset.labels), config.seed, config.label_sizes)
        rows = protocol_rows_of(config, dataset).train
        check_episodes(dataset.targets, split.base, rows, rows, config.meta)
        config = _with_folds_that_fit(config, dataset, split.base, rows)
        sources = [open_source(spec) for spec in config.lexicon.sources]
        build_lexicon(
            sources,
            lexicon_path(folder),
            max_bytes=int(config.lexicon.max_mb * 1e6),
            words=config.lexicon.words,
            keep=[dataset.labels[index] for index in split.base],  # novel names are met as on a device
        )
        write_json(folder / "data.json", {"source": dataset.source})
        write_json(folder / "config.json", config.model_dump(mode="json"))
        return cls._assemble(folder, config, dataset, Progress(), device)

    @classmethod
    def open(cls, folder: Path, device: torch.device, data_dir: Path | None = None) -> Run:
        """Open the run in `folder` where it stands, finished or not."""
        if not (folder / "config.json").is_file():
            raise DesireEdgeError(
                f"{folder} holds no training run (no config.json); train one with `desire-edge train`"
            )
        config = parse_config(read_json(folder / "config.json"), str(folder / "config.json"))
        dataset = load_dataset(config.data, data_dir)
        if read_json(folder / "data.json") != {"source": dataset.source}:
            raise DesireEdgeError(
                f"the data of the run {folder} have changed since it began ({dataset.source}); "
                "put the old ones back, or train a new run"
            )
        run = cls._assemble(folder, config, dataset, Progress(), device)
        if run.checkpoint_path.exists():
            run._restore()
        return run

    @classmethod
    def _assemble(
        cls, folder: Path, config: TrainConfig, dataset: Dataset, progress: Progress, device: torch.device
    ) -> Run:
        lexicon = Lexicon.open(lexicon_path(folder))
        data = prepare(config, dataset, lexicon)
        torch.manual_seed(config.seed)
        extractor = new_extractor(config.extractor, data)
        w_base = torch.from_numpy(data.w[:, data.split.base])
        targets = torch.from_numpy(dataset.targets[np.ix_(data.rows.train, data.split.base)])
        learner = MetaLearner(w_base, config.meta)
        learned = config.extractor.label_weights == "learned"
        weights = torch.nn.Parameter(w_base.clone()) if learned else w_base
        classifier = Classifier(extractor, weights, targets, bias=config.extractor.label_bias)
        return cls(folder, config, data, lexicon, classifier.to(device), learner.to(device), progress, device)

    @property
    def extractor(self) -> Extractor:
        """F."""
        return self.classifier.extractor

    @property
    def checkpoint_path(self) -> Path:
        """Where the weights are."""
        return self.folder / "checkpoint.safetensors"

    def train(self, report: Report) -> None:
        """Pre-train F, then meta-train the head, from wherever the run stands to its end."""
        self.train_extractors(report)
        if self.progress.stage != "done":
            z = extract(self.extractor, self.data.x)
            with one_thread():
                if self.progress.stage == "meta":
                    self._metatrain(z, report)
                self._learn_thresholds(z)
        for fold in range(self.config.meta.folds):
            self.fold_path(fold).unlink(missing_ok=True)
        write_json(self.folder / "run.json", self.record())

    def train_extractors(self, report: Report) -> None:
        """Pre-train F, and each fold's, as far as the run has not."""
        if self.progress.stage == "pretrain":
            self._pretrain(report)
        if self.progress.stage == "folds":
            self._train_folds(report)

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
        self._pretrained("meta")

    def _pretrained(self, stage: Stage) -> None:
        self.learner.head.w_base.copy_(self.classifier.weights.detach())
        self.progress.stage, self.progress.finished = stage, 0
        self._save(None)

    def _pretrain(self, report: Report) -> None:
        config, x, rows = self.config.extractor, self.data.x, self.data.rows.train
        targets = torch.from_numpy(self.data.dataset.targets[np.ix_(rows, self.data.split.base)]).to(
            self.device
        )
        optimizer = self.classifier.optimizer(config)
        self._restore_optimizer(optimizer)
        clock = time.perf_counter()
        for epoch in range(self.progress.finished, config.epochs):
            loss = pretrain_epoch(
                self.classifier, optimizer, x, rows, targets, config, epoch=epoch, seed=self.config.seed
            )
            clock = self._tick(clock)
            self.progress.finished = epoch + 1
            self.progress.history.append({"stage": "pretrain", "finished": epoch + 1, "loss": loss})
            report("pretrain", epoch + 1, config.epochs, loss, None)
            if epoch + 1 == config.epochs:
                self._pretrained("folds" if self.config.meta.folds else "meta")
            else:
                self._save(optimizer)

    def fold_path(self, fold: int) -> Path:
        """Where the features of that fold's F are until the run is finished."""
        return self.folder / f"fold-{fold}.safetensors"

    def folds(self) -> tuple[Fold, ...]:
        """The folds of cross-fitting; empty where there is none."""
        return folds_of(self.config, self.data.split.base, self.data.rows.train)

    def _train_folds(self, report: Report) -> None:
        """Train each fold's F, on the labels and rows the fold does not hold, and keep the features of all rows."""
        data, config = self.data, self.config
        clock = time.perf_counter()
        for index, fold in enumerate(self.folds()):
            if index < self.progress.finished:
                continue
            seed = 1009 * (config.seed + 1) + index
            torch.manual_seed(seed)
            extractor = new_extractor(config.extractor, data)
            labels = data.split.base[~np.isin(data.split.base, fold.labels)]
            targets = torch.from_numpy(data.dataset.targets[np.ix_(fold.rows, labels)])
            w = torch.from_numpy(data.w[:, labels])
            classifier = Classifier(extractor, w, targets, bias=config.extractor.label_bias).to(self.device)
            losses = pretrain(
                classifier, data.x, fold.rows, targets.to(self.device), config.extractor, seed=seed
            )
            with atomic_path(self.fold_path(index)) as path:
                save_file({"z": extract(extractor, data.x).cpu()}, path)
            clock = self._tick(clock)
            self.progress.finished = index + 1
            self.progress.history.append({"stage": "folds", "finished": index + 1, "loss": losses[-1]})
            if index + 1 == config.meta.folds:
                self.progress.stage, self.progress.finished = "meta", 0
            self._save(None)
            report("folds", index + 1, config.meta.folds, losses[-1], None)

    def _metatrain(self, z: Tensor, report: Report) -> None:
        config, data = self.config.meta, self.data
        batcher = EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)
        stream = EpisodeStream(
            data.dataset.targets,
            data.split.base,
            data.rows.train,
            batcher,
            config,
            self.config.seed,
            [(fold, self._fold_features(index)) for index, fold in enumerate(self.folds())],
        )
        optimizer = self.learner.optimizer(config)
        self._restore_optimizer(optimizer)
        auc: float | None = None
        losses: list[float] = []
        clock = time.perf_counter()
        for index in range(self.progress.finished, config.batches):
            try:
                losses.append(
                    meta_step(self.learner, optimizer, stream.batch(index), config, index / config.batches)
                )
            except FloatingPointError as error:
                raise DesireEdgeError(
                    f"meta-training diverged at batch {index}: {error}; "
                    "lower meta.learning_rate or meta.step_size and train again"
                ) from error
            done = index + 1
            if done % self.config.validate_every == 0 or done == config.batches:
                auc = self.validate(batcher)
                clock = self._tick(clock)
                self.progress.finished = done
                self.progress.history.append(
                    {"stage": "meta", "finished": done, "loss": float(np.mean(losses)), "validation_auc": auc}
                )
                losses_mean, losses = float(np.mean(losses)), []
                if done == config.batches:
                    self.progress.stage, self.progress.finished = "thresholds", 0
                self._save(None if done == config.batches else optimizer)
                report("meta", done, config.batches, losses_mean, auc)
            elif done % 10 == 0:
                report("meta", done, config.batches, float(np.mean(losses)), auc)

    def _learn_thresholds(self, z: Tensor) -> None:
        """Decision thresholds, from tasks over the validation labels on the rows that training sees."""
        data, config = self.data, self.config.meta
        clock = time.perf_counter()

        @cache
        def sampler(ways: int, shots: int) -> EpisodeSampler:
            return EpisodeSampler(
                data.dataset.targets,
                data.split.validation,
                data.rows.train,
                data.rows.train,
                ways=ways,
                shots=shots,
                queries=config.queries,
            )

        # At least two: all examples drawn for one label carry it.
        ways = tuple(max(2, min(number, len(data.split.validation))) for number in config.ways)
        try:
            learn_thresholds(
                self.learner,
                EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base),
                sampler,
                ways=(ways[0], ways[1]),
                shots=config.shots,
                episodes=config.episodes,
                known_labels=config.known_labels > 0,
                seed=self.config.seed,
            )
        except DesireEdgeError as error:
            warnings.warn(
                f"the validation labels are too few to learn thresholds from, so these stay at 0.5 ({error})",
                stacklevel=2,
            )
        self._tick(clock)
        self.progress.stage = "done"
        self._save(None)

    def _fold_features(self, fold: int) -> Tensor:
        path = self.fold_path(fold)
        try:
            return load_file(path)["z"].to(self.device)
        except (OSError, SafetensorError, KeyError) as error:
            raise DesireEdgeError(f"{path} cannot be read ({error}); train the run again") from error

    def _tick(self, clock: float) -> float:
        now = time.perf_counter()
        self.progress.seconds += now - clock
        return now

    def validate(self, batcher: EpisodeBatcher) -> float | None:
        """Micro AUC on the validation labels, 5-way 1-shot, the same tasks every time; None where it is undefined.

        Without `hold_out` the tasks' rows are those F was trained on, so the figure is optimistic: it shows that
        training goes on, and no setting is chosen by it.
        """
        rows, labels = self.data.rows, self.data.split.validation
        sampler = EpisodeSampler(
            self.data.dataset.targets,
            labels,
            rows.support,
            rows.query if self.config.hold_out else rows.train,
            ways=min(5, len(labels)),
            shots=1,
            eligible_only=False,
        )
        rng = np.random.default_rng(self.config.seed)
        scores = score_tasks(self.learner, batcher, sampler, tasks=self.config.validation_tasks, rng=rng)
        estimate = Estimate.of(scores.micro_auc)
        return estimate.mean if estimate.tasks else None

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
            "protocol": self.config.protocol,
            "seed": self.config.seed,
            "train_seconds": round(self.progress.seconds, 1),
            "history": self.progress.history,
            "warnings": list(self.data.warnings),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": np.__version__,
            },
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {self.device.type}",
        }

    def _save(self, optimizer: torch.optim.Optimizer | None) -> None:
        tensors = {f"classifier.{name}": value for name, value in self.classifier.state_dict().items()}
        tensors |= {f"learner.{name}": value for name, value in self.learner.state_dict().items()}
        if optimizer is not None:
            tensors |= optimizer_tensors(optimizer)
        save_checkpoint(self.checkpoint_path, tensors, self.progress)

    def _restore(self) -> None:
        tensors, self.progress = load_checkpoint(self.checkpoint_path)
        try:
            for module, prefix in ((self.classifier, "classifier."), (self.learner, "learner.")):
                module.load_state_dict(
                    {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
                )
        except RuntimeError as error:
            raise DesireEdgeError(f"{self.checkpoint_path} does not fit its config.json: {error}") from error
        self.saved_optimizer = {name: t for name, t in tensors.items() if name.startswith("optimizer.")}

    def _restore_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Continue the optimiser of the stage a checkpoint was cut off in; a stage that begins starts afresh."""
        if self.progress.finished:
            restore_optimizer(optimizer, self.saved_optimizer)


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
