"""Deterministic vectors made from a name alone, in integer arithmetic that C and JavaScript can copy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MASK = 2**64 - 1


def name_hash(name: str) -> int:
    """Return the 64-bit FNV-1a hash of the name's UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8", "surrogatepass"):
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def seeded_direction(name: str, dim: int) -> NDArray[np.float64]:
    """Return a vector [dim] float64 of length 1 that depends on the name only.

    Entry i is 2u - 1, scaled, where u in [0, 1) is the upper 53 bits of the i-th output of splitmix64 (Steele,
    Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) started at `name_hash(name)`.
    Two names' directions are nearly orthogonal in hundreds of dimensions.
    """
    steps = np.arange(1, dim + 1, dtype=np.uint64)
    state = np.uint64(name_hash(name)) + steps * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    uniform = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    direction = 2.0 * uniform - 1.0
    return direction / np.sqrt(direction @ direction)
