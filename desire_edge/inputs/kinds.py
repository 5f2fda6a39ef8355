"""The kinds of input, and what a bundle or an adapted model says of its own."""

from __future__ import annotations

import reprlib
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets
from desire_edge.inputs.images import ImageInput
from desire_edge.inputs.lexical import LexiconInput
from desire_edge.inputs.spec import InputSpec
from desire_edge.inputs.tokens import TokensInput
from desire_edge.inputs.vectors import VectorInput
from desire_edge.inputs.words import WordsInput
from desire_edge.lexicon.characters import UNICODE

INPUTS: dict[str, type[InputSpec]] = {
    spec.kind: spec for spec in (WordsInput, VectorInput, LexiconInput, ImageInput, TokensInput)
}
ASSETS = frozenset(name for spec in INPUTS.values() for name in spec.assets)
"""The names of all files that some kind of input needs beside the model."""


def input_from_json(value: Any, where: str, code: str, assets: Assets) -> InputSpec:
    """Read what `InputSpec.to_json` wrote.

    Files of earlier versions do not say by which Unicode their words are split: it is the same.

    Args:
        value: what the file says.
        where: names the file in errors.
        code: of the errors.
        assets: where the input's own files are; they are read when they are needed.
    """
    try:
        kind = value["kind"]
        if isinstance(kind, str) and kind not in INPUTS:
            raise DesireEdgeError(
                f"{where}: the model takes input of the kind {reprlib.repr(kind)}, which this version does not know; "
                "update desire-edge",
                code,
            )
        spec = INPUTS[kind].from_json(value, assets)
    except (KeyError, TypeError, ValueError) as error:
        raise DesireEdgeError(
            f"{where} does not say what the model's input is ({error}); export the bundle again", code
        ) from error
    unicode = value.get("unicode", UNICODE)
    if unicode != UNICODE:
        raise DesireEdgeError(
            f"{where}: its words were split by Unicode {reprlib.repr(unicode)}, which this version does not know; "
            "update desire-edge",
            "unicode-version",
        )
    return spec
