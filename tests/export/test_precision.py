"""The extractor in each precision: what it weighs, that it says the same, and that it runs anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
import torch
from click.testing import Result
from numpy.typing import NDArray
from onnx import ModelProto, checker, numpy_helper, shape_inference
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.export import ExportOptions, Parity, export_bundle
from desire_edge.export.graphs import extractor_graph
from desire_edge.export.parity import EXTRACTOR_TOLERANCE, TOLERANCE, head_logits, relative_error
from desire_edge.export.precision import half_weights, in_precision
from desire_edge.metrics import micro_auc
from desire_edge.models import extract
from desire_edge.runtime.model_file import PARTS


@dataclass(frozen=True)
class Exported:
    """A trained model exported in one precision, and the parity that its gate found."""

    trained: Trained
    bundle: Bundle
    parity: Parity

    @property
    def precision(self) -> str:
        """fp16 or int8."""
        return self.bundle.manifest.precision

    @property
    def extractor(self) -> ModelProto:
        """The extractor's graph."""
        graph: ModelProto = onnx.load(self.bundle.path / "base.onnx")
        return graph

    def bytes_over_fp32(self) -> float:
        """The base's bytes over those of the float32 one."""
        name = "base.onnx"
        return (self.bundle.path / name).stat().st_size / (self.trained.bundle / name).stat().st_size


@pytest.fixture(
    scope="session", params=["sample", "known", pytest.param("delicious", marks=pytest.mark.delicious)]
)
def model(request: pytest.FixtureRequest) -> Trained:
    """Each small model in turn."""
    trained: Trained = request.getfixturevalue(f"{request.param}_trained")
    return trained


@pytest.fixture(scope="session", params=["fp16", "int8"])
def exported(
    request: pytest.FixtureRequest, model: Trained, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    """Each small model in each precision but float32."""
    path = tmp_path_factory.mktemp(request.param) / "tagger.desire"
    _, parity = export_bundle(model.run, path, ExportOptions(ways=WAYS, precision=request.param))
    return Exported(model, Bundle.open(path, "cpu"), parity)


def small_extractor(batch: int = 1, opset: int = 18) -> ModelProto:
    """Two layers, 7 features, 4 outputs."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 4)).eval()
    graph: ModelProto = extractor_graph(module, 7, batch, opset)
    return graph


def rows(count: int) -> NDArray[np.float32]:
    """[count, 7] rows of zeros and ones."""
    return np.random.default_rng(0).integers(0, 2, (count, 7)).astype(np.float32)


def batches(count: int, batch: int = 1) -> Callable[[], Iterator[dict[str, NDArray[np.float32]]]]:
    """The same rows, so many at a time."""
    return lambda: iter([{"x": x} for x in rows(count).reshape(-1, batch, 7)])


def arrays(graph: ModelProto) -> dict[str, NDArray[Any]]:
    """The initialisers of the extractor in a graph."""
    return {
        entry.name: numpy_helper.to_array(entry)
        for entry in graph.graph.initializer
        if not entry.name.startswith(PARTS)
    }


def test_the_manifest_says_the_precision(exported: Exported, model: Trained) -> None:
    assert exported.precision in ("fp16", "int8")
    assert Bundle.open(model.bundle).manifest.precision == "fp32"


def test_the_extractor_is_as_small_as_its_precision(exported: Exported) -> None:
    allowed = {"fp16": 0.53, "int8": 0.3}[exported.precision]
    assert exported.bytes_over_fp32() <= allowed
    kind = {"fp16": np.float16, "int8": np.int8}[exported.precision]
    matrices = [array for array in arrays(exported.extractor).values() if array.ndim == 2]
    assert len(matrices) >= 2
    assert {array.dtype for array in matrices} == {np.dtype(kind)}


def test_only_the_extractor_differs(exported: Exported, model: Trained) -> None:
    same = Bundle.open(model.bundle).manifest.files
    for name, record in exported.bundle.manifest.files.items():
        assert (record == same[name]) == (name != "base.onnx"), name


def test_features_are_near_those_of_torch_and_not_the_same(exported: Exported) -> None:
    run, axes = exported.trained.run, exported.trained.axes
    x = run.data.x[run.data.rows.query]
    expected = extract(run.extractor, x).numpy() @ axes
    error = relative_error(exported.bundle.extractor.run(x)["z"], expected)
    assert 1e-6 < error <= EXTRACTOR_TOLERANCE[exported.precision]


def test_parity_is_that_of_float32_from_the_features_on(exported: Exported) -> None:
    assert 0 < exported.parity.adapted <= TOLERANCE
    assert TOLERANCE < exported.parity.extractor <= EXTRACTOR_TOLERANCE[exported.precision]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_nothing_is_written_if_the_features_are_too_far_from_torch(
    sample_trained: Trained, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRACTOR_TOLERANCE, precision, 1e-6)
    with pytest.raises(DesireEdgeError, match="does not reproduce torch within 1e-05, or 1e-06 for z"):
        export_bundle(sample_trained.run, tmp_path / "tagger.desire", ExportOptions(precision=precision))
    assert list(tmp_path.iterdir()) == []


def test_export_takes_the_precision_and_says_what_came_of_it(
    cli: Callable[..., Result], sample_trained: Trained, tmp_path: Path
) -> None:
    out = tmp_path / "tagger.desire"
    result = cli("export", sample_trained.run.folder, "--out", out, "--precision", "int8", "--json")
    value = json.loads(result.stdout)
    assert value["manifest"]["precision"] == "int8"
    assert value["mobile"]["base.onnx"]["NNAPI"] in ("YES", "MAYBE", "NO")
    assert TOLERANCE < value["parity"]["extractor"] <= EXTRACTOR_TOLERANCE["int8"]
    assert Bundle.open(out).manifest.precision == "int8"


def test_another_precision_is_refused(sample_trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="--precision is int4, but must be one of fp32, fp16, int8"):
        export_bundle(sample_trained.run, tmp_path / "tagger.desire", ExportOptions(precision="int4"))


@pytest.mark.parametrize("keep_base", [False, True])
def test_an_adapted_model_is_extractor_and_head_joined(exported: Exported, keep_base: bool) -> None:
    trained, bundle = exported.trained, exported.bundle
    task = bundle.adapt(Support.read(trained.support), labels=trained.labels, keep_base=keep_base)
    graph = onnx.load_model_from_string(task.model)
    checker.check_model(graph, full_check=True)
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 18)]
    x = trained.run.data.x[trained.episode.query]
    logits = head_logits(bundle, task.head.weights, bundle.extractor.run(x)["z"])
    assert relative_error(task.predict(list(x)), 1 / (1 + np.exp(-logits))) <= 1e-5


def test_every_shape_is_known(exported: Exported) -> None:
    inferred = shape_inference.infer_shapes(exported.extractor, check_type=True, strict_mode=True).graph
    shapes = {
        value.name: value.type.tensor_type.shape.dim for value in (*inferred.value_info, *inferred.output)
    }
    for node in inferred.node:
        for output in node.output:
            assert all(size.dim_value > 0 or size.dim_param for size in shapes[output]), output


def test_input_and_output_are_float32(exported: Exported) -> None:
    graph = exported.extractor.graph
    kinds = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
    assert set(kinds) == {onnx.TensorProto.FLOAT}


def test_a_text_without_a_known_word_has_features(exported: Exported) -> None:
    run, axes = exported.trained.run, exported.trained.axes
    nothing = np.zeros((1, run.data.x.shape[1]), np.float32)
    expected = extract(run.extractor, nothing).numpy() @ axes
    scale = np.abs(extract(run.extractor, run.data.x[:64]).numpy()).max()
    found = exported.bundle.extractor.run(nothing)["z"]
    assert np.abs(found - expected).max() <= EXTRACTOR_TOLERANCE[exported.precision] * scale


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_onnx_own_evaluation_agrees(precision: str) -> None:
    # Of opset 21: onnx's own DequantizeLinear begins with 19.
    graph = in_precision(small_extractor(16, opset=21), precision, batches(64, 16))
    (expected,) = map(np.asarray, onnx.reference.ReferenceEvaluator(graph).run(None, {"x": rows(16)}))
    (found,) = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, {"x": rows(16)})
    assert relative_error(found, expected) <= 1e-5


def test_labels_are_told_apart_as_well_as_with_float32(exported: Exported) -> None:
    trained = exported.trained
    data, episode = trained.run.data, trained.episode
    truth = data.dataset.targets[episode.query][:, episode.labels]
    support = Support.read(trained.support)
    found = [
        micro_auc(truth, bundle.adapt(support, labels=trained.labels).predict(list(data.x[episode.query])))
        for bundle in (Bundle.open(trained.bundle, "cpu"), exported.bundle)
    ]
    assert abs(found[0] - found[1]) <= 0.03, "one task of 20 queries; benchmarks/precision.py has the means"


def test_quantised_weights_leave_room_for_sums_of_16_bits(exported: Exported) -> None:
    weights = [array for array in arrays(exported.extractor).values() if array.dtype == np.int8]
    assert bool(weights) == (exported.precision == "int8")
    for array in weights:
        assert np.abs(array.astype(int)).max() <= 64  # 2 · 255 · 64 < 2¹⁵


def test_equal_runs_give_equal_bundles(sample_trained: Trained, tmp_path: Path) -> None:
    found = [tmp_path / name / "tagger.desire" for name in ("a", "b")]
    for path in found:
        export_bundle(sample_trained.run, path, ExportOptions(precision="int8", zipped=True))
    assert found[0].read_bytes() == found[1].read_bytes()


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_graphs_have_the_opset_and_the_batch_asked_for(opset: int, batch: int, precision: str) -> None:
    exact = small_extractor(batch, opset)
    graph = in_precision(exact, precision, batches(9, batch))
    checker.check_model(graph, full_check=True)
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", opset)]
    assert (graph.ir_version, graph.producer_name, len(graph.metadata_props)) == (8, "desire-edge", 0)
    z, expected = (
        onnxruntime.InferenceSession(model.SerializeToString()).run(["z"], {"x": rows(batch)})[0]
        for model in (graph, exact)
    )
    assert z.shape == (batch, 4)
    assert relative_error(z, expected) <= EXTRACTOR_TOLERANCE[precision]


def test_the_graph_given_stays_as_it_is() -> None:
    graph = small_extractor()
    before = graph.SerializeToString()
    for precision in ("fp32", "fp16", "int8"):
        in_precision(graph, precision, batches(10))
    assert graph.SerializeToString() == before


def test_weights_that_half_precision_cannot_hold_are_refused() -> None:
    graph = small_extractor()
    large = numpy_helper.to_array(graph.graph.initializer[0]).copy()
    large[0, 0] = 1e5
    graph.graph.initializer[0].CopyFrom(numpy_helper.from_array(large, graph.graph.initializer[0].name))
    with pytest.raises(DesireEdgeError, match="do not fit float16; export with --precision fp32 or int8"):
        half_weights(graph)
