"""A benchmark's parts made stage by stage, in this process or in several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

import torch

from desire_edge.training.device import one_thread

Task = tuple[Callable[..., str], tuple[Any, ...]]
"""What makes a part of a benchmark and returns its name, and its arguments after the benchmark."""


def run_stages(
    work: Sequence[Sequence[Task]],
    benchmark: Any,
    again: Callable[[], Any],
    report: Callable[[str, int, int], None],
    processes: int,
) -> None:
    """Make every part, those of a stage in any order.

    Args:
        work: the stages.
        benchmark: what the parts are of.
        again: gives the same in another process.
        report: gets a part's name, how many are done, and how many there are.
        processes: how many parts are made at once.
    """
    total, done = sum(map(len, work)), 0
    for stage in work:
        for name in _each(stage, benchmark, again, processes):
            done += 1
            report(name, done, total)


def _each(stage: Sequence[Task], benchmark: Any, again: Callable[[], Any], processes: int) -> Iterable[str]:
    if processes == 1 or len(stage) < 2:
        for function, arguments in stage:
            with one_thread():  # as in a worker: other numbers of threads round otherwise
                name = function(benchmark, *arguments)
            yield name
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_single_thread) as pool:
        futures = [pool.submit(_in_process, again, function, arguments) for function, arguments in stage]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _single_thread() -> None:
    torch.set_num_threads(1)


def _in_process(again: Callable[[], Any], function: Callable[..., str], arguments: tuple[Any, ...]) -> str:
    return function(again(), *arguments)
