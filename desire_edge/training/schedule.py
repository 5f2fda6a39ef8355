"""The learning rate of pre-training and meta-training."""

from __future__ import annotations

import math


def schedule(progress: float, warm_up: float = 0.0) -> float:
    """The learning rate's factor at `progress` in [0, 1]: linear warm-up, then half a cosine down to zero."""
    if progress < warm_up:
        return 0.04 + 0.96 * progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))
