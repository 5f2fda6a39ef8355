"""The ONNX files of a bundle, and the model adapting completes, by ONNX's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper, shape_inference
from trained import Trained

from desire_edge import Bundle, Support, Task
from desire_edge.export.base import base_graph
from desire_edge.export.graphs import extractor_graph, finish, head_graph, serialize
from desire_edge.runtime.model_file import standalone_model
from desire_edge.runtime.session import Session


def adapted(trained: Trained, *, keep_base: bool = False) -> Task:
    """A model adapted to the task's labels; `WAYS` leaves one way unused."""
    support = Support.read(trained.support)
    return Bundle.open(trained.bundle, "cpu").adapt(support, labels=trained.labels, keep_base=keep_base)


def outputs(task: Task, x: NDArray[np.float32]) -> Mapping[str, NDArray[np.float32]]:
    """Every output of the task's model for the rows of x."""
    return task.predictor.outputs(task.predictor.features(list(x)))


@pytest.fixture(params=["base.onnx", "head.onnx", "adapt.onnx", "model.onnx", "model.onnx --keep-base"])
def graph(request: pytest.FixtureRequest, exported: Trained) -> ModelProto:
    """Each whole model in turn."""
    if request.param.startswith("model.onnx"):
        return onnx.load_model_from_string(adapted(exported, keep_base="base" in request.param).model)
    return onnx.load(exported.bundle / request.param)


def test_a_graph_passes_the_full_check(graph: ModelProto) -> None:
    checker.check_model(graph, full_check=True)
    assert graph.ir_version == 8
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 18)]


def test_only_rows_and_a_users_part_have_sizes_that_are_not_fixed(graph: ModelProto) -> None:
    inferred = shape_inference.infer_shapes(graph, check_type=True, strict_mode=True, data_prop=True).graph
    values = {value.name: value for value in (*inferred.input, *inferred.value_info, *inferred.output)}
    for node in inferred.node:
        for output in node.output:
            assert output in values, f"the shape of {output} cannot be inferred"
    free = {"base": {"batch", "labels", "base_labels", "hidden"}, "model": {"batch", "labels", "base_labels"}}
    for value in values.values():
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.WhichOneof("value") == "dim_value":
                assert dimension.dim_value > 0
            else:
                assert dimension.dim_param in free.get(graph.graph.name.partition(".")[0], set()), value


def test_a_graph_says_nothing_of_the_machine_it_was_made_on(graph: ModelProto, exported: Trained) -> None:
    content = graph.SerializeToString()
    for trace in (str(Path.home()), str(exported.run.folder), "site-packages", ".py", "aten"):
        assert trace.encode() not in content
    assert graph.producer_name == "desire-edge"


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("known_labels", [False, True])
def test_graphs_have_the_opset_and_the_batch_asked_for(opset: int, batch: int, known_labels: bool) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4)).eval()
    extractor = extractor_graph(module, 7, batch, opset)
    base = np.eye(4, dtype=np.float32) if known_labels else np.ones(4, np.float32)
    head = head_graph(base, 6, batch, 2, opset, known_labels=known_labels)
    small = head_graph(base, 0, 1, 1, opset, known_labels=known_labels)
    fixed, free = (base_graph(extractor, small, batch, any_batch=any_batch) for any_batch in (False, True))
    model = onnx.load_model_from_string(standalone_model("base", serialize(free), {}, ["probabilities"], {}))
    for made, rows in ((extractor, batch), (head, batch), (fixed, batch), (free, "batch"), (model, "batch")):
        checker.check_model(made, full_check=True)
        assert [(entry.domain, entry.version) for entry in made.opset_import] == [("", opset)]
        assert made.ir_version == 8
        for value in (made.graph.input[0], made.graph.output[0]):
            size = value.type.tensor_type.shape.dim[0]
            assert (size.dim_param or size.dim_value) == rows
    x = np.random.default_rng(0).normal(size=(batch, 7)).astype(np.float32)
    session = onnxruntime.InferenceSession(extractor.SerializeToString())
    np.testing.assert_allclose(
        session.run(None, {"x": x})[0], module(torch.from_numpy(x)).detach(), rtol=1e-5, atol=1e-6
    )


def test_a_model_takes_any_number_of_rows_and_has_a_column_a_label(trained: Trained) -> None:
    task = adapted(trained)
    session = onnxruntime.InferenceSession(task.model)
    x = trained.run.data.x[trained.episode.query]
    (together,) = session.run(None, {"x": x})
    assert together.shape == (len(x), len(trained.labels))
    assert ((together > 0) & (together < 1)).all()
    for row, expected in zip(x, together, strict=True):
        np.testing.assert_allclose(session.run(None, {"x": row[None]})[0][0], expected, rtol=0, atol=1e-6)


def test_before_anything_is_taught_the_base_says_nothing(trained: Trained) -> None:
    session = Session(trained.bundle / "base.onnx", "cpu")
    found = session.run(trained.run.data.x[:3])
    assert found["probabilities"].tolist() == [[0.0]] * 3
    assert set(found) == {"z", "probabilities", "base_probabilities"}


def test_an_app_swaps_models_without_a_change(trained: Trained) -> None:
    bundle = Bundle.open(trained.bundle, "cpu")
    models = [bundle.adapt(labels=names).model for names in (["bread"], ["bread", "jazz", "open source"])]
    signatures = [
        [
            (value.name, value.type, value.shape[:1])
            for value in (*session.get_inputs(), *session.get_outputs())
        ]
        for session in map(onnxruntime.InferenceSession, models)
    ]
    assert signatures[0] == signatures[1]
    assert [onnxruntime.InferenceSession(model).get_outputs()[0].shape[1] for model in models] == [1, 3]


@pytest.mark.parametrize("keep_base", [False, True])
def test_the_model_is_the_one_onnx_would_build(keep_base: bool, exported: Trained) -> None:
    bundle, task = Bundle.open(exported.bundle, "cpu"), adapted(exported, keep_base=keep_base)
    built = onnx.load(exported.bundle / "base.onnx")
    graph = built.graph
    kept = {"probabilities", "base_probabilities"} if keep_base else {"probabilities"}
    for values, stays in (
        (graph.input, lambda name: name in ("x", "known_labels")),
        (graph.output, kept.__contains__),
        (graph.initializer, lambda name: name not in task.part.weights),
    ):
        for value in [value for value in values if not stays(value.name)]:
            values.remove(value)
    for name, array in task.part.weights.items():
        graph.initializer.append(numpy_helper.from_array(array, name))
    found = onnx.load_model_from_string(task.model)
    entries = {entry.key: entry.value for entry in found.metadata_props}
    onnx.helper.set_model_props(built, entries)
    assert found == built
    keys = {f"desire_edge.{key}" for key in ("bundle", "input", "labels", "thresholds")}
    stated = {"desire_edge.sets"} if bundle.manifest.coverage else set()
    base = {"desire_edge.base_labels"} if keep_base else set()
    assert set(entries) - {"desire_edge.known_labels"} == keys | stated | base
    assert ("desire_edge.known_labels" in entries) == bundle.manifest.known_labels


def test_the_bases_part_is_the_weights_of_the_head(exported: Trained) -> None:
    part = set(Bundle.open(exported.bundle, "cpu").base.part)
    head = {value.name for value in onnx.load(exported.bundle / "head.onnx").graph.input}
    weights = {f"task.{name}" for name in head - {"z", "known_labels"}}
    assert part == weights | {"base.w", "base.b"}
    assert weights == {f"task.{name}" for name in adapted(exported).head.weights}


def test_weights_appended_twice_would_be_refused_by_the_checker(trained: Trained) -> None:
    doubled = onnx.load_model_from_string(adapted(trained).model)
    doubled.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), "task.used"))
    with pytest.raises(checker.ValidationError, match=r"task\.used"):
        checker.check_model(doubled, full_check=True)


def test_what_torch_fills_says_with_what() -> None:
    class Filling(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x.new_zeros(x.shape)

    nodes = extractor_graph(Filling().eval(), 3, 1, 18).graph.node
    fills = [node for node in nodes if node.op_type == "ConstantOfShape"]
    assert fills
    assert all([attribute.name for attribute in node.attribute] == ["value"] for node in fills)


def test_zeros_of_a_shape_are_said_to_be_zeros() -> None:
    """Wherever they stand, in a branch too; a value that was given stays."""
    one = helper.make_tensor("value", TensorProto.INT64, [1], [1])
    shape = numpy_helper.from_array(np.array([2], np.int64), "shape")
    found = helper.make_tensor_value_info("found", TensorProto.FLOAT, [2])
    branch = helper.make_graph(
        [helper.make_node("ConstantOfShape", ["shape"], ["inner"])], "branch", [], [found]
    )
    branch.node.append(helper.make_node("Identity", ["inner"], ["found"]))
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["ones"], value=one),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("If", ["test"], ["y"], then_branch=branch, else_branch=branch),
    ]
    inputs = [helper.make_tensor_value_info("test", TensorProto.BOOL, [])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])]
    graph = helper.make_graph(nodes, "zeros", inputs, outputs, [shape])
    made = finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])).graph
    branches = [attribute.g for attribute in made.node[2].attribute]
    filled = [made.node[0], made.node[1], *(inner.node[0] for inner in branches)]
    values = [numpy_helper.to_array(node.attribute[0].t) for node in filled]
    assert [(value.dtype.name, value.tolist()) for value in values] == [
        ("int64", [1]),
        *[("float32", [0])] * 3,
    ]


def test_base_labels_are_those_of_pretraining_with_their_bias(trained: Trained) -> None:
    run, task = trained.run, adapted(trained, keep_base=True)
    x = torch.from_numpy(run.data.x[trained.episode.query])
    assert run.classifier.bias.abs().max() > 0.1, "the bias is learned"
    with torch.no_grad():
        expected = torch.sigmoid(run.classifier.eval()(x)).numpy()
    found = outputs(task, x.numpy())["base_probabilities"]
    assert np.abs(found - expected).max() / expected.max() <= 1e-5
    names = [run.data.dataset.labels[label] for label in run.data.split.base]
    assert list(task.predictor.base_labels) == names


def test_keeping_the_base_labels_changes_nothing_else(trained: Trained) -> None:
    x = trained.run.data.x[trained.episode.query]
    plain, more = outputs(adapted(trained), x), outputs(adapted(trained, keep_base=True), x)
    assert np.array_equal(plain["probabilities"], more["probabilities"])
    assert (set(plain), set(more)) == ({"probabilities"}, {"probabilities", "base_probabilities"})


def test_onnx_own_evaluation_agrees(trained: Trained) -> None:
    task = adapted(trained, keep_base=True)
    evaluator = onnx.reference.ReferenceEvaluator(onnx.load_model_from_string(task.model))
    x = trained.run.data.x[trained.episode.query[:5]]
    expected = outputs(task, x)
    for index, row in enumerate(x):
        probabilities, base = map(np.asarray, evaluator.run(None, {"x": row[None]}))
        np.testing.assert_allclose(probabilities[0], expected["probabilities"][index], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(base[0], expected["base_probabilities"][index], rtol=1e-5, atol=1e-6)
