"""What this machine can do at most: multiply-adds and bytes a second."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MATRIX = 768
TRIES = 30


@dataclass(frozen=True)
class Limits:
    """What one core was seen to do.

    Attributes:
        multiply_adds_per_second: in float32, of independent fused multiply-adds: `adapt_bench`, median of its run.
        bytes_per_second: read from arrays larger than the caches: `adapt_bench`, median.
        numpy_multiply_adds_per_second: of a large product of matrices in numpy, the best: a cross-check of the first.
    """

    multiply_adds_per_second: float
    bytes_per_second: float
    numpy_multiply_adds_per_second: float

    def to_json(self) -> dict[str, float]:
        """As JSON values."""
        return asdict(self)


def measured_limits(native: dict[str, Any]) -> Limits:
    """From what `adapt_bench` printed, and numpy now, which must be on one thread."""
    peaks = [shape["peak_multiply_adds_per_s"]["median"] for shape in native["shapes"]]
    a, b, product = (np.ones((MATRIX, MATRIX), np.float32) for _ in range(3))
    seconds = []
    for _ in range(TRIES):
        started = time.perf_counter()
        np.matmul(a, b, out=product)
        seconds.append(time.perf_counter() - started)
    return Limits(
        float(np.median(peaks)), native["bandwidth_bytes_per_s"]["median"], MATRIX**3 / min(seconds)
    )
