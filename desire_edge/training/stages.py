"""What is done to a run: F is pre-trained, each fold's too, the head is meta-trained, thresholds are learned."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.files import write_json
from desire_edge.metrics import Estimate
from desire_edge.models import extract
from desire_edge.training.checkpoint import Stage
from desire_edge.training.classifier import Classifier
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream
from desire_edge.training.method import outer_loss, outer_step
from desire_edge.training.prepare import new_extractor
from desire_edge.training.pretrain import pretrain, pretrain_epoch
from desire_edge.training.run import Run
from desire_edge.training.scoring import score_tasks
from desire_edge.training.start import start_from_backbone
from desire_edge.training.thresholds import learn_thresholds

LEAST_LABELS = 3
"""That thresholds are learned from: of two, every example drawn carries one, and F1 is best if both always hold."""

Report = Callable[[Stage, int, int, float, float | None], None]
"""Called with stage, units done, units in all, the latest loss, and the latest validation AUC."""


def train(run: Run, report: Report) -> None:
    """Pre-train F, then meta-train the head, from wherever the run stands to its end."""
    train_extractors(run, report)
    if run.progress.stage != "done":
        z = extract(run.extractor, run.data.x)
        with one_thread():
            if run.progress.stage == "meta":
                _metatrain(run, z, report)
            _learn_thresholds(run, z)
    for fold in range(run.config.meta.folds):
        run.fold_path(fold).unlink(missing_ok=True)
    write_json(run.folder / "run.json", run.record())


def train_extractors(run: Run, report: Report) -> None:
    """Pre-train F, and each fold's, as far as the run has not."""
    if run.progress.stage == "pretrain":
        _pretrain(run, report)
    if run.progress.stage == "folds":
        _train_folds(run, report)


def _pretrain(run: Run, report: Report) -> None:
    if run.config.extractor.projection == "identity":
        start_from_backbone(run)
        run.pretrained("meta")
        return
    config, x, rows = run.config.extractor, run.data.x, run.data.rows.train
    targets = torch.from_numpy(run.data.dataset.targets[np.ix_(rows, run.data.split.base)]).to(run.device)
    optimizer = run.classifier.optimizer(config)
    run.restore_optimizer(optimizer)
    clock = time.perf_counter()
    for epoch in range(run.progress.finished, config.epochs):
        loss = pretrain_epoch(
            run.classifier, optimizer, x, rows, targets, config, epoch=epoch, seed=run.config.seed
        )
        clock = _tick(run, clock)
        run.progress.finished = epoch + 1
        run.progress.history.append({"stage": "pretrain", "finished": epoch + 1, "loss": loss})
        report("pretrain", epoch + 1, config.epochs, loss, None)
        if epoch + 1 == config.epochs:
            run.pretrained("folds" if run.config.meta.folds else "meta")
        else:
            run.save(optimizer)


def _train_folds(run: Run, report: Report) -> None:
    """Train each fold's F, on the labels and rows the fold does not hold, and keep the features of all rows."""
    data, config = run.data, run.config
    clock = time.perf_counter()
    for index, fold in enumerate(run.folds()):
        if index < run.progress.finished:
            continue
        seed = 1009 * (config.seed + 1) + index
        torch.manual_seed(seed)
        extractor = new_extractor(config.extractor, data)
        labels = data.split.base[~np.isin(data.split.base, fold.labels)]
        targets = torch.from_numpy(data.dataset.targets[np.ix_(fold.rows, labels)])
        w = torch.from_numpy(data.w[:, labels])
        classifier = Classifier(extractor, w, targets, bias=config.extractor.label_bias).to(run.device)
        losses = pretrain(classifier, data.x, fold.rows, targets.to(run.device), config.extractor, seed=seed)
        run.save_fold(index, extract(extractor, data.x))
        clock = _tick(run, clock)
        run.progress.finished = index + 1
        run.progress.history.append({"stage": "folds", "finished": index + 1, "loss": losses[-1]})
        if index + 1 == config.meta.folds:
            run.progress.stage, run.progress.finished = "meta", 0
        run.save()
        report("folds", index + 1, config.meta.folds, losses[-1], None)


def _metatrain(run: Run, z: Tensor, report: Report) -> None:
    config, data = run.config.meta, run.data
    batcher = EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)
    stream = EpisodeStream(
        data.dataset.targets,
        data.split.base,
        data.rows.train,
        batcher,
        config,
        run.config.seed,
        [(fold, run.load_fold(index)) for index, fold in enumerate(run.folds())],
    )
    optimizer = run.learner.optimizer(config)
    run.restore_optimizer(optimizer)
    auc: float | None = None
    losses: list[float] = []
    clock = time.perf_counter()
    for index in range(run.progress.finished, config.batches):
        try:
            batch = stream.batch(index)
            loss = outer_loss(run.learner(batch), batch, config)
            progress = index / config.batches
            losses.append(outer_step(optimizer, loss, clip=config.gradient_clip, progress=progress))
        except FloatingPointError as error:
            raise DesireEdgeError(
                f"meta-training diverged at batch {index}: {error}; "
                "lower meta.learning_rate or meta.step_size and train again"
            ) from error
        done = index + 1
        if done % run.config.validate_every == 0 or done == config.batches:
            auc = validate(run, batcher)
            clock = _tick(run, clock)
            run.progress.finished = done
            run.progress.history.append(
                {"stage": "meta", "finished": done, "loss": float(np.mean(losses)), "validation_auc": auc}
            )
            losses_mean, losses = float(np.mean(losses)), []
            if done == config.batches:
                run.progress.stage, run.progress.finished = "thresholds", 0
            run.save(None if done == config.batches else optimizer)
            report("meta", done, config.batches, losses_mean, auc)
        elif done % 10 == 0:
            report("meta", done, config.batches, float(np.mean(losses)), auc)


def _learn_thresholds(run: Run, z: Tensor) -> None:
    """Decision thresholds, from tasks over the validation labels on the rows that training sees."""
    data, config = run.data, run.config.meta
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
        if len(data.split.validation) < LEAST_LABELS:
            raise DesireEdgeError(
                f"{len(data.split.validation)} of them, and at least {LEAST_LABELS} are needed"
            )
        learn_thresholds(
            run.learner,
            EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base),
            sampler,
            ways=(ways[0], ways[1]),
            shots=config.shots,
            episodes=config.episodes,
            known_labels=config.known_labels > 0,
            seed=run.config.seed,
        )
    except DesireEdgeError as error:
        warnings.warn(
            f"the validation labels are too few to learn thresholds from, so these stay at 0.5 ({error})",
            stacklevel=2,
        )
    _tick(run, clock)
    run.progress.stage = "done"
    run.save()


def _tick(run: Run, clock: float) -> float:
    now = time.perf_counter()
    run.progress.seconds += now - clock
    return now


def validate(run: Run, batcher: EpisodeBatcher) -> float | None:
    """Micro AUC on the validation labels, 5-way 1-shot, the same tasks every time; None where it is undefined.

    Without `hold_out` the tasks' rows are those F was trained on, so the figure is optimistic: it shows that
    training goes on, and no setting is chosen by it.
    """
    rows, labels = run.data.rows, run.data.split.validation
    sampler = EpisodeSampler(
        run.data.dataset.targets,
        labels,
        rows.support,
        rows.query if run.config.hold_out else rows.train,
        ways=min(5, len(labels)),
        shots=1,
        eligible_only=False,
    )
    rng = np.random.default_rng(run.config.seed)
    scores = score_tasks(run.learner, batcher, sampler, tasks=run.config.validation_tasks, rng=rng)
    estimate = Estimate.of(scores.micro_auc)
    return estimate.mean if estimate.tasks else None
