"""Teach a deployed ONNX model new labels on the device, from their names and a handful of examples.

The device side, which needs no training framework:

    from desire_edge import Bundle, Support

    bundle = Bundle.open("tagger.desire")
    task = bundle.adapt(Support.read("support/"))
    probabilities = task.predict(["a new text"])
    task.save("out/")
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if find_spec("desire_edge._core") is None:
    raise ImportError(
        f"{__path__[0]} is the source of desire-edge, without its compiled core: start Python in another folder to use "
        "the installed package, or install this one with `pip install -e .`"
    )

from desire_edge.errors import DesireEdgeError
from desire_edge.lazy import lazily

if TYPE_CHECKING:
    from desire_edge.estimator import DesireClassifier as DesireClassifier
    from desire_edge.runtime import Bundle, Example, Predictor, Support, Task

__all__ = ["Bundle", "DesireEdgeError", "Example", "Predictor", "Support", "Task", "__version__"]
__version__ = "0.5.0"
_ROOMS = {
    "Bundle": ".runtime.bundle",
    "DesireClassifier": ".estimator",
    "Example": ".inputs.examples",
    "Predictor": ".runtime.predictor",
    "Support": ".runtime.support",
    "Task": ".runtime.task",
}

if not TYPE_CHECKING:  # a type checker goes by the imports above
    __getattr__ = lazily(__name__, _ROOMS)


def __dir__() -> list[str]:
    """What is public, imported or not."""
    return sorted({*globals(), *_ROOMS})
