"""Label text to word vectors: the compact on-device lexicon, and (server side) what it is built from."""

from typing import TYPE_CHECKING

from desire_edge.lazy import lazily

if TYPE_CHECKING:
    from desire_edge.lexicon.characters import fold
    from desire_edge.lexicon.lexicon import LabelMatrix, LabelVector, Lexicon
    from desire_edge.lexicon.text import tokenize

__all__ = ["LabelMatrix", "LabelVector", "Lexicon", "fold", "tokenize"]
_ROOMS = {
    "LabelMatrix": ".lexicon",
    "LabelVector": ".lexicon",
    "Lexicon": ".lexicon",
    "fold": ".characters",
    "tokenize": ".text",
}

if not TYPE_CHECKING:  # a type checker goes by the imports above
    __getattr__ = lazily(__name__, _ROOMS)
