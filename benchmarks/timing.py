"""Fair timing: contenders take turns in one process, and nothing in the environment slows one of them."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SECONDS_A_TURN = 0.004


@dataclass(frozen=True)
class Timing:
    """Seconds a call."""

    median: float
    minimum: float
    calls: int

    def to_json(self) -> dict[str, float]:
        """Microseconds, as JSON values."""
        return {
            "median_us": round(self.median * 1e6, 2),
            "minimum_us": round(self.minimum * 1e6, 2),
            "calls": self.calls,
        }


def interleaved(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Timing]:
    """Time `contenders`, functions that do their work once and return the seconds it took.

    Each round gives each its turn: as many calls as fill about 4 ms untimed, to warm its caches again and to let the
    one before it, which may be a process of its own, come to rest; then as many that count.
    """
    turn = {}
    for name, call in contenders.items():
        call()
        turn[name] = max(1, min(20, int(SECONDS_A_TURN / max(call(), 1e-7))))
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            for _ in range(turn[name]):
                call()
            seconds[name] += [call() for _ in range(turn[name])]
    return {name: Timing(statistics.median(found), min(found), len(found)) for name, found in seconds.items()}


def without_overrides() -> None:
    """Start this program again without OPENBLAS_* variables, where there are any: they are read when numpy loads."""
    overrides = [name for name in os.environ if name.startswith("OPENBLAS_")]
    if overrides:
        clean = {name: value for name, value in os.environ.items() if name not in overrides}
        os.execve(sys.executable, [sys.executable, *sys.argv], clean)
