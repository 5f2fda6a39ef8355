"""Text as its vector in the space of label names, by the static lexicon that stands beside the model, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets, digests_from_json, sha256_of
from desire_edge.inputs.spec import Features, InputSpec, RawInput
from desire_edge.inputs.vectors import vector_features
from desire_edge.lexicon.characters import UNICODE

if TYPE_CHECKING:
    from desire_edge.lexicon import Lexicon

LEXICON = "lexicon.safetensors"
MOST_HASHED = 1 << 16
"""Numbers that words are hashed into."""


@dataclass(frozen=True)
class LexiconInput(InputSpec):
    """x [size + hashed] float32 is the text's vector, of length 1, zeros for a text without words; then its words.

    Vectors are taken as they are, too.
    """

    kind: ClassVar[str] = "lexicon"
    assets: ClassVar[tuple[str, ...]] = (LEXICON,)

    size: int
    sha256: str
    where: Assets = field(default=Assets(), compare=False)
    hashed: int = 0

    @property
    def features(self) -> int:
        """The length of x."""
        return self.size + self.hashed

    @classmethod
    def of(cls, lexicon: Path) -> Self:
        """The input of texts by `lexicon`, a static one in a file of the name `LEXICON`."""
        from desire_edge.lexicon import Lexicon

        spec = cls(Lexicon.open(lexicon).dim, sha256_of(lexicon), Assets(lexicon.parent))
        spec.open()
        return spec

    @classmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote."""
        size, hashed = value["features"], value.get("hashed", 0)
        if isinstance(size, bool) or not isinstance(size, int) or size < 2 or size % 2:
            raise ValueError("features is no even number of them")
        if isinstance(hashed, bool) or not isinstance(hashed, int) or not 0 <= hashed <= MOST_HASHED:
            raise ValueError(f"hashed is no number from 0 to {MOST_HASHED}")
        return cls(size, digests_from_json(value, cls.assets)[LEXICON], assets, hashed)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {
            "kind": self.kind,
            "features": self.size,
            **({"hashed": self.hashed} if self.hashed else {}),
            "unicode": UNICODE,
            "files": {LEXICON: self.sha256},
        }

    def open(self) -> None:
        """Read the lexicon."""
        _ = self.lexicon

    @cached_property
    def lexicon(self) -> Lexicon:
        """The lexicon, memory-mapped."""
        from desire_edge.lexicon import Lexicon  # what texts need no vectors of starts without it

        path = self.where.checked(LEXICON, self.sha256)
        lexicon = Lexicon.open(path)
        if not lexicon.static or lexicon.dim != self.size:
            raise DesireEdgeError(
                f"{path} gives texts {lexicon.dim if lexicon.static else 'no'} features, but the model takes "
                f"{self.size}; export the bundle again",
                "lexicon",
            )
        return lexicon

    def features_of(self, raw: RawInput, where: str) -> Features:
        """x of one example."""
        if isinstance(raw, Mapping):
            raise DesireEdgeError(
                f"{where} holds features by name, but this model takes texts, or vectors of {self.features} numbers",
                "input-kind",
            )
        if not isinstance(raw, str):
            return vector_features(raw, self.features, where)
        found = self.lexicon.text_vector(raw, self.hashed)
        return Features(found.vector, found.known_words, found.words)
