"""Training on each device: cpu always, cuda where there is one (`make test-gpu`)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from training.cases import random_case, small_config, train

from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import load_config
from desire_edge.training.device import choose_device
from desire_edge.training.inner_loop import EpisodeBatch, inner_loop
from desire_edge.training.run import Run


def test_a_run_trains_on_the_device(device: torch.device, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", small_config("extractor.epochs=10"), device)
    train(run)
    losses = [entry["loss"] for entry in run.progress.history if entry["stage"] == "pretrain"]
    assert losses[-1] < 0.9 * losses[0]
    assert run.extractor.projection.weight.device.type == device.type
    assert Run.open(run.folder, torch.device("cpu")).progress.stage == "done"


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mlp", "words"])
def test_the_head_prior_trains_on_the_device(device: torch.device, backbone: str, tmp_path: Path) -> None:
    settings = [
        f"extractor.backbone={backbone}", "extractor.epochs=2", "text.vocabulary=1500", "validation_tasks=5",
        "maps=auto", "words=on", "meta.folds=0", 'lexicon.sources=["static"]',
    ]  # fmt: skip
    if backbone == "mlp":
        settings.append("extractor.hidden=[64]")
    run = Run.create(tmp_path / "run", load_config(None, settings, {"data": "sample"}), device)
    train(run)
    assert run.config.head == "prior" and run.extractor.words > 0
    assert run.learner.r.device.type == device.type
    assert all(torch.isfinite(value).all() for value in run.learner.state_dict().values())
    assert run.learner.r.abs().max() > 0
    assert Run.open(run.folder, torch.device("cpu")).progress.stage == "done"


def test_the_inner_loop_gives_the_same_on_every_device(device: torch.device) -> None:
    head, episodes = random_case(7, 3, 6, 5, 4, 8, 7, 9)
    step_sizes = torch.full((3, 5), 0.4, dtype=torch.float64)
    expected = inner_loop(head, episodes, step_sizes)[-1]
    moved = EpisodeBatch(
        episodes.z.to(device),
        episodes.targets.to(device),
        episodes.mask.to(device),
        episodes.w_novel.to(device),
        None if episodes.base_mask is None else episodes.base_mask.to(device),
        episodes.support,
    )
    actual = inner_loop(head.to(device), moved, step_sizes.to(device))[-1]
    torch.testing.assert_close(actual.cpu(), expected, rtol=1e-9, atol=1e-9)


def test_auto_is_cuda_where_there_is_one() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_asked_for_and_absent_is_said() -> None:
    with pytest.raises(DesireEdgeError, match=r"CUDA was asked for.*--device cpu"):
        choose_device("cuda")
