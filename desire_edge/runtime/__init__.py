"""The device side: bundle, raw input to features, adapt, predict. No torch, no onnx package."""

from typing import TYPE_CHECKING

from desire_edge.lazy import lazily

if TYPE_CHECKING:
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
_ROOMS = {
    "AdaptReport": ".report",
    "Bundle": ".bundle",
    "Example": "..inputs.examples",
    "Explanation": ".explain",
    "Features": "..inputs.spec",
    "InputSpec": "..inputs.spec",
    "LabelReport": ".report",
    "Predictor": ".predictor",
    "RawInput": "..inputs.spec",
    "Support": ".support",
    "Task": ".task",
    "VectorInput": "..inputs.vectors",
    "WordsInput": "..inputs.words",
    "read_input": "..inputs.files",
}

if not TYPE_CHECKING:  # a type checker goes by the imports above
    __getattr__ = lazily(__name__, _ROOMS)
