"""Text as the words it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from desire_edge.inputs.assets import Assets
from desire_edge.inputs.spec import IDS, VALUES, Features, InputSpec, RawInput, sparsely
from desire_edge.inputs.vectors import sparse_features, vector_features
from desire_edge.lexicon.characters import UNICODE
from desire_edge.lexicon.text import tokenize


@dataclass(frozen=True)
class WordsInput(InputSpec):
    """A bag of words: x_i is 1 where the text holds the word `vocabulary[i]`.

    Sparse features by word, and whole vectors, are taken too. A `sparse` one gives a graph the words that are there
    in place of x: most of a text's x are 0.
    """

    kind: ClassVar[str] = "bag-of-words"

    vocabulary: tuple[str, ...]
    sparse: bool = False
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Number the words."""
        object.__setattr__(self, "_index", {word: index for index, word in enumerate(self.vocabulary)})

    @property
    def features(self) -> int:
        """The length of x."""
        return len(self.vocabulary)

    @property
    def takes(self) -> dict[str, tuple[str, tuple[int | None, ...]]]:
        """What a graph takes of one example."""
        return {IDS: ("int64", (None,)), VALUES: ("float32", (None,))} if self.sparse else super().takes

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
        sparse = value.get("sparse", False)
        if not isinstance(sparse, bool):
            raise TypeError("sparse is neither true nor false")
        return cls(tuple(words), sparse)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {
            "kind": self.kind,
            "features": self.features,
            "vocabulary": list(self.vocabulary),
            "unicode": UNICODE,
            **({"sparse": True} if self.sparse else {}),
        }

    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example."""
        if not isinstance(raw, str):
            found = (
                sparse_features(raw, self._index, self.features, where)
                if isinstance(raw, Mapping)
                else vector_features(raw, self.features, where)
            )
            return sparsely(found) if self.sparse else found
        words = set(tokenize(raw))
        known = [self._index[word] for word in words if word in self._index]
        if self.sparse:
            ids = np.array(sorted(known), np.int64)
            return Features(ids, len(known), len(words), np.ones(len(ids), np.float32))
        x = np.zeros(self.features, np.float32)
        x[known] = 1
        return Features(x, len(known), len(words))


def text_key(text: str) -> str:
    """Equal for two texts exactly if their x is equal, whatever the vocabulary."""
    return " ".join(sorted(set(tokenize(text))))
