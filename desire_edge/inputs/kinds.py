"""The kinds of input, and what a bundle or an adapted model says of its own."""

from __future__ import annotations

import reprlib
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import InputSpec
from desire_edge.inputs.vectors import VectorInput
from desire_edge.inputs.words import WordsInput
from desire_edge.lexicon.characters import UNICODE

INPUTS: dict[str, type[InputSpec]] = {spec.kind: spec for spec in (WordsInput, VectorInput)}


def input_from_json(value: Any, where: str, code: str) -> InputSpec:
    """Read what `InputSpec.to_json` wrote; `where` names the file in errors, which have this `code`.

    Files of earlier versions do not say by which Unicode their words are split: it is the same.
    """
    try:
        spec = INPUTS[value["kind"]].from_json(value)
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
