"""Runs that begin with a frozen backbone, from files to a bundle: pictures, vectors, texts through tokens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from models.test_backbones import embedded, saved
from PIL import Image
from torch import nn
from vectors.static_lexicon import STATIC

from desire_edge import Bundle, DesireEdgeError, Predictor, Support
from desire_edge.export import ExportOptions, export_bundle, to_bundle
from desire_edge.models import extract
from desire_edge.models.hashed import HASHED
from desire_edge.training.config import load_config
from desire_edge.training.run import Run
from desire_edge.training.stages import train

LABELS = (
    "jazz",
    "bread",
    "linux",
    "travel",
    "garden",
    "music",
    "rail",
    "books",
    "cooking",
    "web",
    "design",
    "tea",
)
SETTINGS = (
    'lexicon.sources=["glove-50"]',
    "lexicon.max_mb=1",
    "extractor.epochs=2",
    "meta.batches=2",
    "meta.episodes=2",
    "meta.ways=[2,2]",
    "meta.shots=[1,1]",
    "meta.queries=1",
    "meta.folds=0",
    "meta.inner_steps=2",
    "validation_tasks=2",
    "label_sizes=[6,3,3]",
)
RNG = np.random.default_rng(0)


def trained(folder: Path, *settings: str) -> Run:
    run = Run.create(folder, load_config(None, (*SETTINGS, *settings), recipe="best"), torch.device("cpu"))
    train(run, lambda *_: None)
    return run


def carried(row: int) -> list[str]:
    return [LABELS[row % 12], LABELS[(row * 5 + 1) % 12]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 96 small pictures of different sizes, and their labels."""
    folder = tmp_path_factory.mktemp("pictures")
    lines = []
    for row in range(96):
        height, width = 6 + row % 5, 6 + row % 7
        pixels = RNG.integers(0, 64, (height, width, 3)) + 16 * np.array([row % 12, (row * 5 + 1) % 12, 3])
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{row}.png")
        lines.append(json.dumps({"file_name": f"{row}.png", "labels": sorted(set(carried(row)))}))
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def of_pictures(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("run")
    backbone = saved(folder / "mine", [1, 3, 8, 8])
    return trained(folder / "run", f"data={pictures}", f'extractor.backbone="onnx:{backbone}"')


@pytest.fixture(scope="module")
def of_texts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Texts through an ONNX file of token ids, whose names go through it too: as a text encoder's run."""
    folder = tmp_path_factory.mktemp("texts")
    words = ("bread", "jazz", "a", "trumpet")
    lines = [
        json.dumps(
            {
                "text": " ".join([str(row), *RNG.choice(words, size=1 + row % 5)]),
                "labels": sorted(set(carried(row))),
            }
        )
        for row in range(96)
    ]
    (folder / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    backbone = embedded(["input_ids", "attention_mask"], folder / "mine")
    return trained(folder / "run", f"data={folder / 'texts.jsonl'}", f'extractor.backbone="onnx:{backbone}"')


def test_pictures_go_from_a_folder_to_predictions(
    of_pictures: Run, pictures: Path, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    manifest, parity = export_bundle(of_pictures, tmp_path / "tagger.desire")
    assert (manifest.input.kind, manifest.names) == ("image", "lexicon")
    assert parity.worst <= 1e-5
    result = cli("adapt", tmp_path / "tagger.desire", "--support", pictures, "--shots", "1", "--out", "taught",
                 "--labels", ",".join(LABELS))  # fmt: skip
    assert result.exit_code == 0, result.output
    assert cli("predict", "taught", pictures / "3.png").exit_code == 0


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_bundles_extractor_is_the_stage_and_what_was_trained(
    of_pictures: Run, precision: str, tmp_path: Path
) -> None:
    export_bundle(of_pictures, tmp_path / "tagger.desire", ExportOptions(precision=precision))
    bundle = Bundle.open(tmp_path / "tagger.desire", "cpu")
    data = of_pictures.data
    assert data.stage is not None
    raws = data.raws(np.arange(8))
    np.testing.assert_array_equal(data.stage.features(raws), data.x[:8])
    z = bundle.extract([bundle.manifest.input.features_of(raw, "it") for raw in raws])
    expected = extract(of_pictures.extractor, data.x[:8]).numpy()
    # The bundle's z has other axes: lengths and angles are the same.
    error = np.abs(z @ z.T - expected @ expected.T).max() / np.abs(expected @ expected.T).max()
    assert error <= {"fp32": 1e-5, "fp16": 1e-2, "int8": 0.3}[precision]
    graph = onnx.load(bundle.path / "base.onnx")
    assert [value.name for value in graph.graph.output] == ["z", "probabilities", "base_probabilities"]


def test_a_run_is_opened_without_its_backbones_file_or_its_features(of_pictures: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(of_pictures.folder, tmp_path / "run")
    (folder / "features.safetensors").unlink()
    again = Run.open(folder, torch.device("cpu"))
    np.testing.assert_array_equal(again.data.x, of_pictures.data.x)
    assert (folder / "features.safetensors").is_file()
    record = again.record()["backbone"]
    assert record["name"].startswith("onnx:")
    assert [part["name"] for part in record["parts"]] == ["mine.onnx"]


def test_pictures_are_taken_one_at_a_time(of_pictures: Run, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="one example at a time; export it with --batch 1"):
        export_bundle(of_pictures, tmp_path / "tagger.desire", ExportOptions(batch=4))


def test_texts_take_their_tokenizer_along(of_texts: Run, tmp_path: Path) -> None:
    manifest, parity = export_bundle(of_texts, tmp_path / "tagger.desire")
    assert parity.worst <= 1e-5
    assert "tokenizer.json" in manifest.files
    task = Bundle.open(tmp_path / "tagger.desire").adapt(Support.of(["jazz", "bread"], [["jazz"], ["bread"]]))
    found = task.predict(["jazz trumpet"])
    np.testing.assert_allclose(
        Predictor(task.save(tmp_path / "taught")).predict(["jazz trumpet"]), found, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_token_ids_are_hashed_in_the_graph(of_texts: Run, tmp_path: Path, precision: str) -> None:
    settings = (
        f"data={of_texts.config.data}", f"extractor.backbone={of_texts.config.extractor.backbone}", "words=on",
        "maps=off", "validation_tasks=2", "label_sizes=[6,3,3]",
    )  # fmt: skip
    run = Run.create(tmp_path / "run", load_config(None, settings), torch.device("cpu"))
    train(run, lambda *_: None)
    assert run.extractor.words == HASHED and not (run.data.x[:, -HASHED:] == 0).all()
    manifest, parity = export_bundle(run, tmp_path / "tagger.desire", ExportOptions(precision=precision))
    assert manifest.dimension == run.extractor.dimension == run.data.dense.shape[1] + HASHED
    assert parity.adapted <= 1e-5 and (precision != "fp32" or parity.worst <= 1e-5)
    bundle = Bundle.open(tmp_path / "tagger.desire", "cpu")
    z = bundle.extract([bundle.manifest.input.features_of(raw, "it") for raw in run.data.raws(np.arange(12))])
    words = extract(run.extractor, run.data.x[:12])[:, -HASHED:].numpy()
    np.testing.assert_allclose(
        z[:, -HASHED:], words, rtol=0, atol={"fp32": 1e-6, "fp16": 1e-3, "int8": 1e-2}[precision]
    )


def test_vectors_are_features_as_they_are(tmp_path: Path) -> None:
    x = RNG.normal(size=(96, 8)).astype(np.float32)
    lines = [
        json.dumps({"vector": row.tolist(), "labels": sorted(set(carried(index)))})
        for index, row in enumerate(x)
    ]
    (tmp_path / "vectors.jsonl").write_text("\n".join(lines), encoding="utf-8")
    run = trained(
        tmp_path / "run",
        f"data={tmp_path / 'vectors.jsonl'}",
        "extractor.backbone=identity",
        "protocol=streaming",
    )
    assert run.config.extractor.hidden == ()
    np.testing.assert_array_equal(run.data.x, x)
    manifest, parity = export_bundle(run, tmp_path / "tagger.desire", ExportOptions(batch=3))
    assert (manifest.input.kind, manifest.batch) == ("vector", 3)
    assert parity.worst <= 1e-5
    (tmp_path / "wide.jsonl").write_text("\n".join(lines).replace('"vector": [', '"vector": [1, '))
    backbone = saved(tmp_path / "mine", [1, 8])
    with pytest.raises(DesireEdgeError, match="takes vectors of 8 numbers, but those of"):
        trained(tmp_path / "no", f"data={tmp_path / 'wide.jsonl'}", f'extractor.backbone="onnx:{backbone}"')
    assert not (tmp_path / "no" / "backbone").exists()


def test_a_backbone_of_another_input_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="the backbone mlp does not take"):
        trained(tmp_path / "a", f"data={pictures}", "extractor.backbone=mlp")
    with pytest.raises(DesireEdgeError, match="identity takes vectors"):
        trained(tmp_path / "b", f"data={pictures}", "extractor.backbone=identity")
    with pytest.raises(DesireEdgeError, match="needs a backbone whose names live among its features"):
        trained(tmp_path / "c", "data=sample", "extractor.projection=identity", "label_sizes=[54,13,23]")
    with pytest.raises(DesireEdgeError, match="no backbone is called 'resnet'"):
        load_config(None, ("extractor.backbone=resnet",))


def test_names_come_from_the_encoder_where_it_makes_them(of_texts: Run, tmp_path: Path) -> None:
    """The encoder's run again, with names in its space: started from the backbone, exported with the output `name`."""
    folder = shutil.copytree(of_texts.folder, tmp_path / "run")
    record = json.loads((folder / "backbone" / "backbone.json").read_text())
    (folder / "backbone" / "backbone.json").write_text(json.dumps(record | {"names": True}))
    config = json.loads((folder / "config.json").read_text())
    config["extractor"] |= {"projection": "identity", "label_weights": "learned"}
    config["meta"]["hidden"] = 10
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "checkpoint.safetensors").unlink()
    run = Run.open(folder, torch.device("cpu"))
    train(run, lambda *_: None)
    manifest, parity = export_bundle(run, tmp_path / "tagger.desire")
    assert (manifest.names, "lexicon.safetensors" in manifest.files) == ("extractor", False)
    assert parity.worst <= 1e-5
    bundle = Bundle.open(tmp_path / "tagger.desire")
    assert run.data.names is not None
    names = ["jazz", "a trumpet", "bread a"]
    expected = run.data.names.label_matrix(names).vectors
    found = bundle.names.label_matrix(names)
    np.testing.assert_allclose(found.vectors, expected, atol=1e-4)
    assert [entry.how for entry in found.entries] == ["encoder"] * 3
    task = bundle.adapt(labels=["jazz", "bread"])
    model = onnxruntime.InferenceSession(task.model)
    assert [value.name for value in model.get_outputs()] == ["probabilities"]
    assert task.predict(["bread a trumpet"]).shape == (1, 2)
    task.save(tmp_path / "taught")
    assert bundle.resume(tmp_path / "taught").labels == ("jazz", "bread")


class Encoder(nn.Module):
    """A user's own, of vectors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(8, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.linear(x).relu()
        return made


def test_a_module_and_data_become_a_bundle_in_one_call(tmp_path: Path) -> None:
    x = RNG.normal(size=(96, 8)).astype(np.float32)
    lines = [
        json.dumps({"vector": row.tolist(), "labels": sorted(set(carried(index)))})
        for index, row in enumerate(x)
    ]
    (tmp_path / "vectors.jsonl").write_text("\n".join(lines), encoding="utf-8")
    out = tmp_path / "tagger.desire"
    manifest, parity = to_bundle(
        Encoder(), tmp_path / "vectors.jsonl", out, settings=SETTINGS, run=tmp_path / "run"
    )
    assert (manifest.input.features, manifest.training["backbone"]["name"]) == (8, "Encoder")
    assert parity.worst <= 1e-5
    assert Bundle.open(out).adapt(labels=["jazz"]).predict(x[:2]).shape == (2, 1)
    run = Run.open(tmp_path / "run", torch.device("cpu"))
    with torch.no_grad():
        np.testing.assert_allclose(run.data.x, Encoder()(torch.from_numpy(x)), rtol=1e-5, atol=1e-6)
    with pytest.raises(DesireEdgeError, match="takes vectors, or pictures with --image-size"):
        to_bundle(Encoder(), "sample", out)
    with pytest.raises(DesireEdgeError, match=r"vectors\.jsonl exists and is no bundle"):
        to_bundle(Encoder(), "no data", tmp_path / "vectors.jsonl")


def test_a_static_lexicon_makes_texts_features(tmp_path: Path) -> None:
    words = ("bread", "jazz", "the", "hot", "cold", "zzyzx", "webdesign")
    lines = [
        json.dumps(
            {"text": " ".join([f"row{row}", *RNG.choice(words, size=2)]), "labels": sorted(set(carried(row)))}
        )
        for row in range(96)
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    run = trained(tmp_path / "run", f"data={tmp_path / 'texts.jsonl'}", f'lexicon.sources=["{STATIC}"]')
    said = run.config.extractor
    assert (said.backbone, said.projection, run.config.meta.hidden) == ("words", "identity", 16)
    manifest, parity = export_bundle(run, tmp_path / "tagger.desire")
    assert parity.worst <= 1e-5
    assert (manifest.input.kind, manifest.names) == ("lexicon", "lexicon")
    task = Bundle.open(tmp_path / "tagger.desire").adapt(labels=["hot bread", "jazz"])
    texts = ["the bread is hot", "jazz"]
    found = task.predict(texts)
    np.testing.assert_allclose(
        Predictor(task.save(tmp_path / "taught")).predict(texts), found, rtol=0, atol=1e-6
    )
    with pytest.raises(DesireEdgeError, match="would change the features"):
        export_bundle(run, tmp_path / "small.desire", ExportOptions(lexicon_words=5))
    with pytest.raises(DesireEdgeError, match="makes features of a static lexicon"):
        trained(tmp_path / "no", f"data={tmp_path / 'texts.jsonl'}", "extractor.backbone=words")
    assert not (tmp_path / "no" / "lexicon.safetensors").exists()
