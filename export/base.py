"""`base.onnx`: the extractor and the head in one graph, with a user's part as inputs that have a default.

    x (known_labels) -> z, probabilities [n, N], base_probabilities [n, B], for any n where the extractor takes any

The part is what `head.onnx` takes beside z: `task.l`, …, `task.used`, of N labels. By default it is a label that
nobody was taught, whose probability is 0. ONNX Runtime gives the inputs another value from a user's `.onnx_adapter`,
or from what is fed; an adapted `model.onnx` has the part for good (`runtime.model_file`). The base labels' `base.w`
[d, B] and `base.b` [B] are such inputs, too: what asks for their probabilities has them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, compose, helper, numpy_helper

from desire_edge.models.backbones.graphs import of_opset, with_sizes

from .graphs import finish, float_value

ROWS, LABELS, BASE_LABELS, HIDDEN = "batch", "labels", "base_labels", "hidden"
"""Sizes that are not fixed."""
Shape = Sequence[int | str]
_FREE: dict[str, dict[int, str]] = {
    "l": {1: LABELS},
    "m": {1: LABELS},
    "b": {0: LABELS},
    "used": {0: LABELS},
    "w1": {1: HIDDEN},
    "b1": {0: HIDDEN},
    "q": {0: HIDDEN, 1: HIDDEN},
    "v": {0: HIDDEN, 1: LABELS},
}
GIVEN = ("x", "ids", "values", "z", "known_labels")
"""What the head and the extractor share, and what a caller gives."""


def base_graph(extractor: ModelProto, head: ModelProto, batch: int, *, any_batch: bool) -> ModelProto:
    """The graph of a bundle's extractor (x -> z, and `name`) and its head (z -> probabilities).

    Args:
        extractor: in the bundle's precision.
        head: as `head.onnx`, made for one row, one label and, in the paper's head, no hidden unit.
        batch: rows that the extractor takes.
        any_batch: whether it takes any number of rows as well.
    """
    rows = ROWS if any_batch else batch
    base = ModelProto()
    base.CopyFrom(extractor)
    if any_batch:
        for value in (*extractor.graph.input, *extractor.graph.output):
            if value.name != "name":
                base = with_sizes(base, value.name, [rows, *_sizes(value)[1:]])
    opset = max(entry.version for model in (base, head) for entry in model.opset_import)
    base, added = of_opset(base, opset), compose.add_prefix(of_opset(head, opset), "task.").graph
    shared = {f"task.{name}": name for name in (*GIVEN, "probabilities")}
    for node in added.node:
        node.input[:] = [shared.get(name, name) for name in node.input]
        node.output[:] = [shared.get(name, name) for name in node.output]
    graph = base.graph
    del graph.value_info[:]
    graph.node.extend(added.node)
    graph.initializer.extend(added.initializer)
    d = _sizes(next(value for value in head.graph.input if value.name == "z"))[1]
    graph.value_info.append(float_value("z", rows, d))  # where z is no output any more, as in a model.onnx
    for value in head.graph.input:
        if value.name == "known_labels":
            graph.input.append(float_value(value.name, rows, *_sizes(value)[1:]))
        elif value.name != "z":
            _add_part(base, f"task.{value.name}", _sizes(value), _names_of(value.name, _sizes(value)))
    _add_part(base, "base.w", [d, 1], [d, BASE_LABELS])
    _add_part(base, "base.b", [1], [BASE_LABELS])
    graph.node.extend(
        [
            helper.make_node("Gemm", ["z", "base.w", "base.b"], ["base.logits"], name="base.logits"),
            helper.make_node("Sigmoid", ["base.logits"], ["base_probabilities"], name="base_probabilities"),
        ]
    )
    graph.output.append(float_value("probabilities", rows, LABELS))
    graph.output.append(float_value("base_probabilities", rows, BASE_LABELS))
    graph.name = "base"
    return finish(base)


def _add_part(model: ModelProto, name: str, default: Shape, shape: Shape) -> None:
    """Give the model an input of that shape, whose default is zeros of that one."""
    model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    model.graph.initializer.append(
        numpy_helper.from_array(np.zeros([int(size) for size in default], np.float32), name)
    )


def _names_of(name: str, sizes: Shape) -> Shape:
    """The shape of a task's weight, which is fixed but for the number of labels, and for h + 1 in the paper's head."""
    return [_FREE.get(name, {}).get(axis, size) for axis, size in enumerate(sizes)]


def _sizes(value: ValueInfoProto) -> list[int | str]:
    """The sizes of an input or output, each a number or a name."""
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
