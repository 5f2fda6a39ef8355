"""The adaptation as an ONNX graph: what the C++ core does, in standard operators, for any ONNX Runtime.

The T steps of the inner loop in low-rank form, unrolled, for a fixed number of examples and labels. An example or label
that a task does not have is one of which nothing is known: its mask is 0, and it moves nothing. With h~'s 1 as a last
hidden unit (as in `graphs.head_graph`) and η for the step's sizes, a step is

    H = relu(P1);  T = H Q;  n² = rowsum(T ∘ H);  Y = H V;  logits = γ1 Y/n + γ2 A;  E = ∂loss/∂logits
    D = γ1/n E;  r = γ1/n² rowsum(E ∘ Y/n);  B2 = D Vᵀ − diag(r) T;  Δ = D G − diag(r) Y
    C += η B2 ∘ (P1 > 0);   P1 = P1_0 − (Z Zᵀ + 1) C
    c += η γ2 E G;          A = A_0 − base baseᵀ c
    V −= η Hᵀ Δ;            U −= η Hᵀ X,   X = B2 − η/2 (Δ Dᵀ − D Yᵀ diag(r) + diag(r) T Hᵀ diag(r)) H
    γ1 −= η Σ E ∘ Y/n;      γ2 −= η Σ E ∘ A

with Q = U + Uᵀ, A_0 = base M_0, M_0 = P W_novel, G = W_novelᵀ W_novel, base = Z W_base/ρ: only its rows' products with
each other matter, so that Z σ/ρ stands for it. Where labels may be known, base are the scores and M_0 = W_I W_novel. ε²
stands in Q's last element from the start. At the end w1 = w1_0 − Zᵀ C, b1 = b1_0 − colsum(C), M = M_0 − (base σ)ᵀ c.

Nearly all the time goes into products of S rows, so the graph holds the loop in several sizes and runs the smallest
that holds all examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from desire_edge.models import EPSILON
from desire_edge.runtime.heads import PaperSemantics

from .graphs import finish, float_value
from .heads.support import cross_entropies, in_sizes, write_thresholds
from .nodes import Graph, named, shape_of

Array = NDArray[np.float32]
SIZES = (10, 25)
"""Numbers of examples for which there is a loop of its own, beside max_support: those of common tasks, such as ten
labels once and five labels five times."""


def adapt_graph(semantics: PaperSemantics, ways: int, max_support: int, opset: int) -> ModelProto:
    """The adaptation: a task of at most `max_support` examples and `ways` labels -> the inputs of `head_graph`.

    Inputs: `z` [max_support, d]; `targets` and `mask` [max_support, ways], the mask 1 where the target is known and 0
    where it is not, or where there is no such example; `w_novel` [d, ways], 0 in unused ways; `used` [ways], 1 where a
    label stands; with `known_labels` these too, [max_support, B]. All are float32, the examples best in the first rows.
    Outputs: `w1`, `b1`, `v`, `q` and `m` as `head_graph` takes them; `thresholds` [ways], probabilities, 0 in unused
    ways; `losses` [T + 1], the support's before each step and after the last; `steps` [1] int64, how many were kept: up
    to the last of the lowest losses, and none past a loss that is not finite. Where already the first is not, nor is
    the head.

    Args:
        semantics: what was meta-learned.
        ways: N.
        max_support: S.
        opset: of the graph.
    """
    d, b = semantics.w_base.shape
    h, known_labels = len(semantics.b1), semantics.known_labels
    known_inputs = [float_value("known_labels", max_support, b)] if known_labels else []
    inputs = [
        float_value("z", max_support, d),
        float_value("targets", max_support, ways),
        float_value("mask", max_support, ways),
        float_value("w_novel", d, ways),
        float_value("used", ways),
        *known_inputs,
    ]
    outputs = [
        float_value("w1", d, h + 1),
        float_value("b1", h + 1),
        float_value("v", h + 1, ways),
        float_value("q", h + 1, h + 1),
        float_value("m", b if known_labels else d, ways),
        float_value("thresholds", ways),
        float_value("losses", len(semantics.step_sizes) + 1),
        helper.make_tensor_value_info("steps", TensorProto.INT64, [1]),
    ]

    def write(graph: Graph, given: Sequence[str], size: int) -> None:
        _Loop(graph, semantics, _Task(*given), size, ways).run(semantics)

    sizes = [*(size for size in SIZES if size < max_support), max_support]
    rows = ["z", "targets", "mask", *(value.name for value in known_inputs)]
    whole = in_sizes(sizes, rows, outputs, write)
    initializers = [numpy_helper.from_array(value, name) for name, value in whole.constants.items()]
    made = helper.make_graph(whole.nodes, "adapt", inputs, outputs, initializers)
    return finish(helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)]))


@dataclass(frozen=True)
class _Task:
    """The names of the support set's values."""

    z: str  # [S, d]
    targets: str  # [S, N]
    mask: str  # [S, N]
    known_labels: str = ""  # [S, B]


@dataclass(frozen=True)
class _State:
    """The names of what the steps change, and of what that makes of the support set."""

    c_hidden: str  # C [S, h+1]
    c_inferred: str  # c [S, N]
    v: str  # [h+1, N]
    u: str  # [h+1, h+1]
    q: str  # [h+1, h+1]
    gamma1: str  # [1, 1]
    gamma2: str  # [1, 1]
    hidden_in: str  # P1 [S, h+1]
    inferred: str  # A [S, N]
    hidden: str  # H [S, h+1]
    stretched: str  # T [S, h+1]
    projected: str  # Y [S, N]
    norm: str  # n [S, 1]
    unit: str  # Y/n [S, N]
    logits: str  # [S, N]


class _Loop:
    """The nodes of one adaptation, from a task of `size` examples to the head, in `graph`."""

    def __init__(self, graph: Graph, semantics: PaperSemantics, task: _Task, size: int, ways: int) -> None:
        self.op = op = graph
        self.task = task
        hidden = len(semantics.b1) + 1
        self.kept = {  # what a head is made of
            "c_hidden": float_value("c_hidden", size, hidden),
            "c_inferred": float_value("c_inferred", size, ways),
            "v": float_value("kept_v", hidden, ways),
            "q": float_value("kept_q", hidden, hidden),
            "gamma1": float_value("gamma1", 1, 1),
            "gamma2": float_value("gamma2", 1, 1),
            "logits": float_value("logits", size, ways),
        }
        self.first_axis, self.last_axis = op.integers(0), op.integers(1)
        self.epsilon_squared = op.number(EPSILON**2)

        self.known = op("Mul", task.mask, "used")
        known_ways = op("ReduceMax", self.known, self.first_axis, keepdims=1)
        self.count = op("ReduceSum", self.known, keepdims=1)
        self.shares = op("Div", self.known, op("Max", self.count, op.number(1)))
        # The inner loss is a sum over the labels of which anything is known.
        self.pull = op("Mul", self.shares, op("ReduceSum", known_ways, keepdims=1))

        # The last hidden unit is 1 whatever z is: no gradient passes where P1 is not above `floor`.
        self.w1 = op.constant("w1.0", np.pad(semantics.w1, [(0, 0), (0, 1)]))
        self.b1 = op.constant("b1.0", np.append(semantics.b1, np.float32(1)))
        self.floor = op.constant("floor", np.append(0 * semantics.b1, np.float32(1)))
        self.w2 = op.constant("w2.0", np.vstack([semantics.w2, semantics.b2]))
        q0 = semantics.q0.copy()
        q0[-1, -1] += EPSILON**2
        self.q0 = op.constant("q.0", q0)
        self.gammas = [op.number(float(gamma)) for gamma in (semantics.gamma1, semantics.gamma2)]

        if task.known_labels:
            self.base, self.m, self.inferred = self._by_labels(semantics)
            self.base_sigma = self.base
        else:
            self.base, self.base_sigma, self.m, self.inferred = self._by_features(semantics)
        self.z_gram = op("Gemm", task.z, task.z, op.number(1), transB=1)
        self.base_gram = op("Gemm", self.base, self.base, transB=1)
        self.label_gram = op("Gemm", "w_novel", "w_novel", transA=1)
        self.hidden_in = op("Gemm", task.z, self.w1, self.b1)

    def _by_features(self, semantics: PaperSemantics) -> tuple[str, str, str, str]:
        """Base [S, d], base σ [S, d], M_0 [d, N] and A_0 [S, N]."""
        op, z = self.op, self.task.z
        assert semantics.p is not None and semantics.r is not None, "the model uses known labels"
        sigma = op.constant("sigma", np.diagonal(semantics.r)[None].copy())
        along = op("Mul", z, sigma)
        norm = self._norm(along)
        base = op("Div", along, norm)
        m = op("MatMul", op.constant("p", semantics.p), "w_novel")
        return base, op("Mul", base, sigma), m, op("Div", op("MatMul", z, m), norm)

    def _by_labels(self, semantics: PaperSemantics) -> tuple[str, str, str]:
        """Base [S, B], the known labels or where there is none z W_base, over their norm; M_0 [B, N] and A_0 [S, N]."""
        op, known = self.op, self.task.known_labels
        seen = op("MatMul", self.task.z, op.constant("w_base", semantics.w_base))
        some = op("Cast", op("ReduceMax", known, self.last_axis, keepdims=1), to=TensorProto.BOOL)
        scores = op("Where", some, known, seen)
        base = op("Div", scores, self._norm(scores))
        m = op("MatMul", op.constant("w_i", semantics.w_i), "w_novel")
        return base, m, op("MatMul", base, m)

    def _norm(self, rows: str) -> str:
        square = self.op("ReduceSumSquare", rows, self.last_axis, keepdims=1)
        return self.op("Sqrt", self.op("Add", square, self.epsilon_squared))

    def run(self, semantics: PaperSemantics) -> None:
        """All steps, then the outputs of the state with the lowest loss."""
        states = [self.start()]
        for step_sizes in semantics.step_sizes.astype(float).tolist():
            states.append(self.step(states[-1], *step_sizes))
        kept = self.lowest(states)
        self.write_head(kept)
        write_thresholds(self.op, kept["logits"], self.task.targets, self.known, semantics.threshold_weights)

    def start(self) -> _State:
        """The meta-learned model."""
        op = self.op
        c_hidden, c_inferred = (
            op("ConstantOfShape", op.integers(*shape_of(self.kept[name])))
            for name in ("c_hidden", "c_inferred")
        )
        return self._state(
            c_hidden,
            c_inferred,
            v=op("MatMul", self.w2, "w_novel"),
            u=op("Mul", self.q0, op.number(0.5)),
            q=self.q0,
            gamma1=self.gammas[0],
            gamma2=self.gammas[1],
            hidden_in=self.hidden_in,
            inferred=self.inferred,
        )

    def _state(
        self,
        c_hidden: str,
        c_inferred: str,
        v: str,
        u: str,
        q: str,
        gamma1: str,
        gamma2: str,
        hidden_in: str,
        inferred: str,
    ) -> _State:
        op = self.op
        hidden = op("Relu", hidden_in)
        stretched = op("MatMul", hidden, q)
        square = op("ReduceSum", op("Mul", stretched, hidden), self.last_axis, keepdims=1)
        norm = op("Sqrt", op("Max", square, self.epsilon_squared))  # rounding must not make it negative
        projected = op("MatMul", hidden, v)
        unit = op("Div", projected, norm)
        logits = op("Add", op("Mul", unit, gamma1), op("Mul", inferred, gamma2))
        return _State(
            c_hidden, c_inferred, v, u, q, gamma1, gamma2,
            hidden_in, inferred, hidden, stretched, projected, norm, unit, logits,
        )  # fmt: skip

    def step(
        self, state: _State, eta1: float, eta2: float, eta_i: float, eta_gamma1: float, eta_gamma2: float
    ) -> _State:
        """One SGD step of these sizes for w1 and b1, w2 and b2, w_i, γ1, γ2. All gradients are those at `state`."""
        op = self.op
        error = op("Mul", op("Sub", op("Sigmoid", state.logits), self.task.targets), self.pull)
        along = op("ReduceSum", op("Mul", error, state.unit), self.last_axis, keepdims=1)
        scale = op("Div", state.gamma1, state.norm)
        scaled = op("Mul", error, scale)
        r = op("Mul", along, op("Div", scale, state.norm))
        r_projected, r_stretched, r_hidden = (
            op("Mul", rows, r) for rows in (state.projected, state.stretched, state.hidden)
        )
        backward = op("Gemm", scaled, state.v, r_stretched, transB=1, beta=-1.0)
        delta = op("Gemm", scaled, self.label_gram, r_projected, beta=-1.0)

        active = op("Cast", op("Greater", state.hidden_in, self.floor), to=TensorProto.FLOAT)
        d_hidden = op("Mul", op("Mul", backward, op.number(eta1)), active)
        c_hidden = op("Add", state.c_hidden, d_hidden)

        gram = op("Gemm", delta, scaled, transB=1)
        gram = op("Gemm", scaled, r_projected, gram, alpha=-1.0, transB=1)
        gram = op("Gemm", r_stretched, r_hidden, gram, transB=1)
        x = op("Gemm", gram, state.hidden, backward, alpha=-eta2 / 2)
        u = op("Gemm", state.hidden, x, state.u, transA=1, alpha=-eta2)

        scaled_error = op("Mul", error, op("Mul", state.gamma2, op.number(eta_i)))
        c_inferred = op("Gemm", scaled_error, self.label_gram, state.c_inferred)
        d_gamma1 = op("ReduceSum", along, keepdims=1)
        d_gamma2 = op("ReduceSum", op("Mul", error, state.inferred), keepdims=1)
        return self._state(
            c_hidden,
            c_inferred,
            v=op("Gemm", state.hidden, delta, state.v, transA=1, alpha=-eta2),
            u=u,
            q=op("Add", u, op("Transpose", u, perm=[1, 0])),
            gamma1=op("Sub", state.gamma1, op("Mul", d_gamma1, op.number(eta_gamma1))),
            gamma2=op("Sub", state.gamma2, op("Mul", d_gamma2, op.number(eta_gamma2))),
            hidden_in=op("Gemm", self.z_gram, c_hidden, self.hidden_in, alpha=-1.0),
            inferred=op("Gemm", self.base_gram, c_inferred, self.inferred, alpha=-1.0),
        )

    def _losses(self, logits: Sequence[str]) -> str:
        """Write `losses`, [T + 1]: of each [S, N] the mean binary cross-entropy of what is known."""
        op = self.op
        size, ways = shape_of(self.kept["logits"])
        stacked = op("Reshape", op("Concat", *logits, axis=0), op.integers(len(logits), size, ways))
        losses = op("Mul", cross_entropies(op, stacked, self.task.targets), self.shares)
        return op("ReduceSum", losses, op.integers(1, 2), keepdims=0, name="losses")

    def lowest(self, states: Sequence[_State]) -> dict[str, str]:
        """What is kept of the state with the lowest loss; writes `losses` and `steps`."""
        op = self.op
        losses = self._losses([state.logits for state in states])
        largest = op.constant("largest", np.array(np.finfo(np.float32).max))
        wild = op("Cast", op("Not", op("LessOrEqual", losses, largest)), to=TensorProto.FLOAT)
        spoiled = op(
            "Cast", op("CumSum", wild, op.constant("axis", np.array(0, np.int64))), to=TensorProto.BOOL
        )
        finite = op("Where", spoiled, op.constant("infinity", np.array(np.inf, np.float32)), losses)
        lowest = op("ArgMin", finite, axis=0, keepdims=1, select_last_index=1)
        # Where nothing is known no step is taken: those above have changed nothing.
        some = op("Cast", op("Squeeze", self.count, self.first_axis), to=TensorProto.BOOL)
        steps = op("Where", some, lowest, self.first_axis, name="steps")

        choices, tests = [], []
        for number, state in reversed(list(enumerate(states))):
            tests.append(op("Equal", steps, op.integers(number)))
            branch = Graph(op.constants, f"{op.prefix}after.{number}.")
            for field, value in self.kept.items():
                branch("Identity", getattr(state, field), name=value.name)
            values = [named(branch.prefix + value.name, value) for value in self.kept.values()]
            choices.append(helper.make_graph(branch.nodes, f"{branch.prefix}kept", [], values))
        return dict(zip(self.kept, op.choose(tests[:-1], choices, list(self.kept.values())), strict=True))

    def write_head(self, kept: Mapping[str, str]) -> None:
        """Write w1, b1, v, q and m, γ1 and γ2 multiplied into v and m."""
        op = self.op
        op("Gemm", self.task.z, kept["c_hidden"], self.w1, name="w1", transA=1, alpha=-1.0)
        op("Sub", self.b1, op("ReduceSum", kept["c_hidden"], self.first_axis, keepdims=0), name="b1")
        op("Mul", kept["v"], kept["gamma1"], name="v")
        op("Identity", kept["q"], name="q")
        m = op("Gemm", self.base_sigma, kept["c_inferred"], self.m, transA=1, alpha=-1.0)
        op("Mul", m, kept["gamma2"], name="m")
