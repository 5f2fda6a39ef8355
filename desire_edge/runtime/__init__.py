"""The device side: bundle, raw input to features, adapt, predict. No torch, no onnx package."""

from desire_edge.inputs import Example, Features, InputSpec, RawInput, VectorInput, WordsInput, read_input
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.explain import Explanation
from desire_edge.runtime.predictor import Predictor
from desire_edge.runtime.report import AdaptReport, LabelReport
from desire_edge.runtime.support import Support
from desire_edge.runtime.task import Task

__all__ = [
    "AdaptReport",
    "Bundle",
    "Example",
    "Explanation",
    "Features",
    "InputSpec",
    "LabelReport",
    "Predictor",
    "RawInput",
    "Support",
    "Task",
    "VectorInput",
    "WordsInput",
    "read_input",
]
