"""What a person sees of a run that trains."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from rich.console import Console
from training.cases import small_config

from desire_edge.training.progress import count_parts, count_tasks, show_features, show_progress
from desire_edge.training.run import Run

BAR = "━"


def test_a_folder_in_square_brackets_is_named_as_it_is(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "[red]run", small_config(), torch.device("cpu"))
    printed = io.StringIO()
    with show_progress(Console(file=printed, width=1000), run):
        pass
    assert f"{run.folder}: sample, " in printed.getvalue()


def printed(terminal: bool) -> str:
    """What the bars that need no run print."""
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=terminal)
    with show_features(console) as features:
        features(1, 20)
        features(20, 20)
    with count_parts(console) as parts:
        parts("5w1s", 0, 1)
        parts("", 1, 1)
    with count_tasks(console, 7) as tasks:
        for done in range(1, 8):
            tasks(done)
    return file.getvalue()


def test_a_log_has_lines_and_no_bars() -> None:
    assert printed(terminal=False).splitlines() == ["features, 20 examples", "0/1  5w1s", "7 tasks"]


def test_a_terminal_has_bars() -> None:
    shown = printed(terminal=True)
    assert all(what in shown for what in (BAR, "features (examples)", "parts", "tasks"))
