"""Runs of the head `prior`: fitted, resumed, learned from folds, with an F of their own and on frozen features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.models import extract
from desire_edge.training.config import load_config
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.scalars import cautious
from desire_edge.training.run import Run
from desire_edge.training.stages import train

MLP = (
    "data=sample", "extractor.backbone=mlp", "text.vocabulary=500", "lexicon.max_mb=4", 'lexicon.sources=["glove-50"]',
    "extractor.hidden=[64]", "extractor.epochs=3", "meta.folds=2", "meta.ways=[2, 3]", "meta.shots=[1, 2]",
    "meta.queries=2", "validation_tasks=3", "maps=off", "words=off",
)  # fmt: skip
WORDS = ("data=sample", "validation_tasks=3", "maps=off", "words=off")


def silent(*_: object) -> None:
    """Say nothing."""


def trained(folder: Path, settings: tuple[str, ...]) -> Run:
    run = Run.create(folder, load_config(None, settings), torch.device("cpu"))
    train(run, silent)
    return run


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(tmp_path_factory.mktemp("prior") / "run", WORDS)


def test_a_frozen_backbones_features_are_unit_and_centred(frozen: Run) -> None:
    z = extract(frozen.extractor, frozen.data.x)
    assert z.shape[1] == frozen.data.x.shape[1] == frozen.extractor.dimension
    norms = z.norm(dim=1)
    assert float((norms - 1).abs().max()) < 1e-3
    features = torch.nn.functional.normalize(torch.from_numpy(frozen.data.x))
    centre = features[torch.from_numpy(frozen.data.rows.train)].mean(dim=0)
    torch.testing.assert_close(z, torch.nn.functional.normalize(features - centre), atol=1e-4, rtol=0)


def test_trust_is_learned_and_it_is_said_from_how_many_tasks(frozen: Run) -> None:
    assert isinstance(frozen.learner, PriorLearner)
    moved = (frozen.learner.scalars.detach() - cautious(54)).abs()
    assert 0.01 < float(moved.max()) < 3
    (entry,) = (entry for entry in frozen.progress.history if entry["stage"] == "fit")
    assert entry["tasks"] > 100
    assert 0.8 < entry["validation_auc"] < 1
    assert frozen.learner.threshold_weights.any()


def test_examples_help_and_names_alone_say_much(frozen: Run) -> None:
    options = EvaluateOptions(ways=5, shots=5, tasks=30)
    found = evaluate(frozen, options).all_labels
    assert found.zero_shot_micro_auc.mean > 0.75
    assert found.micro_auc.mean > found.zero_shot_micro_auc.mean + 0.02


def test_a_finished_run_opens_as_it_was(frozen: Run) -> None:
    again = Run.open(frozen.folder, torch.device("cpu"))
    assert again.progress.stage == "done"
    for name, value in frozen.learner.state_dict().items():
        assert torch.equal(value, again.learner.state_dict()[name]), name
    assert torch.equal(extract(frozen.extractor, frozen.data.x), extract(again.extractor, again.data.x))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_head(frozen: Run, tmp_path: Path) -> None:
    again = trained(tmp_path / "again", WORDS)
    for name, value in frozen.learner.state_dict().items():
        torch.testing.assert_close(value, again.learner.state_dict()[name], msg=name)


@pytest.mark.slow
def test_an_mlp_is_pre_trained_and_its_last_hidden_layer_are_the_features(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", load_config(None, MLP), torch.device("cpu"))
    stages = []

    def stop_in_folds(stage: str, done: int, *_: object) -> None:
        stages.append(stage)
        if stage == "folds" and done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, stop_in_folds)
    resumed = Run.open(tmp_path / "run", torch.device("cpu"))
    train(resumed, lambda stage, *_: stages.append(stage))
    assert list(dict.fromkeys(stages)) == ["pretrain", "folds", "fit"]
    assert resumed.extractor.dimension == 64
    unbroken = trained(tmp_path / "unbroken", MLP)
    for name, value in unbroken.learner.state_dict().items():
        torch.testing.assert_close(value, resumed.learner.state_dict()[name], msg=name)


def test_a_few_labels_leave_the_cautious_scalars(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run",
        load_config(None, (*WORDS, "label_sizes=[2, 14, 74]")),
        torch.device("cpu"),
    )
    train(run, silent)
    assert isinstance(run.learner, PriorLearner)
    assert torch.equal(run.learner.scalars.detach(), cautious(2))
    assert np.isfinite(run.learner.r.numpy()).all()
