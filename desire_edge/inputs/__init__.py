"""Raw input to x, a file a kind; names of labels; files of examples, a file a format. For training and devices."""

from typing import TYPE_CHECKING

from desire_edge.lazy import lazily

if TYPE_CHECKING:
    from desire_edge.inputs.assets import Assets
    from desire_edge.inputs.examples import Columns, Example, Examples
    from desire_edge.inputs.files import read_input
    from desire_edge.inputs.images import ImageInput
    from desire_edge.inputs.kinds import input_from_json
    from desire_edge.inputs.lexical import LexiconInput
    from desire_edge.inputs.readers import read_examples
    from desire_edge.inputs.spec import Features, InputSpec, RawInput
    from desire_edge.inputs.tokens import TokensInput
    from desire_edge.inputs.vectors import VectorInput
    from desire_edge.inputs.words import WordsInput

__all__ = [
    "Assets",
    "Columns",
    "Example",
    "Examples",
    "Features",
    "ImageInput",
    "InputSpec",
    "LexiconInput",
    "RawInput",
    "TokensInput",
    "VectorInput",
    "WordsInput",
    "input_from_json",
    "read_examples",
    "read_input",
]
_ROOMS = {
    "Assets": ".assets",
    "Columns": ".examples",
    "Example": ".examples",
    "Examples": ".examples",
    "Features": ".spec",
    "ImageInput": ".images",
    "InputSpec": ".spec",
    "LexiconInput": ".lexical",
    "RawInput": ".spec",
    "TokensInput": ".tokens",
    "VectorInput": ".vectors",
    "WordsInput": ".words",
    "input_from_json": ".kinds",
    "read_examples": ".readers",
    "read_input": ".files",
}

if not TYPE_CHECKING:  # a type checker goes by the imports above
    __getattr__ = lazily(__name__, _ROOMS)
