"""Teach a deployed ONNX model new labels on the device, from their names and a handful of examples.

The device side, which needs no training framework:

    from desire_edge import Bundle, Support

    bundle = Bundle.open("tagger.desire")
    task = bundle.adapt(Support.read("support/"))
    probabilities = task.predict(["a new text"])
    task.save("out/")
"""

from desire_edge.errors import DesireEdgeError
from desire_edge.runtime import Bundle, Example, Predictor, Support, Task

__all__ = ["Bundle", "DesireEdgeError", "Example", "Predictor", "Support", "Task", "__version__"]
__version__ = "0.4.0"
