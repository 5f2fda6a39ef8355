"""What a person sees of a run that trains."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from rich.console import Console
from training.cases import small_config

from desire_edge.training.progress import show_progress
from desire_edge.training.run import Run


def test_a_folder_in_square_brackets_is_named_as_it_is(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "[red]run", small_config(), torch.device("cpu"))
    printed = io.StringIO()
    with show_progress(Console(file=printed, width=1000), run):
        pass
    assert f"{run.folder}: sample, " in printed.getvalue()
