"""Raw input -> x, the extractor's feature vector, the same way at training and on the device."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import tokenize

RawInput = str | Mapping[str, float] | Sequence[float] | NDArray[Any]
"""Text; sparse features by name (or by index, as a string); or a whole feature vector."""


@dataclass(frozen=True)
class Features:
    """One example's x [features] float32 and, for text, how many of its distinct words the model knows."""

    x: NDArray[np.float32]
    known_words: int = 0
    words: int = 0


@dataclass(frozen=True)
class InputSpec:
    """What the extractor takes.

    Attributes:
        kind: "bag-of-words": x_i is 1 where the text holds the word `vocabulary[i]`; "vector": numbers without names.
        features: the length of x.
        vocabulary: the features' names; empty for "vector".
    """

    kind: Literal["bag-of-words", "vector"]
    features: int
    vocabulary: tuple[str, ...] = ()
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check that the parts agree."""
        if self.kind == "bag-of-words" and len(self.vocabulary) != self.features:
            raise DesireEdgeError(
                f"the input has {self.features} features, but a vocabulary of {len(self.vocabulary)} words"
            )
        object.__setattr__(self, "_index", {name: index for index, name in enumerate(self.vocabulary)})

    @classmethod
    def from_json(cls, value: Any, where: str) -> InputSpec:
        """Read what `to_json` wrote; `where` names the file in errors."""
        match value:
            case {
                "kind": "bag-of-words" | "vector" as kind,
                "features": int(features),
                "vocabulary": list(words),
            } if features >= 1 and all(isinstance(word, str) for word in words):
                return cls(kind, features, tuple(words))
        raise DesireEdgeError(f"{where} does not say what the model's input is; export the bundle again")

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {"kind": self.kind, "features": self.features, "vocabulary": list(self.vocabulary)}

    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example; `where` names it in errors.

        Raises:
            DesireEdgeError: text for a model of plain vectors, an unknown feature, a wrong count, or a value
                that is not finite.
        """
        if isinstance(raw, str):
            return self._from_text(raw, where)
        if isinstance(raw, Mapping):
            return self._from_sparse(raw, where)
        return self._from_vector(raw, where)

    def _from_text(self, text: str, where: str) -> Features:
        if self.kind == "vector":
            raise DesireEdgeError(
                f"{where} is text, but this model takes vectors of {self.features} numbers; "
                "give it a .npy or .json file"
            )
        words = set(tokenize(text))
        known = [self._index[word] for word in words if word in self._index]
        x = np.zeros(self.features, np.float32)
        x[known] = 1
        return Features(x, len(known), len(words))

    def _from_sparse(self, values: Mapping[str, float], where: str) -> Features:
        x = np.zeros(self.features, np.float32)
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise DesireEdgeError(
                    f"{where}: the value of feature {reprlib.repr(name)} is {reprlib.repr(value)}, not a number"
                )
            index = self._index.get(name)
            if index is None and name.isascii() and name.isdigit() and len(name) < 10:
                index = int(name)
            if index is None or index >= self.features:
                expected = "one of the vocabulary's words, or an index" if self.vocabulary else "an index"
                raise DesireEdgeError(
                    f"{where}: the model has no feature {reprlib.repr(name)}; a feature is {expected} "
                    f"from 0 to {self.features - 1}"
                )
            try:
                with np.errstate(over="ignore"):  # too large for float32: infinite, and refused as such
                    x[index] = value
            except OverflowError:
                x[index] = np.inf
        return Features(_finite(x, where))

    def _from_vector(self, values: Sequence[float] | NDArray[Any], where: str) -> Features:
        try:
            x = np.asarray(values)
            if x.dtype.kind not in "fiub":
                raise TypeError
        except (TypeError, ValueError):
            raise DesireEdgeError(f"{where} does not hold plain numbers") from None
        if x.shape == (1, self.features):
            x = x[0]
        if x.shape != (self.features,):
            raise DesireEdgeError(
                f"{where} has shape {list(x.shape)}, but this model takes {self.features} features an example"
            )
        with np.errstate(over="ignore"):
            return Features(_finite(np.ascontiguousarray(x, np.float32), where))


def _finite(x: NDArray[np.float32], where: str) -> NDArray[np.float32]:
    bad = np.flatnonzero(~np.isfinite(x))
    if len(bad):
        raise DesireEdgeError(
            f"{where}: feature {bad[0]} is {x[bad[0]]}; every feature must be a finite number"
        )
    return x


def unknown_texts(features: Sequence[Features], names: Sequence[str]) -> list[str]:
    """A warning for each text of whose words the model knows none; `names` are the examples'."""
    return [
        f"{name}: 0 of its {item.words} words are known to the model, so it looks like any other such text"
        for item, name in zip(features, names, strict=True)
        if item.words and not item.known_words
    ]
