"""The head `prior` as ONNX graphs: folded, and its adaptation. docs/model.md has the equations.

    logits = z l + u m + b          u = z r / ‖z r‖, or the known labels of a row that has any over their norm

Only l, m and b are a task's. The adaptation takes steps whose number is fixed, over [S, S] and [S, N], and they are
written one after the other: OpenCV and tract run no Loop. A solver of more than `FEW_EXAMPLES` takes more of them, so
where there may be more the graph holds both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, TensorProto, ValueInfoProto, helper, numpy_helper

from desire_edge.models import EPSILON
from desire_edge.runtime.heads.prior import PriorSemantics, scalar
from desire_edge.scalars import TRUSTS

from ..graphs import finish, float_value
from ..nodes import Graph
from .support import cross_entropies, in_sizes, write_thresholds

OUTER_STEPS, FEW_EXAMPLES, CG_STEPS, CG_STEPS_OF_MANY = 6, 128, 18, 48
MOST_ASSUMED = 0.5
SMALLEST = 1e-18
"""What a curvature's root is divided by at least; only where nothing is known is it less: 0."""


def head_graph(semantics: PriorSemantics, batch: int, ways: int, opset: int) -> ModelProto:
    """The folded head: z and the task's weights -> logits and probabilities [batch, ways], every shape fixed.

    Labels that a task does not use have `used` 0, and their probability is 0. Of a bundle with known labels the graph
    has the input `known_labels` [batch, B] in {0, 1}, a row of zeros where none is known.
    """
    d, k = semantics.r.shape
    graph = Graph({})
    known = "known_labels" if semantics.known_labels else ""
    u = base_scores(graph, semantics, "z", known)
    own, inferred = graph("Gemm", "z", "l", "b"), graph("MatMul", u, "m")
    logits = graph("Add", own, inferred, name="logits")
    graph("Mul", graph("Sigmoid", logits), "used", name="probabilities")
    inputs = [
        float_value("z", batch, d),
        *([float_value(known, batch, k)] if known else []),
        float_value("l", d, ways),
        float_value("m", k, ways),
        float_value("b", ways),
        float_value("used", ways),
    ]
    outputs = [float_value("logits", batch, ways), float_value("probabilities", batch, ways)]
    return _model(graph, "head", inputs, outputs, opset)


def base_scores(op: Graph, semantics: PriorSemantics, z: str, known: str) -> str:
    """u of rows: z r, or the known labels of a row that has any, over their norm."""
    last_axis, scores = op.integers(1), op("MatMul", z, op.constant("r", semantics.r))
    if known:
        count = op("ReduceSum", known, last_axis, keepdims=1)
        scores = op("Where", op("Cast", count, to=TensorProto.BOOL), known, scores)
    return _unit(op, scores, last_axis)


def _unit(op: Graph, values: str, axis: str) -> str:
    square = op("ReduceSum", op("Mul", values, values), axis, keepdims=1)
    return op("Div", values, op("Sqrt", op("Add", square, op.number(EPSILON**2))))


def adapt_graph(semantics: PriorSemantics, ways: int, max_support: int, opset: int) -> ModelProto:
    """The adaptation: a task of at most `max_support` examples and `ways` labels -> the inputs of `head_graph`.

    Inputs: `z` [max_support, d]; `targets` and `mask` [max_support, ways], the mask 0 where there is no such example;
    `w_novel` [d_w, ways], 0 in unused ways; `used` [ways], 1 where a label stands; with known labels these too,
    [max_support, B]. All are float32, the examples best in the first rows.
    Outputs: `l`, `m` and `b` as `head_graph` takes them; `thresholds` [ways], 0 in unused ways; `losses` [2], the
    support's before the examples and after; `steps` [1] int64, 1, or 0 where nothing is known.
    """
    d, k = semantics.r.shape
    known_inputs = [float_value("known_labels", max_support, k)] if semantics.known_labels else []
    inputs = [
        float_value("z", max_support, d),
        float_value("targets", max_support, ways),
        float_value("mask", max_support, ways),
        float_value("w_novel", len(semantics.name_mean), ways),
        float_value("used", ways),
        *known_inputs,
    ]
    outputs = [
        float_value("l", d, ways),
        float_value("m", k, ways),
        float_value("b", ways),
        float_value("thresholds", ways),
        float_value("losses", 2),
        helper.make_tensor_value_info("steps", TensorProto.INT64, [1]),
    ]

    def write(graph: Graph, given: Sequence[str], size: int) -> None:
        _Adaptation(graph, semantics, _Task(*given), size).write()

    sizes = [*([FEW_EXAMPLES] if max_support > FEW_EXAMPLES else []), max_support]
    rows = ["z", "targets", "mask", *(value.name for value in known_inputs)]
    return _model(in_sizes(sizes, rows, outputs, write), "adapt", inputs, outputs, opset)


def _model(
    graph: Graph, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto], opset: int
) -> ModelProto:
    initializers = [
        numpy_helper.from_array(np.asarray(value, order="C"), key) for key, value in graph.constants.items()
    ]
    made = helper.make_graph(graph.nodes, name, list(inputs), list(outputs), initializers)
    return finish(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)]))


@dataclass(frozen=True)
class _Task:
    """The names of the support set's values."""

    z: str  # [S, d]
    targets: str  # [S, N]
    mask: str  # [S, N]
    known_labels: str = ""  # [S, B]


class _Adaptation:
    """The nodes of the adaptation of `size` examples, in `op`."""

    def __init__(self, op: Graph, semantics: PriorSemantics, task: _Task, size: int) -> None:
        self.op, self.semantics, self.task, self.size = op, semantics, task, size
        self.first_axis, self.last_axis = op.integers(0), op.integers(1)
        self.known = op("Mul", task.mask, "used")
        self.targets = op("Where", op("Greater", self.known, op.number(0)), task.targets, op.number(0))
        self.count = op("ReduceSum", self.known, keepdims=1)
        self._read_scalars()

    def _read_scalars(self) -> None:
        """The scalars for a task of this size, [1, 1] each."""
        op, values = self.op, self.semantics.scalars
        labels = op("ReduceSum", op("Unsqueeze", "used", self.first_axis), self.last_axis, keepdims=1)
        known = op("Max", op("Div", self.count, labels), op.number(1))
        examples, ways = (
            op("Log", op("Div", value, op.number(at))) for value, at in ((known, 25), (labels, 5))
        )

        def linear(name: str, *slopes: tuple[str, str]) -> str:
            found = op.number(scalar(values, name))
            for slope, by in slopes:
                found = op("Add", found, op("Mul", by, op.number(scalar(values, slope))))
            return found

        self.trust = {
            name: op("Exp", linear(name, (f"{name}_examples", examples), (f"{name}_labels", ways)))
            for name in TRUSTS
        }
        self.bias = linear("bias", ("bias_labels", op("Log", labels)))
        self.shift = linear("shift", ("shift_labels", ways))

    def write(self) -> None:
        """All of it, and the outputs."""
        op, semantics, trust, task = self.op, self.semantics, self.trust, self.task
        mean = op.constant("name_mean", semantics.name_mean[:, None])
        centred = op("Sub", _unit(op, "w_novel", self.first_axis), mean)
        names = op("Mul", _unit(op, centred, self.first_axis), "used")
        mapped = (
            names
            if semantics.name_map is None
            else op("MatMul", op.constant("name_map", semantics.name_map), names)
        )
        inferred = op("MatMul", op.constant("inference", semantics.inference), names)
        u = base_scores(op, semantics, task.z, task.known_labels)
        named, said = op("Mul", mapped, trust["names"]), op("Mul", inferred, trust["base"])
        prior = op("Add", op("Add", op("MatMul", task.z, named), op("MatMul", u, said)), self.bias)
        near, alike = (
            op("Mul", op("Gemm", rows, rows, transB=1), trust[name])
            for rows, name in ((task.z, "examples"), (u, "neighbours"))
        )
        kernel = op("Add", near, alike)
        weights, variance = self._weights()
        alpha = self._dual(kernel, prior, weights, variance)

        by_examples = op("Mul", op("Gemm", task.z, alpha, transA=1), trust["examples"])
        by_neighbours = op("Mul", op("Gemm", u, alpha, transA=1), trust["neighbours"])
        total = op("Mul", op("ReduceSum", alpha, self.first_axis, keepdims=1), variance)
        temperature = trust["temperature"]
        own = op("Mul", op("Add", by_examples, named), temperature, name="l")
        inferred = op("Mul", op("Add", by_neighbours, said), temperature, name="m")
        bias = op("Add", op("Mul", op("Add", total, self.bias), temperature), self.shift)
        op("Squeeze", op("Mul", bias, "used"), self.first_axis, name="b")

        after = op("Add", op("Add", op("MatMul", task.z, own), op("MatMul", u, inferred)), bias)
        before = op("Add", op("Mul", prior, temperature), self.shift)
        losses = [self._loss(logits) for logits in (before, after)]
        op("Concat", *losses, axis=0, name="losses")
        some = op("Cast", op("Squeeze", self.count, self.first_axis), to=TensorProto.BOOL)
        op("Where", some, op.integers(1), op.integers(0), name="steps")  # a cast is no int64 in tract
        write_thresholds(op, after, task.targets, self.known, semantics.threshold_weights)

    def _weights(self) -> tuple[str, str]:
        """c [S, N], and τ_b [1, N]."""
        op = self.op

        def counts(mask: str) -> tuple[str, str]:
            both = (self.targets, op("Sub", op.number(1), self.targets))
            positives, negatives = (
                op("ReduceSum", op("Mul", mask, each), self.first_axis, keepdims=1) for each in both
            )
            return positives, negatives

        positives, negatives = counts(self.known)
        some = op("Greater", positives, op.number(0))
        counted = self._assumed(positives, negatives)
        positives, negatives = counts(counted)
        known = op("Add", positives, negatives)
        known = op("Where", op("Greater", known, op.number(0)), known, op.number(1))  # no power of 0
        balance = op.number(scalar(self.semantics.scalars, "balance"))

        def rarity(count: str) -> str:
            twice = op("Mul", op("Max", count, op.number(0.5)), op.number(2))
            return op("Pow", op("Div", known, twice), balance)

        carried = op("Greater", self.targets, op.number(0))
        weights = op("Mul", counted, op("Where", carried, rarity(positives), rarity(negatives)))
        variance = float(np.exp(scalar(self.semantics.scalars, "bias_variance")))
        return weights, op("Where", some, op.number(variance), op.number(0.1 * variance))

    def _assumed(self, positives: str, negatives: str) -> str:
        """What is known, and how far what is not counts as negative, [S, N]: as the reference's `assumed`."""
        op = self.op
        none, one = op.number(0), op.number(1)
        some = op("Greater", op("ReduceSum", self.known, self.last_axis, keepdims=1), none)
        there = op("Where", some, one, none)
        unknown = op("Where", op("Greater", self.known, none), none, there)
        expected = op("Mul", positives, op("Exp", op("Neg", self.bias)))
        missing = op("Max", op("Sub", expected, negatives), op.number(0))
        room = op("Max", op("ReduceSum", unknown, self.first_axis, keepdims=1), op.number(1))
        share = op("Min", op("Div", missing, room), op.number(MOST_ASSUMED))
        return op("Add", self.known, op("Mul", unknown, share))

    def _dual(self, kernel: str, prior: str, weights: str, variance: str) -> str:
        """α [S, N], by steps of conjugate gradients within steps of a bound."""
        op, alpha = self.op, ""

        def image(v: str) -> str:
            total = op("Mul", op("ReduceSum", v, self.first_axis, keepdims=1), variance)
            return op("Gemm", kernel, v, total)

        for _ in range(OUTER_STEPS):
            f = op("Add", prior, image(alpha)) if alpha else prior
            p = op("Sigmoid", f)
            size = op("Max", op("Abs", f), op.number(0.01))
            bound = op("Div", op("Tanh", op("Mul", size, op.number(0.5))), size)
            spread = op("Mul", p, op("Sub", op.number(1), p))
            curvature = op("Add", op("Mul", bound, op.number(0.25)), op("Mul", spread, op.number(0.5)))
            h = op("Sqrt", op("Mul", weights, op("Max", curvature, op.number(1e-3))))
            inverse = op("Div", op.number(1), op("Max", h, op.number(SMALLEST)))
            pull = op("Mul", op("Mul", weights, op("Sub", self.targets, p)), inverse)
            # h β is α, so that of h (f - prior) + pull - (β + h A(h β)) the first and the last are one.
            beta = op("Mul", alpha, inverse) if alpha else ""
            residual = op("Sub", pull, beta) if beta else pull
            alpha = op("Mul", h, self._solved(image, h, beta, residual))
        return alpha

    def _solved(self, image: Callable[[str], str], h: str, beta: str, residual: str) -> str:
        """β [S, N] after steps of conjugate gradients on I + h A h, from `beta`, or 0 where that is "".

        Args:
            image: A.
            h: [S, N].
            beta: [S, N].
            residual: [S, N], what is left at `beta`.
        """
        op, tiny = self.op, self.op.number(1e-20)
        direction, square = residual, op("ReduceSumSquare", residual, self.first_axis, keepdims=1)
        steps = CG_STEPS if self.size <= FEW_EXAMPLES else CG_STEPS_OF_MANY
        for left in reversed(range(steps)):
            turned = op("Add", direction, op("Mul", h, image(op("Mul", h, direction))))
            along = op("ReduceSum", op("Mul", direction, turned), self.first_axis, keepdims=1)
            step = op("Div", square, op("Add", along, tiny))
            taken = op("Mul", step, direction)
            beta = op("Add", beta, taken) if beta else taken
            if left:
                residual = op("Sub", residual, op("Mul", step, turned))
                before, square = square, op("ReduceSumSquare", residual, self.first_axis, keepdims=1)
                kept = op("Div", square, op("Add", before, tiny))
                direction = op("Add", residual, op("Mul", kept, direction))
        return beta

    def _loss(self, logits: str) -> str:
        """The mean cross-entropy of what is known, [1]; 0 where nothing is."""
        op = self.op
        losses = op("Mul", cross_entropies(op, logits, self.task.targets), self.known)
        total = op("ReduceSum", losses, keepdims=1)
        tiny = op.number(float(np.finfo(np.float32).tiny))
        return op("Squeeze", op("Div", total, op("Max", self.count, tiny)), self.first_axis)
