"""What a person sees while a command that takes several steps is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@contextmanager
def show_steps(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar a step on a terminal, a line a step elsewhere; a step with a total of 0 has no end that could be known."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars: dict[str, TaskID] = {}
    progress = Progress(*columns, console=console, disable=not console.is_terminal)
    with ExitStack() as stack:

        def report(step: str, done: int, total: int) -> None:
            if not bars:  # what is refused before the first step leaves no empty line
                stack.enter_context(progress)
            if step not in bars:
                for earlier in bars.values():
                    progress.stop_task(earlier)
                bars[step] = progress.add_task(step, total=total or None)
                if not console.is_terminal:
                    console.print(step, markup=False)
            progress.update(bars[step], completed=done)

        yield report
