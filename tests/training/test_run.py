"""Runs on the sample corpus: they learn, they resume exactly, and they say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training.cases import small_config, train

from desire_edge.errors import DesireEdgeError
from desire_edge.metrics import micro_auc
from desire_edge.training.checkpoint import Stage, load_checkpoint
from desire_edge.training.pretrain import extract
from desire_edge.training.run import Run


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run.create(tmp_path_factory.mktemp("run") / "unbroken", small_config(), torch.device("cpu"))
    train(run)
    return run


@pytest.mark.parametrize("stop_at", [("pretrain", 2), ("pretrain", 3), ("meta", 4)])
def test_a_stopped_run_resumes_to_the_same_weights(
    unbroken: Run, tmp_path: Path, stop_at: tuple[Stage, int]
) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(Run.create(folder, small_config(), torch.device("cpu")), stop_at)
    resumed = Run.open(folder, torch.device("cpu"))
    assert resumed.progress.stage != "done"
    train(resumed)
    expected, progress = load_checkpoint(unbroken.checkpoint_path)
    tensors, resumed_progress = load_checkpoint(resumed.checkpoint_path)
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert resumed_progress.history == progress.history


def test_a_finished_run_opens_ready_to_use(unbroken: Run) -> None:
    opened = Run.open(unbroken.folder, torch.device("cpu"))
    assert opened.progress.stage == "done"
    x = torch.from_numpy(opened.data.x[:3])
    assert torch.equal(extract(opened.extractor, x), extract(unbroken.extractor, x))
    assert not opened.saved_optimizer


def test_pretraining_tells_base_labels_apart_on_rows_it_never_saw(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run",
        small_config("extractor.epochs=20", 'lexicon.sources=["glove-50", "spacy-md"]'),
        torch.device("cpu"),
    )
    with pytest.raises(KeyboardInterrupt):
        train(run, ("pretrain", 20))
    rows, base = run.data.rows.query, run.data.split.base
    scores = extract(run.extractor, torch.from_numpy(run.data.x[rows])) @ run.learner.head.w_base
    assert micro_auc(run.data.dataset.targets[rows][:, base], scores.numpy()) > 0.75


def test_seeds_differ_and_repeat(unbroken: Run, tmp_path: Path) -> None:
    again = Run.create(tmp_path / "again", small_config(), torch.device("cpu"))
    train(again)
    other = Run.create(tmp_path / "other", small_config("seed=1"), torch.device("cpu"))
    train(other)
    assert torch.equal(again.learner.head.w1, unbroken.learner.head.w1)
    assert not torch.equal(other.learner.head.w1, unbroken.learner.head.w1)


def test_an_existing_run_is_not_overwritten(unbroken: Run) -> None:
    with pytest.raises(DesireEdgeError, match="already holds a run"):
        Run.create(unbroken.folder, small_config(), torch.device("cpu"))


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="holds no training run"):
        Run.open(tmp_path, torch.device("cpu"))


def test_divergence_is_said_and_the_last_checkpoint_kept(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", small_config("meta.step_size=1e30"), torch.device("cpu"))
    with pytest.raises(DesireEdgeError, match=r"diverged.*meta\.step_size"):
        train(run)
    assert Run.open(run.folder, torch.device("cpu")).progress.stage == "meta"
