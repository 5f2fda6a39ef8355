"""The files of `adapt_file.cpp`: a task and a model go in, losses and logits come out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TASK = ("z", "targets", "mask", "w_novel", "step_sizes")
MODEL = ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "p", "r", "q0")


def write_input(path: Path, arrays: Mapping[str, Any], query: NDArray[Any]) -> None:
    """Write the arguments of `_core.adapt_lowrank` (p and r among them) and query rows [Q, d]."""
    (examples, dimension), labels, hidden = arrays["z"].shape, arrays["w_novel"].shape[1], len(arrays["b1"])
    header = [examples, labels, dimension, hidden, 0, len(arrays["step_sizes"]), len(query), 0]
    with path.open("wb") as file:
        np.array(header, "<i8").tofile(file)
        for values in (*(arrays[name] for name in (*TASK, *MODEL)), query):
            np.array(values, "<f8").tofile(file)


def read_output(path: Path, labels: int, steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Losses [T + 1] and logits [Q, N]."""
    values = np.fromfile(path, "<f8")
    return values[: steps + 1], values[steps + 1 :].reshape(-1, labels)
