"""Text as the words it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from desire_edge.inputs.assets import Assets
from desire_edge.inputs.spec import Features, InputSpec, RawInput
from desire_edge.inputs.vectors import sparse_features, vector_features
from desire_edge.lexicon import tokenize
from desire_edge.lexicon.characters import UNICODE


@dataclass(frozen=True)
class WordsInput(InputSpec):
    """A bag of words: x_i is 1 where the text holds the word `vocabulary[i]`.

    Sparse features by word, and whole vectors, are taken too.
    """

    kind: ClassVar[str] = "bag-of-words"

    vocabulary: tuple[str, ...]
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Number the words."""
        object.__setattr__(self, "_index", {word: index for index, word in enumerate(self.vocabulary)})

    @property
    def features(self) -> int:
        """The length of x."""
        return len(self.vocabulary)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote."""
        words = value["vocabulary"]
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise TypeError("the vocabulary is no list of words")
        if not words or value["features"] != len(words):
            raise ValueError(
                f"the input has {value['features']} features, but a vocabulary of {len(words)} words"
            )
        return cls(tuple(words))

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {
            "kind": self.kind,
            "features": self.features,
            "vocabulary": list(self.vocabulary),
            "unicode": UNICODE,
        }

    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example."""
        if isinstance(raw, Mapping):
            return sparse_features(raw, self._index, self.features, where)
        if not isinstance(raw, str):
            return vector_features(raw, self.features, where)
        words = set(tokenize(raw))
        known = [self._index[word] for word in words if word in self._index]
        x = np.zeros(self.features, np.float32)
        x[known] = 1
        return Features(x, len(known), len(words))


def text_key(text: str) -> str:
    """Equal for two texts exactly if their x is equal, whatever the vocabulary."""
    return " ".join(sorted(set(tokenize(text))))
