"""The head `prior` as graphs, in ONNX Runtime, against its reference in float64."""

from __future__ import annotations

import numpy as np
import onnx.reference
import onnxruntime
import pytest
from core.prior_cases import Problem, problem
from core.prior_problems import CORNERS
from core.prior_reference import adapt, base_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, shape_inference

from desire_edge.export.heads.prior import adapt_graph, head_graph
from desire_edge.runtime.heads import PriorSemantics

WAYS, MOST = 7, 12
Arrays = dict[str, NDArray[np.float32]]


def run(model: ModelProto, **inputs: NDArray[np.floating]) -> Arrays:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    given = {name: np.asarray(value, np.float32) for name, value in inputs.items()}
    return dict(zip(names, session.run(names, given), strict=True))


def padded(array: NDArray[np.floating], *shape: int) -> NDArray[np.floating]:
    return np.pad(array, [(0, size - there) for size, there in zip(shape, array.shape, strict=True)])


def semantics_of(made: Problem) -> PriorSemantics:
    model = made.model
    arrays = {name: getattr(model, name) for name in ("name_mean", "r", "inference", "scalars", "name_map")}
    given = {name: value for name, value in arrays.items() if value is not None}
    given |= {
        "base_bias": np.zeros(model.r.shape[1]),
        "threshold_weights": np.array([0.1, -0.4, 0.3, 0.2, 0.5]),
    }
    return PriorSemantics.of(given, known_labels=made.known_labels is not None)


def inputs_of(made: Problem, ways: int, most: int) -> dict[str, NDArray[np.floating]]:
    d, names = made.model.r.shape[0], len(made.model.name_mean)
    told = {}
    if made.known_labels is not None:
        told["known_labels"] = padded(made.known_labels, most, made.known_labels.shape[1])
    labels = made.targets.shape[1]
    return {
        "z": padded(made.z, most, d),
        "targets": padded(made.targets, most, ways),
        "mask": padded(made.mask, most, ways),
        "w_novel": padded(made.w_novel, names, ways),
        "used": padded(np.ones(labels), ways),
        **told,
    }


def adapted(made: Problem, semantics: PriorSemantics, ways: int, most: int) -> Arrays:
    return run(adapt_graph(semantics, ways, most, 18), **inputs_of(made, ways, most))


def check(made: Problem, ways: int, most: int) -> None:
    semantics = semantics_of(made)
    labels = made.targets.shape[1]
    expected = adapt(made.model, made.z, made.targets, made.mask, made.w_novel, made.known_labels)
    found = adapted(made, semantics, ways, most)
    for name in ("l", "m", "b"):
        assert not found[name][..., labels:].any()
    rng = np.random.default_rng(0)
    z = rng.normal(size=(3, len(made.z.T)))
    told: NDArray[np.float64] | None = None
    if made.known_labels is not None:
        told = (rng.random((3, made.known_labels.shape[1])) < 0.2).astype(np.float64)
    if told is not None:
        told[0] = 0
    u = base_scores(made.model, z, told)
    logits = z @ expected.l + u @ expected.m + expected.b
    inputs = {"z": z} | ({} if told is None else {"known_labels": told})
    weights = {name: found[name] for name in ("l", "m", "b")}
    head = run(head_graph(semantics, 3, ways, 18), **inputs, **weights, used=padded(np.ones(labels), ways))
    scale = np.abs(logits).max()
    assert np.abs(head["logits"][:, :labels] - logits).max() <= 1e-5 * scale
    np.testing.assert_allclose(
        head["probabilities"][:, :labels], 1 / (1 + np.exp(-logits)), atol=1e-5 * max(1, scale)
    )
    assert not head["probabilities"][:, labels:].any()
    np.testing.assert_allclose(found["losses"], expected.losses, rtol=2e-5, atol=1e-6)
    assert found["steps"].tolist() == [int(made.mask.any())]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    examples=st.integers(0, MOST),
    labels=st.integers(1, WAYS),
    shared=st.booleans(),
    known=st.booleans(),
)
def test_graphs_adapt_and_predict_as_the_reference(
    seed: int, examples: int, labels: int, shared: bool, known: bool
) -> None:
    made = problem(np.random.default_rng(seed), examples, labels, shared=shared, known=known)
    check(made, WAYS, MOST)


@pytest.mark.parametrize(("examples", "most"), [(125, 128), (197, 200)])
def test_many_examples_take_more_steps(examples: int, most: int) -> None:
    made = problem(np.random.default_rng(most), examples, 20, shared=False)
    check(made, 24, most)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("examples", [0, 3, 128, 129])
def test_a_graph_for_many_examples_takes_few(examples: int, known: bool) -> None:
    """It holds two adaptations, of which the one for up to 128 examples takes fewer steps."""
    made = problem(np.random.default_rng(examples), examples, 4, shared=True, known=known)
    check(made, 5, 140)


@pytest.mark.parametrize("corner", CORNERS)
def test_graphs_hold_in_every_corner(corner: str) -> None:
    model, task = CORNERS[corner]
    mask = (task.mask > 0).astype(np.float64)  # of bundles
    made = Problem(model, task.z, task.targets, mask, task.w_novel, task.known_labels)
    check(made, task.w_novel.shape[1] + 1, len(task.z) + 2)


@pytest.mark.parametrize("most", [12, 140])
def test_what_stands_in_rows_without_an_example_changes_nothing(most: int) -> None:
    made = problem(np.random.default_rng(5), 6, 3, shared=True, known=True)
    semantics = semantics_of(made)
    model = adapt_graph(semantics, WAYS, most, 18)
    inputs = inputs_of(made, WAYS, most)
    expected = run(model, **inputs)
    spoilt = {name: value.copy() for name, value in inputs.items()}
    for name in ("z", "targets", "known_labels"):
        spoilt[name][6:] = 1
    for name, value in run(model, **spoilt).items():
        np.testing.assert_array_equal(value, expected[name], name)


@pytest.mark.parametrize("most", [12, 140])
def test_onnx_own_evaluation_agrees(most: int) -> None:
    made = problem(np.random.default_rng(6), 7, 4, shared=False, known=True)
    model = adapt_graph(semantics_of(made), 5, most, 18)
    inputs = {name: np.asarray(value, np.float32) for name, value in inputs_of(made, 5, most).items()}
    expected = run(model, **inputs)
    found = onnx.reference.ReferenceEvaluator(model).run(None, inputs)
    for name, value in zip(expected, found, strict=True):
        np.testing.assert_allclose(
            value, expected[name], atol=1e-5 * np.abs(expected[name]).max(), err_msg=name
        )


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("most", [12, 140])
def test_the_graphs_have_the_opset_asked_for_and_fixed_shapes(opset: int, known: bool, most: int) -> None:
    semantics = semantics_of(problem(np.random.default_rng(1), 5, 3, shared=True, known=known))
    for graph in (head_graph(semantics, 3, 16, opset), adapt_graph(semantics, 16, most, opset)):
        assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", opset)]
        assert graph.ir_version == 8
        inferred = shape_inference.infer_shapes(
            graph, check_type=True, strict_mode=True, data_prop=True
        ).graph
        for value in (*inferred.input, *inferred.value_info, *inferred.output):
            for dimension in value.type.tensor_type.shape.dim:
                assert dimension.WhichOneof("value") == "dim_value", value
        assert b"Loop" not in graph.SerializeToString(), "OpenCV and tract run none"


def test_thresholds_are_those_of_the_core() -> None:
    from desire_edge import _core

    made = problem(np.random.default_rng(7), 9, 4, shared=True)
    semantics = semantics_of(made)
    expected = adapt(made.model, made.z, made.targets, made.mask, made.w_novel)
    thresholds = _core.thresholds(
        logits=expected.logits.astype(np.float32),
        targets=made.targets.astype(np.float32),
        mask=made.mask.astype(np.float32),
        weights=semantics.threshold_weights,
    )
    found = adapted(made, semantics, WAYS, MOST)["thresholds"]
    np.testing.assert_allclose(found[:4], thresholds, atol=1e-5)
    assert not found[4:].any()


@pytest.mark.parametrize(("most", "kilobytes"), [(128, 160), (129, 620)])
def test_the_steps_written_out_are_small_beside_a_bundle(most: int, kilobytes: int) -> None:
    semantics = semantics_of(problem(np.random.default_rng(1), 5, 3, shared=True))
    for graph, limit in (
        (head_graph(semantics, 1, 16, 18), 4),
        (adapt_graph(semantics, 16, most, 18), kilobytes),
    ):
        weights = sum(4 * int(np.prod(tensor.dims)) for tensor in graph.graph.initializer)
        assert graph.ByteSize() < weights + 1000 * limit
