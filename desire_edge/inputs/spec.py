"""What an extractor takes: raw input -> x, an array, the same way at training and on the device.

Each kind of input is one file beside this one and one line of `kinds.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets


@runtime_checkable
class SparseRow(Protocol):
    """One row of a sparse matrix, [features] or [1, features], as scipy has them."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numbers' type."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The row's shape."""

    def toarray(self) -> NDArray[Any]:
        """The same with its zeros."""


RawInput = str | Mapping[str, float] | Sequence[float] | NDArray[Any] | SparseRow
"""Text; sparse features by name (or by index, as a string); a whole feature vector; or a picture's pixels."""


@dataclass(frozen=True)
class Features:
    """One example's x, as its kind says, and, for words, how many of a text's distinct ones the model knows.

    Of a sparse kind x are the numbers int64 [k] of the features that are not 0, and `values` float32 [k] theirs.
    """

    x: NDArray[Any]
    known_words: int = 0
    words: int = 0
    values: NDArray[np.float32] | None = None


class InputSpec(ABC):
    """What an extractor takes; a subclass a kind of input.

    Class attributes:
        kind: what a bundle calls the kind.
        ragged: whether examples' x differ in shape; then a graph takes one at a time, [1, …].
        dtype: of x.
        assets: the names of the files that it needs beside the model.
    """

    kind: ClassVar[str]
    ragged: ClassVar[bool] = False
    dtype: ClassVar[str] = "float32"
    assets: ClassVar[tuple[str, ...]] = ()

    @property
    def features(self) -> int:
        """The length of x; 0 where x is no vector of one length."""
        return 0

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one example's x, None where examples differ."""
        return (self.features,)

    @property
    def takes(self) -> dict[str, tuple[str, tuple[int | None, ...]]]:
        """What a graph takes of one example: each input's dtype and shape, None where examples differ."""
        return {"x": (self.dtype, self.shape)}

    @classmethod
    @abstractmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote; a KeyError, TypeError or ValueError where it is something else."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values, its `kind` among them, and the SHA-256 of its assets as `files`."""

    def open(self) -> None:  # noqa: B027 (most kinds have no assets)
        """Read the assets, which `features_of` does at the latest.

        Raises:
            DesireEdgeError: one is not there, is not what it was, or cannot be read.
        """

    @abstractmethod
    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example; `where` names it in errors.

        Raises:
            DesireEdgeError: an input of another kind, an unknown feature, a wrong count, or a value that is not finite.
        """


GraphInputs = Mapping[str, NDArray[Any] | list[NDArray[Any]]]
"""What a graph takes, by the inputs' names: n rows each."""
IDS, VALUES = "ids", "values"
_WIDE = 8
"""Sparse rows are as long as a multiple of it: then a row gives the same bits beside longer ones."""


def stacked(features: Sequence[Features], spec: InputSpec) -> GraphInputs:
    """What a graph takes of n examples.

    `x` [n, features], a row each; a list of them where the kind is ragged. Or, of a sparse kind, `ids` and `values`
    [n, k], filled up with zeros.
    """
    if spec.ragged:
        return {"x": [item.x for item in features]}
    if IDS in spec.takes:
        longest = max((len(item.x) for item in features), default=0)
        shape = len(features), max(_WIDE, -(-longest // _WIDE) * _WIDE)
        ids, values = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        for row, item in enumerate(features):
            ids[row, : len(item.x)], values[row, : len(item.x)] = item.x, item.values
        return {IDS: ids, VALUES: values}
    x = np.zeros((len(features), spec.features), np.float32)
    for row, item in enumerate(features):
        x[row] = item.x
    return {"x": x}


def sparsely(dense: Features) -> Features:
    """Features as a sparse kind has them."""
    ids = np.flatnonzero(dense.x)
    return Features(ids, dense.known_words, dense.words, dense.x[ids])


def finite(x: NDArray[np.float32], where: str) -> NDArray[np.float32]:
    """`x` [features] as it is; one with NaN or infinity is refused."""
    bad = np.flatnonzero(~np.isfinite(x))
    if len(bad):
        raise DesireEdgeError(
            f"{where}: feature {bad[0]} is {x[bad[0]]}; every feature must be a finite number", "input-finite"
        )
    return x


def unknown_texts(features: Sequence[Features], names: Sequence[str]) -> list[str]:
    """A warning for each text of whose words the model knows none; `names` are the examples'."""
    return [
        f"{name}: 0 of its {item.words} words are known to the model, so it looks like any other such text"
        for item, name in zip(features, names, strict=True)
        if item.words and not item.known_words
    ]
