"""Texts as vectors of a static lexicon, in the space of the labels' names: features without a graph."""

from __future__ import annotations

from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.files import link_or_copy
from desire_edge.inputs.lexical import LEXICON, LexiconInput
from desire_edge.lexicon import Lexicon
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.options import BackboneOptions

NAME = "words"


def build(folder: Path, options: BackboneOptions) -> FrozenStage:
    """Put the run's lexicon into `folder`."""
    if options.lexicon is None or not Lexicon.open(options.lexicon).static:
        raise DesireEdgeError(
            'the backbone words makes features of a static lexicon; set lexicon.sources=["static"] beside it'
        )
    (folder / LEXICON).unlink(missing_ok=True)
    link_or_copy(options.lexicon, folder / LEXICON)
    spec = LexiconInput.of(folder / LEXICON)
    return FrozenStage(NAME, folder, spec, spec.features, names=True)
