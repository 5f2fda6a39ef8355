"""Raw input to x, a file a kind; names of labels; folders of examples. For training and devices: numpy alone."""

from desire_edge.inputs.assets import Assets
from desire_edge.inputs.files import read_input
from desire_edge.inputs.images import ImageInput
from desire_edge.inputs.kinds import input_from_json
from desire_edge.inputs.spec import Features, InputSpec, RawInput
from desire_edge.inputs.tokens import TokensInput
from desire_edge.inputs.vectors import VectorInput
from desire_edge.inputs.words import WordsInput

__all__ = [
    "Assets",
    "Features",
    "ImageInput",
    "InputSpec",
    "RawInput",
    "TokensInput",
    "VectorInput",
    "WordsInput",
    "input_from_json",
    "read_input",
]
