"""How far a client's numbers are from the golden ones."""

from __future__ import annotations

from typing import Any

import numpy as np


def error(found: Any, expected: Any) -> float:
    """max|found - expected| / max|expected|, as the vectors' README measures it."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    largest = np.abs(expected).max(initial=0)
    return float(np.abs(found - expected).max(initial=0) / (largest or 1))
