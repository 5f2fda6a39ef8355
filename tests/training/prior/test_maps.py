"""Residuals of W_I and W_Z: where they pay they are kept, where not nothing changes; and runs that have them."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from desire_edge.data import EpisodeSampler
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.parity import TOLERANCE
from desire_edge.metrics import Estimate
from desire_edge.models import smooth_normalize
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.heads import PriorSemantics
from desire_edge.training.config import load_config
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold, split_folds
from desire_edge.training.prior import maps
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.gains import over_labels
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.maps import Residuals, learn_maps
from desire_edge.training.prior.trust import blind_batch, blind_learner, fold_episodes
from desire_edge.training.run import Run
from desire_edge.training.scoring import score_tasks
from desire_edge.training.stages import train

ROWS, D, LABELS, BASE, VALIDATION = 900, 16, 72, 42, 15
SETTINGS = ("data=sample", "validation_tasks=3", "maps=auto")
MLP = (
    "extractor.backbone=mlp", "text.vocabulary=500", "lexicon.max_mb=4", 'lexicon.sources=["glove-50"]',
    "extractor.hidden=[64]", "extractor.epochs=2", "meta.folds=2", "meta.ways=[2, 3]", "meta.shots=[1, 2]",
    "meta.queries=2",
)  # fmt: skip


class Case:
    """Features and names of one space, where names say what they mean, or nothing, beside a direction all share."""

    def __init__(self, *, say: float, noise: float) -> None:
        rng = np.random.default_rng(0)
        means = rng.normal(size=(LABELS, D))
        means[:, D // 2 :] = 0
        z = rng.normal(size=(ROWS, D))
        scores = z @ means.T
        self.targets = scores > np.quantile(scores, 0.8, axis=0)
        names = say * means
        names[:, D // 2 :] = noise * rng.normal(
            size=(LABELS, D // 2)
        )  # of which items have the like, and mean nothing
        self.z = smooth_normalize(torch.from_numpy(z).float())
        self.base, self.validation = np.arange(BASE), np.arange(BASE, BASE + VALIDATION)
        self.novel = np.arange(BASE + VALIDATION, LABELS)
        self.batcher = EpisodeBatcher(self.z, self.targets, names.T.astype(np.float32), self.base)
        self.rows = np.arange(ROWS)
        self.learner = PriorLearner(D, D, BASE, shared_space=True)
        fit(self.learner, self.z, torch.from_numpy(self.targets[:, self.base]), self.batcher.w[:, self.base])

    def folds(self) -> list[tuple[Fold, torch.Tensor]]:
        return [(fold, self.z) for fold in split_folds(3, 0, "example-disjoint", self.base, self.rows)]

    def learned(self) -> tuple[PriorLearner, maps.Gain | None]:
        learner = copy.deepcopy(self.learner)
        return learner, learn_maps(learner, self.batcher, self.folds(), self.validation, seed=0)

    def aucs(self, learner: PriorLearner) -> list[float]:
        sampler = EpisodeSampler(self.targets, self.novel, self.rows, self.rows, ways=5, shots=1)
        return score_tasks(learner, self.batcher, sampler, tasks=30, rng=np.random.default_rng(1)).micro_auc


@pytest.fixture(autouse=True)
def few_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for what these tests show."""
    for name, value in {"EPISODES": 10, "HELD_OUT_EPISODES": 10, "STEPS": 16, "EVERY": 16}.items():
        monkeypatch.setattr(maps, name, value)
    monkeypatch.setattr(maps, "CELLS", ((5, 1),))


def test_maps_that_pay_are_kept_and_help_labels_that_nothing_has_seen() -> None:
    case = Case(say=1.0, noise=1.5)
    learner, gain = case.learned()
    assert gain is not None
    assert gain.pays
    assert gain.by_name > gain.by_name_error
    assert learner.name_map is not None, "features and names share a space no more"
    won = np.subtract(case.aucs(learner), case.aucs(case.learner)).tolist()
    assert Estimate.of(won).mean > Estimate.of(won).half_width


def test_maps_that_do_not_pay_change_nothing() -> None:
    case = Case(say=0.0, noise=1.0)  # no more is to be known of a label by its name
    learner, gain = case.learned()
    assert gain is not None
    assert not gain.pays
    assert learner.name_map is None
    assert all(
        torch.equal(value, learner.state_dict()[name]) for name, value in case.learner.state_dict().items()
    )


def test_too_few_labels_give_no_tasks_and_no_maps() -> None:
    case = Case(say=1.0, noise=1.5)
    case.validation = case.validation[:3]
    learner, gain = case.learned()
    assert gain is None
    assert learner.name_map is None


@pytest.mark.parametrize("shared", [False, True])
def test_residuals_are_those_of_the_learner_that_has_them(shared: bool) -> None:
    case = Case(say=1.0, noise=0.5)
    fold, z = case.folds()[0]
    if not shared:
        case.learner = PriorLearner(D, D, BASE, shared_space=False)
    learner = copy.deepcopy(case.learner).double()
    case.batcher.w, z = case.batcher.w.double(), z.double()
    blind = blind_learner(learner, case.batcher, fold, z)
    assert blind is not None
    blind[0].double()
    (group,) = maps._played(*blind, case.batcher, fold, z, fold.labels, 4, np.random.default_rng(2))
    residuals = Residuals(BASE, D).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in residuals.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        fast = residuals(group, torch.arange(4))
        own = Residuals(len(group.base), D).double()
        own.name_map.copy_(residuals.name_map)
        own.inference.copy_(residuals.inference[group.base])
        own.add_to(blind[0])
        rng = np.random.default_rng(2)
        episodes = fold_episodes(case.batcher, fold, fold.labels, *maps.CELLS[0], 4, rng)
        slow = blind[0].terms(blind_batch(case.batcher, episodes, z))
    for name in ("named", "inferred", "examples", "neighbours", "targets", "mask"):
        torch.testing.assert_close(getattr(fast, name), getattr(slow, name), atol=1e-9, rtol=1e-9, msg=name)
    assert float((fast.named - group.terms.named).abs().max()) > 1e-3


def test_the_error_is_over_labels_not_tasks() -> None:
    rng = np.random.default_rng(0)
    effects = rng.normal(size=10)
    labels = [rng.choice(10, 3, replace=False) for _ in range(2000)]
    values = np.array([effects[row].mean() for row in labels])
    mean, error = over_labels(values, labels)
    assert mean == pytest.approx(effects.mean(), abs=0.03)
    # The mean of ten labels' effects, however many tasks show them.
    assert error == pytest.approx(effects.std(ddof=1) / np.sqrt(10), rel=0.15)


def test_two_validation_labels_that_are_in_every_task_judge_nothing() -> None:
    case = Case(say=1.0, noise=0.0)
    folds = case.folds()
    before = copy.deepcopy(case.learner.state_dict())
    assert learn_maps(case.learner, case.batcher, folds, case.validation[:2], seed=0) is None
    for name, value in case.learner.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.slow
def test_a_run_that_was_stopped_in_the_maps_goes_on_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "CELLS", ((2, 1), (5, 1)))

    def made(name: str) -> Run:
        return Run.create(tmp_path / name, load_config(None, (*SETTINGS, *MLP)), torch.device("cpu"))

    stages = []

    def stop(stage: str, done: int, *_: object) -> None:
        stages.append(stage)
        if (stage, done) == ("maps", 10):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(made("run"), stop)
    resumed = Run.open(tmp_path / "run", torch.device("cpu"))
    assert resumed.progress.stage == "maps"
    train(resumed, lambda stage, *_: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["pretrain", "folds", "fit", "maps"]
    unbroken = made("unbroken")
    train(unbroken, lambda *_: None)
    assert unbroken.progress.history[-1] == resumed.progress.history[-1]
    for name, value in unbroken.learner.state_dict().items():
        torch.testing.assert_close(value, resumed.learner.state_dict()[name], msg=name)


@pytest.mark.slow
def test_a_run_whose_space_is_shared_no_more_opens_again_and_its_bundle_is_in_parity(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", load_config(None, SETTINGS), torch.device("cpu"))
    train(run, lambda *_: None)
    learner = run.learner
    assert isinstance(learner, PriorLearner)
    (entry,) = (entry for entry in run.progress.history if entry["stage"] == "maps")
    assert (learner.name_map is not None) == entry["kept"]
    if not entry["kept"]:  # this small corpus has too few labels for it
        residuals = Residuals(*learner.inference.shape)
        torch.nn.init.normal_(residuals.name_map, std=0.02)
        torch.nn.init.normal_(residuals.inference, std=0.02)
        residuals.add_to(learner)
        run.save()
    again = Run.open(run.folder, torch.device("cpu"))
    assert isinstance(again.learner, PriorLearner)
    for name, value in learner.state_dict().items():
        assert torch.equal(value, again.learner.state_dict()[name]), name
    _, parity = export_bundle(again, tmp_path / "tagger.desire", ExportOptions())
    assert 0 < parity.worst <= TOLERANCE
    semantics = Bundle.open(tmp_path / "tagger.desire", "cpu").semantics
    assert isinstance(semantics, PriorSemantics)
    assert semantics.name_map is not None
    assert learner.name_map is not None
    np.testing.assert_array_equal(semantics.name_map, learner.name_map.numpy())
