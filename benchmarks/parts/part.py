"""What a part of `benchmarks/house.py` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Numbers by name, and what else is worth keeping, as JSON values."""

    metrics: Mapping[str, float]
    details: Mapping[str, Any] = field(default_factory=dict)
