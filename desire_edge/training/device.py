"""`--device auto|cpu|cuda`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from desire_edge.errors import DesireEdgeError


def choose_device(name: str) -> torch.device:
    """The torch device `name` stands for; `auto` is CUDA where there is one, else the CPU.

    Raises:
        DesireEdgeError: CUDA was asked for and this machine or this torch has none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise DesireEdgeError(f"'{name}' is no device; use auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise DesireEdgeError(
            "CUDA was asked for, but torch finds no CUDA device here; "
            "use --device cpu, or install a CUDA build of torch"
        )
    return torch.device(name)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's CPU work inside on one thread.

    An episode's products are too small to share: a second thread gains little on an idle machine, and waiting for it
    makes
    everything three times slower on a busy one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
