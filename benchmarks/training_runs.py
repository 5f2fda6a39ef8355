"""Runs that benchmarks measure: trained where they are missing, continued where they were stopped."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console

from desire_edge.training.config import TrainConfig
from desire_edge.training.progress import show_progress
from desire_edge.training.run import Run
from desire_edge.training.stages import train


def finished_run(folder: Path, config: TrainConfig) -> Run:
    """The finished run of `config` in `folder`, trained now as far as it is not."""
    run = opened_run(folder, config)
    if run.progress.stage != "done":
        with show_progress(Console(stderr=True), run) as report:
            train(run, report)
    return run


def opened_run(folder: Path, config: TrainConfig) -> Run:
    """The run of `config` in `folder` as far as it is, or a new one."""
    device = torch.device("cpu")
    if (folder / "config.json").exists():
        run = Run.open(folder, device)
        if run.config != config:
            raise SystemExit(f"{folder} was trained with other settings than those asked for; remove it")
    else:
        run = Run.create(folder, config, device)
    return run
