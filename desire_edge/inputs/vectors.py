"""Vectors and sparse features: numbers that are x already."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets
from desire_edge.inputs.spec import Features, InputSpec, RawInput, SparseRow, finite
from desire_edge.lexicon.characters import UNICODE


@dataclass(frozen=True)
class VectorInput(InputSpec):
    """Numbers without names: a vector [features], or sparse features by index."""

    kind: ClassVar[str] = "vector"

    size: int

    @property
    def features(self) -> int:
        """The length of x."""
        return self.size

    @classmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote."""
        size = value["features"]
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError("features is no number of them")
        return cls(size)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {"kind": self.kind, "features": self.size, "vocabulary": [], "unicode": UNICODE}

    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example."""
        if isinstance(raw, str):
            raise DesireEdgeError(
                f"{where} is text, but this model takes vectors of {self.features} numbers; "
                "give it a .npy or .json file",
                "input-kind",
            )
        if isinstance(raw, Mapping):
            return sparse_features(raw, {}, self.features, where)
        return vector_features(raw, self.features, where)


def sparse_features(
    values: Mapping[str, float], index: Mapping[str, int], features: int, where: str
) -> Features:
    """x [features] of sparse features by name, as `index` numbers them, or by index, as a string."""
    x = np.zeros(features, np.float32)
    given: dict[int, str] = {}
    for name, value in values.items():
        if not isinstance(name, str):
            raise DesireEdgeError(
                f"{where}: features are named by strings, and {reprlib.repr(name)} is none; write an index as '3'",
                "input-feature",
            )
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise DesireEdgeError(
                f"{where}: the value of feature {reprlib.repr(name)} is {reprlib.repr(value)}, not a number",
                "input-type",
            )
        place = index.get(name)
        if place is None and name.isascii() and name.isdigit() and len(name) < 10:
            place = int(name)
        if place is None or place >= features:
            expected = "one of the vocabulary's words, or an index" if index else "an index"
            raise DesireEdgeError(
                f"{where}: the model has no feature {reprlib.repr(name)}; a feature is {expected} "
                f"from 0 to {features - 1}",
                "input-feature",
            )
        if place in given:
            raise DesireEdgeError(
                f"{where}: {reprlib.repr(given[place])} and {reprlib.repr(name)} are one feature; give it once",
                "input-feature",
            )
        given[place] = name
        try:
            with np.errstate(over="ignore"):  # too large for float32: infinite, and refused as such
                x[place] = value
        except OverflowError:
            x[place] = np.inf
    return Features(finite(x, where))


def vector_features(
    values: Sequence[float] | NDArray[Any] | SparseRow, features: int, where: str
) -> Features:
    """x [features] of numbers of that shape, or [1, features]."""
    try:
        x = values if isinstance(values, SparseRow) else np.asarray(values)
        if x.dtype.kind not in "fiub" or x.dtype.itemsize > 8:
            raise TypeError
    except (TypeError, ValueError):
        raise DesireEdgeError(f"{where} does not hold plain numbers", "input-type") from None
    if x.shape not in ((features,), (1, features)):
        raise DesireEdgeError(
            f"{where} has shape {list(x.shape)}, but this model takes {features} features an example",
            "input-shape",
        )
    whole = x.toarray() if isinstance(x, SparseRow) else x
    with np.errstate(over="ignore"):
        return Features(finite(np.ascontiguousarray(whole.reshape(features), np.float32), where))
