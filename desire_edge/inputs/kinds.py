"""The kinds of input, and what a bundle or an adapted model says of its own."""

from __future__ import annotations

from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import InputSpec
from desire_edge.inputs.vectors import VectorInput
from desire_edge.inputs.words import WordsInput

INPUTS: dict[str, type[InputSpec]] = {spec.kind: spec for spec in (WordsInput, VectorInput)}


def input_from_json(value: Any, where: str) -> InputSpec:
    """Read what `InputSpec.to_json` wrote; `where` names the file in errors."""
    try:
        return INPUTS[value["kind"]].from_json(value)
    except (KeyError, TypeError, ValueError) as error:
        raise DesireEdgeError(
            f"{where} does not say what the model's input is ({error}); export the bundle again"
        ) from error
