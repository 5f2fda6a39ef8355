"""What is done to runs of the sample corpus: they learn, they resume exactly, and they say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training.cases import small_config, train

from desire_edge.errors import DesireEdgeError
from desire_edge.metrics import micro_auc
from desire_edge.models import extract
from desire_edge.training.checkpoint import Stage, load_checkpoint
from desire_edge.training.run import Run

FILES = ["checkpoint.safetensors", "config.json", "data.json", "lexicon.safetensors", "run.json"]


def check_resumed(folder: Path, unbroken: Run) -> None:
    """Finish the run in `folder`, which must end where `unbroken` does."""
    resumed = Run.open(folder, torch.device("cpu"))
    assert resumed.progress.stage != "done"
    train(resumed)
    expected, progress = load_checkpoint(unbroken.checkpoint_path)
    tensors, resumed_progress = load_checkpoint(resumed.checkpoint_path)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensors[name], expected[name]) for name in expected)
    assert resumed_progress.history == progress.history
    assert sorted(path.name for path in folder.iterdir()) == FILES


@pytest.mark.parametrize("stop_at", [("pretrain", 2), ("pretrain", 3), ("meta", 4), ("meta", 6)])
def test_a_stopped_run_resumes_to_the_same_weights(
    unbroken: Run, tmp_path: Path, stop_at: tuple[Stage, int]
) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(Run.create(folder, small_config(), torch.device("cpu")), stop_at)
    check_resumed(folder, unbroken)


CROSS_FITTED = ("meta.folds=3", "meta.ways=[2, 4]")


@pytest.fixture(scope="module")
def cross_fitted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run") / "cross-fitted"
    run = Run.create(folder, small_config(*CROSS_FITTED), torch.device("cpu"))
    train(run)
    return run


def test_a_cross_fitted_run_says_what_it_did_and_leaves_no_fold_behind(cross_fitted: Run) -> None:
    stages = [(entry["stage"], entry["finished"]) for entry in cross_fitted.progress.history]
    folds = [("folds", 1), ("folds", 2), ("folds", 3)]
    assert stages == [*(("pretrain", i) for i in (1, 2, 3)), *folds, *(("meta", i) for i in (2, 4, 6))]
    assert sorted(path.name for path in cross_fitted.folder.iterdir()) == FILES


@pytest.mark.parametrize(
    ("stop_at", "kept"),
    [
        (("pretrain", 3), []),
        (("folds", 1), [0]),
        (("folds", 3), [0, 1, 2]),
        (("meta", 2), [0, 1, 2]),
        (("meta", 6), [0, 1, 2]),
    ],
)
def test_a_stopped_cross_fitted_run_resumes_to_the_same_weights(
    cross_fitted: Run, tmp_path: Path, stop_at: tuple[Stage, int], kept: list[int]
) -> None:
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(Run.create(folder, small_config(*CROSS_FITTED), torch.device("cpu")), stop_at)
    assert sorted(path.name for path in folder.glob("fold-*")) == [f"fold-{i}.safetensors" for i in kept]
    check_resumed(folder, cross_fitted)


def test_a_kill_before_the_folds_are_removed_leaves_them_to_the_next_sitting(cross_fitted: Run) -> None:
    cross_fitted.fold_path(1).write_bytes(b"left over")
    (cross_fitted.folder / "run.json").unlink()
    train(Run.open(cross_fitted.folder, torch.device("cpu")))
    assert sorted(path.name for path in cross_fitted.folder.iterdir()) == FILES


def test_a_fold_that_is_lost_while_the_run_is_stopped_is_named(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", small_config(*CROSS_FITTED), torch.device("cpu"))
    with pytest.raises(KeyboardInterrupt):
        train(run, ("folds", 3))
    run.fold_path(1).write_bytes(b"half a file")
    with pytest.raises(DesireEdgeError, match=r"fold-1\.safetensors cannot be read.*train the run again"):
        train(Run.open(run.folder, torch.device("cpu")))


def test_f_is_the_same_with_and_without_cross_fitting_and_the_head_is_not(
    cross_fitted: Run, tmp_path: Path
) -> None:
    config = small_config(*CROSS_FITTED, "meta.folds=0")
    without = Run.create(tmp_path / "run", config, torch.device("cpu"))
    train(without)
    for name, tensor in without.classifier.state_dict().items():
        assert torch.equal(tensor, cross_fitted.classifier.state_dict()[name])
    assert not torch.equal(without.meta_learner.head.w1, cross_fitted.meta_learner.head.w1)


def test_thresholds_are_learned_last(unbroken: Run) -> None:
    weights = unbroken.learner.threshold_weights
    assert weights.any()
    assert torch.equal(Run.open(unbroken.folder, torch.device("cpu")).learner.threshold_weights, weights)


@pytest.mark.parametrize("validation", [1, 2])
def test_where_validation_labels_are_too_few_thresholds_stay_at_a_half(
    validation: int, tmp_path: Path
) -> None:
    sizes = f"label_sizes=[54, {validation}, 20]"
    run = Run.create(tmp_path / "run", small_config(sizes), torch.device("cpu"))
    with pytest.warns(UserWarning, match="validation labels are too few to learn thresholds from"):
        train(run)
    assert not run.learner.threshold_weights.any()
    run.require_finished()


def test_pretraining_tells_base_labels_apart_on_rows_it_never_saw(tmp_path: Path) -> None:
    run = Run.create(
        tmp_path / "run",
        small_config("extractor.epochs=20", 'lexicon.sources=["glove-50", "spacy-md"]'),
        torch.device("cpu"),
    )
    with pytest.raises(KeyboardInterrupt):
        train(run, ("pretrain", 20))
    rows, base = run.data.rows.query, run.data.split.base
    scores = extract(run.extractor, run.data.x[rows]) @ run.meta_learner.head.w_base
    assert micro_auc(run.data.dataset.targets[rows][:, base], scores.numpy()) > 0.75


def test_seeds_differ_and_repeat(unbroken: Run, tmp_path: Path) -> None:
    again = Run.create(tmp_path / "again", small_config(), torch.device("cpu"))
    train(again)
    other = Run.create(tmp_path / "other", small_config("seed=1"), torch.device("cpu"))
    train(other)
    assert torch.equal(again.meta_learner.head.w1, unbroken.meta_learner.head.w1)
    assert not torch.equal(other.meta_learner.head.w1, unbroken.meta_learner.head.w1)


def test_divergence_is_said_and_the_last_checkpoint_kept(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", small_config("meta.step_size=1e30"), torch.device("cpu"))
    with pytest.raises(DesireEdgeError, match=r"diverged.*meta\.step_size"):
        train(run)
    assert Run.open(run.folder, torch.device("cpu")).progress.stage == "meta"


def test_a_run_that_learns_label_weights_resumes_to_the_same(tmp_path: Path) -> None:
    config = small_config("extractor.label_weights='learned'")
    whole = Run.create(tmp_path / "whole", config, torch.device("cpu"))
    train(whole)
    with pytest.raises(KeyboardInterrupt):
        train(Run.create(tmp_path / "stopped", config, torch.device("cpu")), ("pretrain", 2))
    check_resumed(tmp_path / "stopped", whole)


def test_learned_label_weights_become_the_heads_w_base(tmp_path: Path) -> None:
    config = small_config("extractor.label_weights='learned'", "meta.folds=0")
    run = Run.create(tmp_path / "run", config, torch.device("cpu"))
    vectors = torch.from_numpy(run.data.w[:, run.data.split.base])
    assert torch.equal(run.meta_learner.head.w_base, vectors), "they start at the word vectors"
    train(run)
    assert torch.equal(run.meta_learner.head.w_base, run.classifier.weights)
    moved = (run.meta_learner.head.w_base - vectors).norm(dim=0)
    assert (moved > 0).all()
    opened = Run.open(run.folder, torch.device("cpu"))
    assert torch.equal(opened.meta_learner.head.w_base, run.meta_learner.head.w_base)


def test_label_weights_are_the_word_vectors_unless_asked(unbroken: Run) -> None:
    vectors = torch.from_numpy(unbroken.data.w[:, unbroken.data.split.base])
    assert torch.equal(unbroken.meta_learner.head.w_base, vectors)
