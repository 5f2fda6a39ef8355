"""Bundles of pictures and of tokens: one example a run, and files beside the adapted model."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ragged import image_bundle, image_graph, tiny_tokenizer, tokens_bundle, tokens_graph

from desire_edge import Bundle, Predictor, Support
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import VectorInput
from desire_edge.runtime.archive import pack
from desire_edge.runtime.contents import bundle_contents
from desire_edge.runtime.manifest import BASE, MANIFEST
from desire_edge.runtime.session import Session, check_takes


def plain(colour: tuple[int, int, int], height: int = 3, width: int = 5) -> np.ndarray[Any, Any]:
    return np.full((height, width, 3), colour, np.uint8)


RED, BLUE = (250, 10, 10), (10, 10, 250)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(image_bundle(tmp_path_factory.mktemp("images") / "pictures.desire"))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("tokens")
    return Bundle.open(tokens_bundle(folder / "texts.desire", tiny_tokenizer(folder)))


def test_pictures_of_any_size_teach_labels_and_get_them(pictures: Bundle) -> None:
    support = Support.of([plain(RED), plain(BLUE, 7, 2)], [["jazz"], ["bread"]])
    task = pictures.adapt(support)
    probabilities = task.predict([plain(RED, 40, 1), plain(BLUE), plain(RED, 2, 9)])
    assert [row.argmax() for row in probabilities] == [0, 1, 0]
    np.testing.assert_allclose(probabilities[0], probabilities[2], rtol=1e-5)
    one_by_one = [task.predict([plain(colour)])[0] for colour in (RED, BLUE, RED)]
    np.testing.assert_allclose(one_by_one, probabilities, rtol=1e-5)
    assert "features" not in repr(pictures)


def test_the_extractor_gives_what_the_graph_says(pictures: Bundle) -> None:
    x = plain((255, 128, 0))
    z = pictures.extractor.run({"x": [x]})["z"]
    weights = next(tensor for tensor in image_graph().graph.initializer if tensor.name == "w").raw_data
    expected = (np.array([255, 128, 0]) / 127.5 - 1) @ np.frombuffer(weights, np.float32).reshape(3, -1)
    np.testing.assert_allclose(z[0], expected, rtol=1e-5, atol=1e-6)
    assert pictures.extractor.run({"x": []})["z"].shape == (0, 6)


def test_png_files_are_support_and_queries(pictures: Bundle, tmp_path: Path, cli: Callable[..., Any]) -> None:
    folder = tmp_path / "support"
    folder.mkdir()
    for name, colour in (("red.png", RED), ("blue.jpg", BLUE)):
        Image.fromarray(plain(colour, 16, 16)).save(folder / name)
    (folder / "metadata.csv").write_text("file_name,labels\nred.png,jazz\nblue.jpg,bread\n")
    assert len(Support.read(folder).examples) == 2
    for command in (
        ("adapt", pictures.path, "--support", folder, "--out", "taught"),
        ("predict", "taught", folder),
        ("info", pictures.path),
    ):
        result = cli(*command)
        assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "taught").iterdir()) == [
        "model.onnx",
        "task.json",
        "task.onnx_adapter",
        "task.safetensors",
    ]


def test_a_text_is_refused_by_a_bundle_of_pictures(pictures: Bundle) -> None:
    with pytest.raises(DesireEdgeError, match="takes pictures") as refused:
        pictures.adapt(Support.of(["a text"], [["jazz"]]))
    assert refused.value.code == "input-kind"


def test_an_adapted_model_has_its_tokenizer_beside_it(texts: Bundle, tmp_path: Path) -> None:
    task = texts.adapt(Support.of(["a jazz trumpet", "bread"], [["jazz"], ["baking"]]))
    expected = task.predict(["trumpet", [1, 4, 2]])
    out = task.save(tmp_path / "taught")
    assert {path.name for path in out.iterdir()} == {
        "model.onnx", "task.json", "task.onnx_adapter", "task.safetensors", "tokenizer.json",
    }  # fmt: skip
    for model in (out, out / "model.onnx"):
        predictor = Predictor(model)
        np.testing.assert_allclose(predictor.predict(["trumpet", [1, 4, 2]]), expected, rtol=0, atol=1e-6)
        for again in (pickle.loads(pickle.dumps(predictor)), copy.deepcopy(predictor)):
            np.testing.assert_allclose(again.predict(["trumpet", "bread"]), expected, rtol=0, atol=1e-6)
    task.add(Support.of(["a"], [["jazz"]])).save(out)  # an earlier task is replaced, its tokenizer with it
    resumed = Bundle.open(texts.path).resume(out).predict(["bread"])
    np.testing.assert_allclose(resumed, Predictor(out).predict(["bread"]), rtol=0, atol=1e-6)
    shutil.copytree(out, tmp_path / "moved")
    (tmp_path / "moved" / "tokenizer.json").write_text("{}")
    with pytest.raises(DesireEdgeError, match="not the file that the model was made with"):
        Predictor(tmp_path / "moved")
    (tmp_path / "moved" / "tokenizer.json").unlink()
    with pytest.raises(DesireEdgeError, match=r"needs the file tokenizer\.json"):
        Predictor(tmp_path / "moved")
    with pytest.raises(DesireEdgeError, match="open it by its path"):
        Predictor(task.model)


def test_a_bundle_with_a_tokenizer_is_packed_and_lists_it(texts: Bundle, tmp_path: Path) -> None:
    pack(texts.path, tmp_path / "one.desire")
    task = Bundle.open(tmp_path / "one.desire").adapt(labels=["jazz"])
    out = task.save(tmp_path / "taught")
    assert Predictor(out).predict(["jazz"]).shape == (1, 1)
    assert "tokenizer.json" in {item.name for item in bundle_contents(texts)}


def test_a_tokenizer_that_changed_is_found_when_the_bundle_is_opened(texts: Bundle, tmp_path: Path) -> None:
    copied = shutil.copytree(texts.path, tmp_path / "copied")
    (copied / "tokenizer.json").write_text("{}")
    with pytest.raises(DesireEdgeError) as refused:
        Bundle.open(copied)
    assert refused.value.code == "bundle-changed"
    (copied / "tokenizer.json").unlink()
    with pytest.raises(DesireEdgeError) as refused:
        Bundle.open(copied)
    assert refused.value.code == "bundle-file"


def test_an_extractor_of_another_input_is_refused(pictures: Bundle, texts: Bundle, tmp_path: Path) -> None:
    takes = Session(pictures.path / BASE, "cpu")
    with pytest.raises(DesireEdgeError, match=r"takes uint8 \[any, any, 3\], but here says int64 \[any\]"):
        check_takes(takes, texts.manifest.input, "it", "here", "onnx")
    with pytest.raises(DesireEdgeError, match=r"but here says float32 \[4\]"):
        check_takes(takes, VectorInput(4), "it", "here", "onnx")


@pytest.mark.parametrize("shape", [[2, "h", "w", 3], [1, "h", "w", 4], [1, "h", "w"], ["n", "h", "w", 3]])
def test_a_graph_of_other_ragged_input_is_refused(shape: list[Any], tmp_path: Path) -> None:
    graph = image_graph()
    for dimension, size in zip(graph.graph.input[0].type.tensor_type.shape.dim, shape, strict=False):
        dimension.dim_param = size if isinstance(size, str) else ""
        if isinstance(size, int):
            dimension.dim_value = size
    if len(shape) == 3:
        del graph.graph.input[0].type.tensor_type.shape.dim[3]
    with pytest.raises(DesireEdgeError, match=r"is not a model of desire-edge|is not a whole ONNX model"):
        Session(graph.SerializeToString(), "cpu", name="it")


def test_a_token_that_the_graph_does_not_have_is_an_error_of_the_graph(tmp_path: Path) -> None:
    session = Session(tokens_graph(3).SerializeToString(), "cpu", name="it")
    with pytest.raises(DesireEdgeError, match="could not run it") as refused:
        session.run({"x": [np.array([5], np.int64)]})
    assert refused.value.code == "onnx"


def test_a_kind_that_is_not_known_is_named(pictures: Bundle, tmp_path: Path) -> None:
    copied = shutil.copytree(pictures.path, tmp_path / "copied")
    manifest = (copied / MANIFEST).read_text(encoding="utf-8")
    (copied / MANIFEST).write_text(manifest.replace('"image"', '"sound"'), encoding="utf-8")
    with pytest.raises(DesireEdgeError, match="input of the kind 'sound', which this version does not know"):
        Bundle.open(copied)


def test_a_picture_is_no_list_of_pictures(pictures: Bundle) -> None:
    task = pictures.adapt(labels=["jazz"])
    with pytest.raises(DesireEdgeError, match="input 0 has shape"):
        task.predict(plain(RED))
