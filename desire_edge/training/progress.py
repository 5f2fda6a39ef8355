"""What a person sees while a run trains or is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from desire_edge.training.checkpoint import Stage
from desire_edge.training.run import Run
from desire_edge.training.stages import Report

TITLES = {
    "pretrain": "pre-training F (epochs)",
    "folds": "cross-fitting F (folds)",
    "meta": "meta-training (batches)",
    "fit": "weighing names, base labels and examples (steps)",
    "maps": "meta-learning W_I and W_Z (steps)",
}


def _bar(console: Console) -> Progress:
    """A bar on a terminal; in a log, which keeps every line, none."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def _from_the_first(console: Console, title: str, line: str) -> Iterator[Callable[[int, int], None]]:
    """A bar from the first report on; elsewhere than on a terminal `line`, of how many there are.

    What is refused before leaves neither.
    """
    progress = _bar(console)
    bars: list[TaskID] = []

    def report(done: int, total: int) -> None:
        if not bars:
            progress.start()
            if not console.is_terminal:
                console.print(line.format(total))
            bars.append(progress.add_task(title, total=total, figures=""))
        progress.update(bars[0], completed=done)

    try:
        yield report
    finally:
        if bars:
            progress.stop()


def show_features(
    console: Console, title: str = "features"
) -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar for what is done to examples one by one."""
    return _from_the_first(console, f"{title} (examples)", f"{title}, {{}} examples")


@contextmanager
def show_progress(console: Console, run: Run) -> Iterator[Report]:
    """Bars with loss and validation AUC on a terminal; one line a validation elsewhere (logs, CI)."""
    console.print(
        f"{run.folder}: {run.data.dataset.name}, {run.config.protocol}, seed {run.config.seed}, {run.device.type}",
        markup=False,  # a folder's name may hold brackets
    )
    with _bar(console) as progress:
        bars = {}

        def report(stage: Stage, done: int, total: int, loss: float, auc: float | None) -> None:
            figures = f"loss {loss:.4f}" + ("" if auc is None else f"  validation AUC {auc:.3f}")
            if stage not in bars:
                bars[stage] = progress.add_task(TITLES[stage], total=total, figures="")
            progress.update(bars[stage], completed=done, figures=figures)
            if not console.is_terminal and (done == total or done % run.config.validate_every == 0):
                console.print(f"{TITLES[stage]} {done}/{total}  {figures}")

        yield report


@contextmanager
def count_parts(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar over the parts of a comparison on a terminal; one line a part elsewhere."""
    with _bar(console) as progress:
        bar = progress.add_task("parts", total=None, figures="")

        def report(name: str, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, figures=name)
            if name and not console.is_terminal:
                console.print(f"{done}/{total}  {name}", markup=False)

        yield report


@contextmanager
def count_tasks(console: Console, tasks: int) -> Iterator[Callable[[int], None]]:
    """A bar over the tasks of an evaluation."""
    with _from_the_first(console, "tasks", "{} tasks") as report:
        yield lambda done: report(done, tasks)
