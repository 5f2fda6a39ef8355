"""The ONNX graphs of a bundle: the extractor, and the folded head of the paper.

The folded head is Eq. (1) after adaptation with everything that can be multiplied out multiplied out
(h~ = [relu(z W_1' + b_1'), 1], ε as in the model):

    logits = h~ V' / √(h~ Q' h~ᵀ + ε²)  +  z M' / √(Σ (σ z)² + ε²)

γ1 and γ2 are folded into V' and M'. The 1 of h~ is a hidden unit of its own: a column of zeros in W_1', a 1 in b_1'.
σ are the singular values of W_base: the features of a bundle have its axes as theirs (`weights.base_axes`), so that
‖z W_base‖ costs d multiply-adds and not d².
Where base labels that an item is known to carry can stand in for z W_base, the second term is u M' / √(‖u‖² + ε²) with
u = the known labels, or z W_base if there is none, and M' [B, ways].
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    checker,
    helper,
    numpy_helper,
)
from torch import nn

from desire_edge.models import EPSILON
from desire_edge.models.backbones.graphs import torch_to_onnx

IR_VERSION = 8
PRODUCER = "desire-edge"


def float_value(name: str, *shape: int | str) -> ValueInfoProto:
    """A float32 graph input or output; a name stands for a size that is not fixed."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def extractor_graph(extractor: nn.Module, features: int, batch: int, opset: int) -> ModelProto:
    """F as ONNX: x [batch, features] -> z [batch, d]. `extractor` must be in evaluation mode, on the CPU."""
    return finish(torch_to_onnx(extractor, torch.zeros(batch, features), "x", "z", opset))


def head_graph(
    base: NDArray[np.float32], hidden: int, batch: int, ways: int, opset: int, *, known_labels: bool = False
) -> ModelProto:
    """The folded head: z and the task's weights -> logits and probabilities [batch, ways], every shape fixed.

    Args:
        base: a constant of the graph: σ [d], or W_base [d, B] with `known_labels`.
        hidden: h.
        batch: rows.
        ways: labels; those a task does not use have `used` 0, and their probability is 0.
        opset: of the graph.
        known_labels: give the graph the input `known_labels` [batch, B] in {0, 1}, a row of zeros where none is known.
    """
    d, h = len(base), hidden
    known_inputs = [float_value("known_labels", batch, base.shape[1])] if known_labels else []
    inferred_from = base.shape[-1]  # d, or B
    inputs = [
        float_value("z", batch, d),
        *known_inputs,
        float_value("w1", d, h + 1),
        float_value("b1", h + 1),
        float_value("v", h + 1, ways),
        float_value("q", h + 1, h + 1),
        float_value("m", inferred_from, ways),
        float_value("used", ways),
    ]

    def node(kind: str, output: str, *names: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, list(names), [output], name=output, **attributes)

    if known_labels:
        base_nodes = [
            node("MatMul", "seen_scores", "z", "base"),
            node("ReduceSum", "known_count", "known_labels", "last_axis", keepdims=1),
            node("Cast", "any_known", "known_count", to=TensorProto.BOOL),
            node("Where", "base_scores", "any_known", "known_labels", "seen_scores"),
            node("Mul", "base_squares", "base_scores", "base_scores"),
            node("ReduceSum", "base_square_above", "base_squares", "last_axis", keepdims=1),
            node("Add", "base_square", "base_square_above", "epsilon_squared"),
        ]
        base_constant = base
    else:
        base_nodes = [
            node("Mul", "feature_squares", "z", "z"),
            node("Gemm", "base_square", "feature_squares", "base", "epsilon_squared"),
        ]
        base_constant = np.square(base)[:, None]
    nodes = [
        *base_nodes,  # before the other Gemm: after it OpenCV 4 takes this one to have a fourth input
        node("Gemm", "hidden_in", "z", "w1", "b1"),
        node("Relu", "hidden", "hidden_in"),
        node("MatMul", "projected", "hidden", "v"),
        node("MatMul", "stretched", "hidden", "q"),
        node("Mul", "stretched_hidden", "stretched", "hidden"),
        node(
            "ReduceSum", "square", "stretched_hidden", "last_axis", keepdims=1
        ),  # ε² stands in q's last entry
        node("Max", "positive_square", "square", "epsilon_squared"),  # rounding must not make it negative
        node("Sqrt", "norm", "positive_square"),
        node("Div", "transformed", "projected", "norm"),
        node("Sqrt", "base_norm", "base_square"),
        node("MatMul", "inferred_above", "base_scores" if known_labels else "z", "m"),
        node("Div", "inferred", "inferred_above", "base_norm"),
        node("Add", "logits", "transformed", "inferred"),
        node("Sigmoid", "all_probabilities", "logits"),
        node("Mul", "probabilities", "all_probabilities", "used"),
    ]
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(base_constant), "base"),
        numpy_helper.from_array(np.array([1], np.int64), "last_axis"),
        numpy_helper.from_array(np.array(EPSILON**2, np.float32), "epsilon_squared"),
    ]
    outputs = [float_value("logits", batch, ways), float_value("probabilities", batch, ways)]
    graph = helper.make_graph(nodes, "head", inputs, outputs, constants)
    return finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]))


def finish(model: ModelProto) -> ModelProto:
    """Set what every graph of ours shares, and check it in full."""
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = PRODUCER, ""
    model.doc_string = ""
    _sum_squares(model.graph)
    for node in _nodes(model.graph):
        if node.op_type == "ConstantOfShape" and not node.attribute:  # it means 0, which not all readers know
            zero = helper.make_tensor("value", TensorProto.FLOAT, [1], [0.0])
            node.attribute.append(helper.make_attribute("value", zero))
    checker.check_model(model, full_check=True)
    return model


def _sum_squares(graph: GraphProto) -> None:
    """Make a product of a value and itself, and its sum, one node where nothing else reads the product.

    ONNX Runtime's ReduceSum adds up a row in an order that depends on where in memory it begins, so that the same
    example would not give the same bits in another place of a batch. Its ReduceSumSquare does not.
    """
    readers = Counter(name for node in _nodes(graph) for name in node.input)
    readers.update(value.name for value in graph.output)
    squares = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "Mul" and node.input[0] == node.input[1] and readers[node.output[0]] == 1
    }
    for node in list(graph.node):
        square = squares.get(node.input[0]) if node.op_type == "ReduceSum" else None
        if square is not None:
            node.op_type, node.input[0] = "ReduceSumSquare", square.input[0]
            graph.node.remove(square)


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of a graph and of those within it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def serialize(model: ModelProto) -> bytes:
    """The model's bytes."""
    stream = io.BytesIO()
    onnx.save(model, stream)
    return stream.getvalue()
