"""Label text to word vectors: the compact on-device lexicon, and (server side) what it is built from."""

from desire_edge.lexicon.characters import fold
from desire_edge.lexicon.lexicon import LabelMatrix, LabelVector, Lexicon
from desire_edge.lexicon.text import tokenize

__all__ = ["LabelMatrix", "LabelVector", "Lexicon", "fold", "tokenize"]
