"""What this machine can do at most, measured through numpy: multiply-adds and bytes a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

MATRIX = 768
CACHE_FLOATS = 2**19  # an array of 2 MB: with its copy, what one adaptation touches
TRIES = 30


@dataclass(frozen=True)
class Limits:
    """The best rates seen.

    Attributes:
        multiply_adds_per_second: of float32 in a large product of matrices.
        bytes_per_second: read and written by a copy of 2 MB, which stays in the last cache as the weights do.
    """

    multiply_adds_per_second: float
    bytes_per_second: float

    def to_json(self) -> dict[str, float]:
        """As JSON values."""
        return asdict(self)


def measure_limits() -> Limits:
    """Measure now, on as many threads as numpy's BLAS is set to (the copy takes one)."""
    a, b, product = (np.ones((MATRIX, MATRIX), np.float32) for _ in range(3))
    source, target = (np.ones(CACHE_FLOATS, np.float32) for _ in range(2))
    return Limits(
        MATRIX**3 / _fastest(lambda: np.matmul(a, b, out=product)),
        2 * source.nbytes / _fastest(lambda: np.copyto(target, source)),
    )


def _fastest(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
