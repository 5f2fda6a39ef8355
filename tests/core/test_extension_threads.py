"""The extension under threads: it releases the GIL and shares nothing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from core.cases import realistic
from core.reference import lowrank_arrays

from desire_edge import _core

MODEL, TASK = realistic()


@pytest.mark.parametrize("function", ["adapt_dense", "adapt_lowrank"])
def test_python_runs_while_the_core_computes(function: str) -> None:
    model = MODEL.arrays() if function == "adapt_dense" else lowrank_arrays(MODEL)
    task = TASK.arrays() | {"step_sizes": np.full((200, 5), 0.1)}  # long enough to be seen
    ticks = 0
    with ThreadPoolExecutor(1) as pool:
        adapting = pool.submit(getattr(_core, function), **task, **model)
        while not adapting.done():
            time.sleep(0.001)
            ticks += 1
    assert np.isfinite(adapting.result()["losses"]).all()
    # Held for the whole call, the GIL would let this thread look once before it and once after.
    assert ticks > 10


def test_concurrent_calls_give_the_bits_of_one_alone() -> None:
    arguments = [{**TASK.arrays(), **lowrank_arrays(MODEL), "gamma1": 1.0 + 0.1 * i} for i in range(4)]
    alone = [_core.adapt_lowrank(**each) for each in arguments]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: _core.adapt_lowrank(**each), arguments))
    for expected, found in zip(alone, together, strict=True):
        np.testing.assert_equal(found, expected)
