"""A run's folder and state: it opens as it was left, splits labels as asked, and says what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training.cases import small_config, train

from desire_edge.errors import DesireEdgeError
from desire_edge.models import extract
from desire_edge.training.config import load_config
from desire_edge.training.run import Run
from desire_edge.training.stages import train_extractors

FEW_LABELS = ("data=sample", "label_sizes=[6, 3, 3]", 'lexicon.sources=["glove-50"]', "lexicon.max_mb=1")


def test_where_the_data_are_too_few_to_cross_fit_the_run_goes_without_and_says_so(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"too few to cross-fit in 20 folds.*meta\.folds=0"):
        run = Run.create(tmp_path / "run", small_config("meta.folds=20"), torch.device("cpu"))
    assert run.config.meta.folds == 0
    assert Run.open(run.folder, torch.device("cpu")).config == run.config


def test_where_the_labels_are_too_few_for_the_default_ways_episodes_have_fewer_and_the_run_says_so(
    tmp_path: Path,
) -> None:
    config = load_config(None, [*FEW_LABELS], recipe="best")
    with pytest.warns(
        UserWarning, match=r"6 base labels do not give .* of 10 ways, .* \(meta\.ways=\[2, [3-6]\]\)"
    ):
        run = Run.create(tmp_path / "run", config, torch.device("cpu"))
    assert run.config.meta.ways[1] <= 6
    assert Run.open(run.folder, torch.device("cpu")).config == run.config


def test_ways_that_were_asked_for_are_not_changed(tmp_path: Path) -> None:
    config = load_config(None, [*FEW_LABELS, "meta.ways=[2, 10]"], recipe="best")
    with pytest.raises(DesireEdgeError, match="6 base labels do not give training episodes of 10 ways"):
        Run.create(tmp_path / "run", config, torch.device("cpu"))


def test_label_sizes_split_the_labels(tmp_path: Path) -> None:
    settings = ("label_sizes=[40, 12, 8]", "seed=3")
    run = Run.create(tmp_path / "run", small_config(*settings), torch.device("cpu"))
    split = run.data.split
    assert (len(split.base), len(split.validation), len(split.novel)) == (40, 12, 8)
    assert len(np.unique(np.concatenate([split.base, split.validation, split.novel]))) == 60
    assert run.meta_learner.head.w_base.shape[1] == 40
    again = Run.open(run.folder, torch.device("cpu")).data.split
    assert (again.novel == split.novel).all()


def test_label_sizes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="90 labels cannot be split into 60 base, 20 validation and 20"):
        Run.create(tmp_path / "run", small_config("label_sizes=[60, 20, 20]"), torch.device("cpu"))
    assert not (tmp_path / "run").exists()


def test_a_finished_run_opens_ready_to_use(unbroken: Run) -> None:
    opened = Run.open(unbroken.folder, torch.device("cpu"))
    assert opened.progress.stage == "done"
    x = opened.data.x[:3]
    assert torch.equal(extract(opened.extractor, x), extract(unbroken.extractor, x))
    assert not opened.saved_optimizer


def test_an_existing_run_is_not_overwritten(unbroken: Run) -> None:
    with pytest.raises(DesireEdgeError, match="already holds a run"):
        Run.create(unbroken.folder, small_config(), torch.device("cpu"))


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="holds no training run"):
        Run.open(tmp_path, torch.device("cpu"))


def test_an_adopted_f_trains_the_same_head(unbroken: Run, tmp_path: Path) -> None:
    giver = Run.create(tmp_path / "giver", small_config(), torch.device("cpu"))
    train_extractors(giver, lambda *_: None)
    taker = Run.create(tmp_path / "taker", small_config(), torch.device("cpu"))
    taker.adopt_extractors(giver)
    resumed = Run.open(taker.folder, torch.device("cpu"))
    train(resumed)
    for name, weight in resumed.learner.state_dict().items():
        assert torch.equal(weight, unbroken.learner.state_dict()[name]), name


def test_only_an_f_of_the_same_settings_is_adopted(unbroken: Run, tmp_path: Path) -> None:
    other = Run.create(tmp_path / "other", small_config("extractor.dropout=0.3"), torch.device("cpu"))
    with pytest.raises(DesireEdgeError, match="asks for another F"):
        other.adopt_extractors(unbroken)
    with pytest.raises(DesireEdgeError, match="has not trained its F"):
        Run.create(tmp_path / "same", other.config, torch.device("cpu")).adopt_extractors(other)
    assert other.progress.stage == "pretrain"
