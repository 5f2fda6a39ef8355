"""Checkpoints: what goes in comes out, and what is no checkpoint is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from desire_edge.errors import DesireEdgeError
from desire_edge.training.checkpoint import (
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)


def test_tensors_and_progress_come_back(tmp_path: Path) -> None:
    progress = Progress("meta", 7, 1.5, [{"loss": 0.25, "validation_auc": None}])
    tensors = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3)}
    save_checkpoint(tmp_path / "c.safetensors", tensors, progress)
    loaded, loaded_progress = load_checkpoint(tmp_path / "c.safetensors")
    assert loaded_progress == progress
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\xff" * 64])
def test_a_broken_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(DesireEdgeError, match=r"c\.safetensors is not a checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("fused", [False, True])
def test_an_optimizer_goes_on_as_if_never_stopped(fused: bool, tmp_path: Path) -> None:
    """However its parameters lie in memory: this one column by column, as a run's label weights do."""

    def build() -> tuple[torch.nn.Parameter, torch.optim.Optimizer]:
        parameter = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).T)
        return parameter, torch.optim.Adam([parameter], lr=0.1, fused=fused)

    def step(parameter: torch.nn.Parameter, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        (parameter**2).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    unbroken, optimizer = build()
    step(unbroken, optimizer)
    save_checkpoint(tmp_path / "c.safetensors", optimizer_tensors(optimizer), Progress())
    resumed, resumed_optimizer = build()
    resumed.data.copy_(unbroken.data)
    restore_optimizer(resumed_optimizer, load_checkpoint(tmp_path / "c.safetensors")[0])
    for _ in range(3):
        step(unbroken, optimizer)
        step(resumed, resumed_optimizer)
    assert torch.equal(unbroken, resumed)
