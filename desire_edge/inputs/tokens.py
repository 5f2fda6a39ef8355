"""Text as the tokens of a pretrained encoder, split by the tokenizer that stands beside the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets, digests_from_json, sha256_of
from desire_edge.inputs.spec import Features, InputSpec, RawInput

TOKENIZER = "tokenizer.json"
MAX_TOKENS, MAX_VOCABULARY = 2**16, 2**24
MAX_TOKENIZER_BYTES = 64 * 2**20


@dataclass(frozen=True)
class TokensInput(InputSpec):
    """Token ids, x int64 [length] with 1 ≤ length ≤ `longest`; a longer text is cut off there.

    Token ids are taken as they are, too. `pad` is the id of no token: a graph that takes several texts at once
    leaves it out of count.
    """

    kind: ClassVar[str] = "tokens"
    ragged: ClassVar[bool] = True
    dtype: ClassVar[str] = "int64"
    assets: ClassVar[tuple[str, ...]] = (TOKENIZER,)

    longest: int
    vocabulary: int
    pad: int
    sha256: str
    where: Assets = field(default=Assets(), compare=False)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of x."""
        return (None,)

    @classmethod
    def of(cls, tokenizer: Path, *, longest: int, pad: int) -> Self:
        """The input of a text encoder, with `tokenizer`, a file of the name `TOKENIZER`."""
        digest = sha256_of(tokenizer)
        spec = cls(longest, MAX_VOCABULARY, pad, digest, Assets(tokenizer.parent))
        return cls(longest, spec.tokenizer.get_vocab_size(), pad, digest, spec.where)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], assets: Assets) -> Self:
        """Read what `to_json` wrote."""
        longest, vocabulary, pad = value["longest"], value["vocabulary_size"], value["pad"]
        for name, number, least, most in (
            ("longest", longest, 1, MAX_TOKENS),
            ("vocabulary_size", vocabulary, 1, MAX_VOCABULARY),
            ("pad", pad, 0, MAX_VOCABULARY),
        ):
            if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
                raise ValueError(f"{name} is no number from {least} to {most}")
        return cls(longest, vocabulary, pad, digests_from_json(value, cls.assets)[TOKENIZER], assets)

    def to_json(self) -> dict[str, Any]:
        """The spec as JSON values."""
        return {
            "kind": self.kind,
            "longest": self.longest,
            "vocabulary_size": self.vocabulary,
            "pad": self.pad,
            "files": {TOKENIZER: self.sha256},
        }

    def open(self) -> None:
        """Read the tokenizer."""
        _ = self.tokenizer

    @cached_property
    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer`, which cuts a text off and fills up none."""
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise DesireEdgeError(
                "this model's texts are split by the package tokenizers, which is not installed; install it with "
                "`pip install tokenizers`, or give token ids"
            ) from error
        path = self.where.checked(TOKENIZER, self.sha256)
        if path.stat().st_size > MAX_TOKENIZER_BYTES:
            raise DesireEdgeError(f"{path} is larger than {MAX_TOKENIZER_BYTES} bytes, so it is not read")
        try:
            tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            tokenizer.no_padding()
            tokenizer.enable_truncation(self.longest)
        except Exception as error:  # its errors share no other base
            raise DesireEdgeError(
                f"{path} is not a tokenizer that can be read: {error}", "tokenizer"
            ) from error
        return tokenizer

    def padded(self, x: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Token ids of several texts, [n, longest of them], `pad` where there is none."""
        filled = np.full((len(x), max(map(len, x))), self.pad, np.int64)
        for row, ids in zip(filled, x, strict=True):
            row[: len(ids)] = ids
        return filled

    def features_of(self, raw: RawInput, where: str) -> Features:
        """The token ids of a text, or token ids as they are: int64 [length]."""
        if isinstance(raw, str):
            ids = self.tokenizer.encode(raw).ids or [self.pad]
            return Features(np.array(ids, np.int64))
        if isinstance(raw, Mapping):
            raise DesireEdgeError(
                f"{where} holds features by name, but this model takes texts, or token ids", "input-kind"
            )
        try:
            x = np.asarray(raw)
        except (TypeError, ValueError):
            raise DesireEdgeError(f"{where} does not hold plain numbers", "input-type") from None
        if x.dtype.kind not in "iu":
            raise DesireEdgeError(f"{where} holds {x.dtype}, but token ids are whole numbers", "input-type")
        if x.ndim != 1 or not 1 <= len(x) <= self.longest:
            raise DesireEdgeError(
                f"{where} has shape {list(x.shape)}, but this model takes 1 to {self.longest} token ids",
                "input-shape",
            )
        if x.min() < 0 or x.max() >= self.vocabulary:
            raise DesireEdgeError(
                f"{where}: token ids run from 0 to {self.vocabulary - 1}, and these from {x.min()} to {x.max()}",
                "input-feature",
            )
        return Features(x.astype(np.int64))
