"""What is done to a run: F is pre-trained, each fold's too, the head is meta-trained, thresholds are learned."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from desire_edge.coverage import Coverage
from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.files import write_json
from desire_edge.metrics import Estimate
from desire_edge.models import centred, extract, parts_of
from desire_edge.training.checkpoint import Stage
from desire_edge.training.classifier import Classifier
from desire_edge.training.coverage import state_coverage
from desire_edge.training.device import one_thread
from desire_edge.training.episodes import EpisodeBatcher, EpisodeStream
from desire_edge.training.folds import Fold, split_folds
from desire_edge.training.method import outer_loss, outer_step
from desire_edge.training.prepare import new_extractor
from desire_edge.training.pretrain import pretrain, pretrain_epoch
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.maps import learn_maps
from desire_edge.training.prior.trust import FOLDS, learn_trust
from desire_edge.training.prior.words import gain_of_words
from desire_edge.training.run import Run
from desire_edge.training.scoring import score_tasks
from desire_edge.training.start import start_from_backbone
from desire_edge.training.thresholds import learn_thresholds
from desire_edge.training.views import View, view_of

LEAST_LABELS = 3
"""That thresholds are learned from: of two, every example drawn carries one, and F1 is best if both always hold."""

Report = Callable[[Stage, int, int, float, float | None], None]
"""Called with stage, units done, units in all, the latest loss, and the latest validation AUC."""


def train(run: Run, report: Report) -> None:
    """Pre-train F, then meta-train or fit the head, from wherever the run stands to its end."""
    train_extractors(run, report)
    if run.progress.stage == "fit":
        _centre(run)
    if run.progress.stage != "done":
        z = extract(run.extractor, run.data.x)
        with one_thread():
            if run.progress.stage == "fit" and run.extractor.words:
                z = _with_or_without_words(run, z)
            if run.progress.stage == "meta":
                _metatrain(run, z, report)
            elif run.progress.stage == "fit":
                _fit(run, z, report)
            if run.progress.stage == "maps":
                _learn_maps(run, z, report)
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
        if isinstance(run.learner, PriorLearner):
            run.pretrained("fit")
        else:
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
            run.pretrained("folds" if run.config.meta.folds else _after_extractors(run))
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
        extractor = new_extractor(config, data)
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
            run.progress.stage, run.progress.finished = _after_extractors(run), 0
        run.save()
        report("folds", index + 1, config.meta.folds, losses[-1], None)


def _after_extractors(run: Run) -> Stage:
    """The stage that comes when F is trained, and each fold's."""
    return "fit" if isinstance(run.learner, PriorLearner) else "meta"


@torch.no_grad()
def _centre(run: Run) -> None:
    """Set the centre of the extractor's features to their mean, at unit length, over the rows that training sees."""
    extractor = run.extractor.eval()
    assert extractor.centre is not None, "the head `prior` has centred features"
    extractor.centre.zero_()  # what is extracted then is at unit length, and not centred
    z = extract(extractor, run.data.x[run.data.rows.train])
    extractor.centre.copy_(_mean_unit(z, extractor.words))


def _with_or_without_words(run: Run, z: Tensor) -> Tensor:
    """Features [rows, d] from `z`, without words if they do not pay; the run goes on with these."""
    learner, data = run.learner, run.data
    assert isinstance(learner, PriorLearner), "words are features of the head `prior`"
    if run.config.words == "on":
        return z
    clock = time.perf_counter()
    gain = gain_of_words(
        learner,
        run.batcher(z),
        prior_folds(run, z),
        data.split.validation,
        seed=run.config.seed,
    )
    kept = gain is not None and gain.pays
    run.progress.history.append({"stage": "words", "kept": kept, **({} if gain is None else asdict(gain))})
    _tick(run, clock)
    if kept:
        return z
    run.drop_words()
    return extract(run.extractor, run.data.x)


def _fit(run: Run, z: Tensor, report: Report) -> None:
    """The head `prior`: its closed form, and how far to trust its parts, from folds of the base labels."""
    learner, data = run.learner, run.data
    assert isinstance(learner, PriorLearner), "this stage is of the head `prior`"
    clock = time.perf_counter()
    batcher = run.batcher(z)
    rows, base = torch.from_numpy(data.rows.train).to(z.device), batcher.base
    penalty = fit(learner, z[rows], batcher.targets[rows][:, base], batcher.w[:, base])
    tasks = learn_trust(
        learner,
        batcher,
        prior_folds(run, z),
        seed=run.config.seed,
        report=lambda done, total, loss: report("fit", done, total, loss, None),
    )
    auc = validate(run, batcher)
    run.progress.history.append({"stage": "fit", "penalty": penalty, "tasks": tasks, "validation_auc": auc})
    _tick(run, clock)
    run.progress.stage, run.progress.finished = "thresholds" if run.config.maps == "off" else "maps", 0
    run.save()


def _learn_maps(run: Run, z: Tensor, report: Report) -> None:
    """Residuals of W_I and W_Z, where they pay."""
    learner, data = run.learner, run.data
    assert isinstance(learner, PriorLearner), "this stage is of the head `prior`"
    clock = time.perf_counter()
    gain = learn_maps(
        learner,
        run.batcher(z),
        prior_folds(run, z),
        data.split.validation,
        seed=run.config.seed,
        report=lambda done, total, loss: report("maps", done, total, loss, None),
    )
    found = {} if gain is None else asdict(gain)
    run.progress.history.append({"stage": "maps", "kept": gain is not None and gain.pays, **found})
    _tick(run, clock)
    run.progress.stage, run.progress.finished = "thresholds", 0
    run.save()


def prior_folds(run: Run, z: Tensor) -> list[tuple[Fold, Tensor]]:
    """What the head `prior` is learned on: folds of base labels and rows, and the features of all rows for each."""
    if trained := run.folds():  # each with an F of its own
        found = []
        for index, fold in enumerate(trained):
            z = run.load_fold(index)[:, : run.extractor.dimension]  # without words, if these were dropped
            rows, words = torch.from_numpy(fold.rows).to(z.device), run.extractor.words
            found.append((fold, centred(z, _mean_unit(z[rows], words), words)))
        return found
    data, config = run.data, run.config
    parts = split_folds(FOLDS, config.seed, config.protocol, data.split.base, data.rows.train)
    return [(fold, z) for fold in parts]


def _mean_unit(z: Tensor, words: int) -> Tensor:
    """The mean of the parts of `parts_of`, [d]."""
    return torch.cat([part.mean(dim=0, dtype=torch.float64) for part in parts_of(z, words)]).to(z.dtype)


def _metatrain(run: Run, z: Tensor, report: Report) -> None:
    config, data = run.config.meta, run.data
    batcher = run.batcher(z)
    stream = EpisodeStream(
        data.dataset.targets,
        data.split.base,
        data.rows.train,
        batcher,
        config,
        run.config.seed,
        [(fold, run.load_fold(index)) for index, fold in enumerate(run.folds())],
    )
    learner = run.meta_learner
    optimizer = learner.optimizer(config)
    run.restore_optimizer(optimizer)
    auc: float | None = None
    losses: list[float] = []
    clock = time.perf_counter()
    for index in range(run.progress.finished, config.batches):
        try:
            batch = stream.batch(index)
            loss = outer_loss(learner(batch), batch, config)
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
    """Decision thresholds and stated coverages, from tasks over the validation labels.

    Of the paper's head on the rows that training sees, for that is what a device's support is to it.
    """
    data, config = run.data, run.config.meta
    clock = time.perf_counter()
    views, batcher = views_of(run, z), run.batcher(z)
    seen = [View(run.learner, z, data.rows.train, data.rows.train)]
    try:
        if len(data.split.validation) < LEAST_LABELS:
            raise DesireEdgeError(
                f"{len(data.split.validation)} of them, and at least {LEAST_LABELS} are needed"
            )
        learn_thresholds(
            run.learner,
            batcher,
            views if isinstance(run.learner, PriorLearner) else seen,
            data.split.validation,
            ways=_ways(run),
            shots=config.shots,
            queries=config.queries,
            episodes=config.episodes,
            known_labels=config.known_labels > 0,
            seed=run.config.seed,
        )
    except DesireEdgeError as error:
        warnings.warn(
            f"the validation labels are too few to learn thresholds from, so these stay at 0.5 ({error})",
            stacklevel=2,
        )
    run.progress.coverage = [coverage.to_json() for coverage in coverage_of(run, views)]
    _tick(run, clock)
    run.progress.stage = "done"
    run.save()


def views_of(run: Run, z: Tensor) -> list[View]:
    """The head on rows that nothing was fitted on, fold by fold; none where F has seen all rows, and meets new ones."""
    data, config = run.data, run.config
    if isinstance(run.learner, PriorLearner):
        folds = prior_folds(run, z)
    elif trained := run.folds():
        folds = [(fold, run.load_fold(index)) for index, fold in enumerate(trained)]
    elif config.protocol == "label-disjoint" or config.extractor.projection == "identity":
        folds = [(Fold(np.array([], np.int64), data.rows.train, data.rows.train), z)]
    else:
        return []
    batcher = run.batcher(z)
    return [view_of(run.learner, batcher, fold, features) for fold, features in folds]


def coverage_of(run: Run, views: Sequence[View]) -> tuple[Coverage, ...]:
    """What sets of labels state, by a run's views; nothing where there are none, or too few validation labels."""
    if not views:
        return ()
    data, config = run.data, run.config
    return state_coverage(
        views,
        run.batcher(views[0].z),
        data.split.validation,
        ways=_ways(run),
        known_labels=config.meta.known_labels > 0,
        seed=config.seed,
    )


def _ways(run: Run) -> tuple[int, int]:
    """The range that tasks over the validation labels are drawn from: at least two, as all examples of one carry it."""
    low, high = (max(2, min(number, len(run.data.split.validation))) for number in run.config.meta.ways)
    return low, high


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
