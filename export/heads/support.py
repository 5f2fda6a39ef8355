"""What both heads have in `adapt.onnx`: a graph for each number of examples, their loss, and the labels' thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, ValueInfoProto, helper

from ..nodes import Graph, named

LIMIT = 13.8
"""The furthest threshold in log odds, 1e-6 from a probability of 0 or 1."""


def in_sizes(
    sizes: Sequence[int],
    rows: Sequence[str],
    outputs: Sequence[ValueInfoProto],
    write: Callable[[Graph, Sequence[str], int], None],
) -> Graph:
    """A graph that holds the adaptation for each of `sizes` examples, and runs the smallest that holds all there are.

    Args:
        sizes: ascending; the last is how many rows the inputs have.
        rows: the inputs with a row an example; `mask` is one of them.
        outputs: of the adaptation.
        write: writes them into a graph, given the values that have as many rows as it is for, and that number.
    """
    constants: dict[str, NDArray[Any]] = {}
    choices, fits, most = [], [], sizes[-1]
    whole = Graph(constants)
    for size in sizes:
        graph = Graph(constants, prefix=f"{size}." if len(sizes) > 1 else "")
        given = list(rows)
        if size < most:
            given = [graph("Slice", name, *map(graph.integers, (0, size, 0))) for name in given]
        write(graph, given, size)
        results = [named(graph.prefix + value.name, value) for value in outputs]
        choices.append(helper.make_graph(graph.nodes, f"adapt.{size}", [], results))
    for size in sizes[:-1]:
        beyond = whole("Slice", "mask", *map(whole.integers, (size, most, 0)))
        some = whole("Cast", whole("ReduceMax", beyond, keepdims=0), to=TensorProto.BOOL)
        fits.append(whole("Not", some))
    whole.choose(fits, choices, outputs)
    return whole


def cross_entropies(op: Graph, logits: str, targets: str) -> str:
    """The binary cross-entropy of each logit, of any shape that goes with the targets'."""
    # exp of a number <= 0 only: no logit overflows. log(1 + x) = 2 atanh(x / (2 + x)) is exact for small x too.
    decay = op("Exp", op("Neg", op("Abs", logits)))
    half_log = op("Atanh", op("Div", decay, op("Add", decay, op.number(2))))
    above = op("Sub", op("Relu", logits), op("Mul", logits, targets))
    return op("Add", above, op("Add", half_log, half_log))


def write_thresholds(op: Graph, logits: str, targets: str, known: str, weights: NDArray[Any]) -> None:
    """Write the output `thresholds` [N], which the core's `desire_edge_thresholds` defines.

    Args:
        op: the graph, which has the value `used`.
        logits: of the support after adapting, [S, N].
        targets: [S, N].
        known: [S, N], the mask in the columns that are used.
        weights: of the threshold's figures.
    """
    first_axis = op.integers(0)

    def total(values: str) -> str:
        """Over the examples of which it is known, [1, N]."""
        return op("ReduceSum", op("Mul", values, known), first_axis, keepdims=1)

    one = op.number(1)
    count = op("ReduceSum", known, first_axis, keepdims=1)
    some, at_least_one = op("Min", count, one), op("Max", count, one)
    positives = total(targets)
    odds = op("Div", op("Add", positives, one), op("Add", op("Sub", count, positives), one))
    mean = op("Div", total(logits), at_least_one)
    apart = op("Sub", logits, mean)
    deviation = op("Sqrt", op("Div", total(op("Mul", apart, apart)), at_least_one))
    figures = op("Concat", some, op("Mul", some, op("Log", odds)), mean, deviation, axis=0)
    told = op(
        "Gemm", op.constant("threshold.weights", weights[None, 1:]), figures, op.number(float(weights[0]))
    )
    limits = [op.constant(f"limit.{sign}", np.array(sign * LIMIT, np.float32)) for sign in (-1, 1)]
    probabilities = op("Sigmoid", op("Clip", op("Squeeze", told, first_axis), *limits))
    op("Mul", probabilities, "used", name="thresholds")
