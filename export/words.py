"""A sparse bag of words as an ONNX graph takes it: the numbers of the words that are there, in place of a dense x.

    x W, of x [n, V]    is    Σ_k values[n, k] W[ids[n, k]]

A text of 50 words reads 50 rows of W and not all 8,000 or 50,000. Rows are filled up with values of 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from desire_edge.inputs.spec import IDS, VALUES

from .graphs import finish

TABLE = "words"
MOST_DENSE = 2048
"""Words of a bag whose x is given dense: a product so small is read at once, and such bags may be features, too."""


def by_words(extractor: ModelProto, precision: str) -> ModelProto:
    """The extractor x [batch, V] -> z with `ids` int64 and `values` float32 [batch, k] in place of x, k being any.

    Of x there must be one product alone, the first. Its matrix is stored as `precision` says: float16, or int8 with a
    scale a column, since it is looked up and not multiplied; `precision.in_precision` leaves it.
    """
    model = ModelProto()
    model.CopyFrom(extractor)
    graph = model.graph
    (first,) = [node for node in graph.node if "x" in node.input]
    assert first.op_type in ("MatMul", "Gemm") and first.input[0] == "x", "the first layer is a product"
    matrix = next(value for value in graph.initializer if value.name == first.input[1])
    table = numpy_helper.to_array(matrix)
    options = {attribute.name: helper.get_attribute_value(attribute) for attribute in first.attribute}
    assert not options.get("transA") and options.get("alpha", 1) == options.get("beta", 1) == 1
    table = np.ascontiguousarray(table.T if options.get("transB") else table)
    graph.initializer.remove(matrix)
    made, scale = _stored(table, precision)
    graph.initializer.append(numpy_helper.from_array(made, TABLE))
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), f"{TABLE}.axis"))

    def node(kind: str, output: str, *inputs: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, list(inputs), [output], name=output, **attributes)

    nodes = [node("Gather", f"{TABLE}.stored", TABLE, IDS)]
    rows = f"{TABLE}.stored"
    if made.dtype != np.float32:
        rows = f"{TABLE}.rows"
        nodes.append(node("Cast", rows, f"{TABLE}.stored", to=TensorProto.FLOAT))
    nodes += [
        node("Unsqueeze", f"{TABLE}.values", VALUES, f"{TABLE}.axis"),
        node("MatMul", f"{TABLE}.sums", f"{TABLE}.values", rows),
    ]
    sums, more = f"{TABLE}.sums", []
    if scale is not None:
        graph.initializer.append(numpy_helper.from_array(scale, f"{TABLE}.scale"))
        more.append(("Mul", f"{TABLE}.scale"))
    if first.op_type == "Gemm" and len(first.input) > 2:
        more.append(("Add", first.input[2]))
    last = first.output[0]
    nodes.append(node("Squeeze", f"{TABLE}.sum" if more else last, sums, f"{TABLE}.axis"))
    given = f"{TABLE}.sum"
    for index, (kind, other) in enumerate(more):
        output = last if index == len(more) - 1 else f"{TABLE}.scaled"
        nodes.append(node(kind, output, given, other))
        given = output
    place = list(graph.node).index(first)
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*others[:place], *nodes, *others[place + 1 :]])
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_value
    del graph.input[:], graph.value_info[:]
    graph.input.append(helper.make_tensor_value_info(IDS, TensorProto.INT64, [batch, "words"]))
    graph.input.append(helper.make_tensor_value_info(VALUES, TensorProto.FLOAT, [batch, "words"]))
    return finish(model)


def _stored(table: NDArray[np.float32], precision: str) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """The matrix as a graph holds it, and what its columns are to be multiplied by."""
    if precision == "fp16" and np.abs(table).max(initial=0) < np.finfo(np.float16).max:
        return table.astype(np.float16), None
    if precision == "int8":
        scale = np.maximum(np.abs(table).max(axis=0), np.finfo(np.float32).tiny) / 127
        return np.round(table / scale).astype(np.int8), scale.astype(np.float32)
    return table, None
