"""docs/bundle.md names everything that a bundle and an adapted model hold."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors import safe_open
from vectors.tiny import BUNDLES, FOLDER

from desire_edge import Bundle, DesireEdgeError, Predictor, Support
from desire_edge.runtime.adaptation import padded
from desire_edge.runtime.manifest import EARLIER as WAS
from desire_edge.runtime.manifest import FILES, MANIFEST, FileRecord, Manifest
from desire_edge.runtime.model_file import complete_model, standalone_model
from desire_edge.runtime.part import ADAPTER, SAID
from desire_edge.runtime.predictor import METADATA_PREFIX
from desire_edge.runtime.taught_file import TASK

EARLIER = FOLDER / "earlier"
"""Bundles of schema 6."""
DOCUMENT = Path(__file__).parents[1] / "docs" / "bundle.md"


def test_every_file_field_array_input_and_output_is_described(tmp_path: Path) -> None:
    described = set(
        re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`\n]+)`", DOCUMENT.read_text(encoding="utf-8"))))
    )
    wanted = {MANIFEST, *FILES, *WAS, "schema_version", *(field.name for field in fields(Manifest))}
    for name in BUNDLES:
        for file in FILES:
            path = FOLDER / name / file
            if file.endswith(".safetensors"):
                with safe_open(path, "numpy") as arrays:
                    wanted |= {re.sub(r"\.\d$", ".k", key) for key in arrays.keys()}  # noqa: SIM118 (not a dict)
            else:
                graph = onnx.load(path).graph
                wanted |= {value.name for value in (*graph.input, *graph.output)}
        bundle = Bundle.open(FOLDER / name, "cpu")
        task = bundle.adapt(labels=["bread"], keep_base=True)
        model = onnx.load_model_from_string(task.model)
        assert all(entry.key.startswith(METADATA_PREFIX) for entry in model.metadata_props)
        wanted |= {entry.key for entry in model.metadata_props}
        wanted |= {value.name for value in (*model.graph.input, *model.graph.output)}
        wanted |= {tensor.name for tensor in model.graph.initializer if tensor.name.startswith("base.")}
        wanted |= {f"task.{name}" for name in task.head.weights}
        wanted |= {*json.loads((task.save(tmp_path / name) / SAID).read_bytes()), SAID, ADAPTER}
        with safe_open(tmp_path / name / TASK, "numpy") as arrays:
            wanted |= {*arrays.keys(), *json.loads(arrays.metadata()["desire_edge"])}
    assert wanted - described == set()


@pytest.mark.parametrize("name", BUNDLES)
def test_a_model_is_the_base_with_the_part_for_good(name: str) -> None:
    bundle = Bundle.open(FOLDER / name, "cpu")
    task = bundle.adapt(labels=["bread", "jazz"], keep_base=True)
    metadata = {entry.key: entry.value for entry in onnx.load_model_from_string(task.model).metadata_props}
    base = (FOLDER / name / "base.onnx").read_bytes()
    outputs = ["probabilities", "base_probabilities"]
    assert task.model == standalone_model("base", base, task.part.weights, outputs, metadata)


def test_a_model_of_an_earlier_bundle_is_the_files_graphs_spliced() -> None:
    bundle = Bundle.open(EARLIER / "plain", "cpu")
    task = bundle.adapt(labels=["bread", "jazz"], keep_base=True)
    files = ("extractor.onnx", "head.fragment.onnx", "base.fragment.onnx")
    weights = padded(task.head.weights, bundle.manifest.ways)
    weights = {f"task.{name}": value for name, value in weights.items()}
    weights |= {"base.w": bundle.semantics.w_base, "base.b": bundle.semantics.base_bias}
    metadata = {entry.key: entry.value for entry in onnx.load_model_from_string(task.model).metadata_props}
    parts = {name: (EARLIER / "plain" / name).read_bytes() for name in files}
    assert task.model == complete_model(parts, weights, metadata)


@pytest.mark.parametrize("version", [3, 4, 5, 6])
@pytest.mark.parametrize("name", ["plain", "known"])
def test_a_bundle_of_an_earlier_schema_gives_the_same_predictions(
    name: str, version: int, tmp_path: Path
) -> None:
    older = in_schema(version, EARLIER / name, tmp_path / name)
    texts, support = ["Warm bread, and jazz.", "rome"], Support.of(["Bread from a hot oven"], [["bread"]])
    expected = Bundle.open(FOLDER / name, "cpu").adapt(support, labels=["bread", "jazz"]).predict(texts)
    task = Bundle.open(older, "cpu").adapt(support, labels=["bread", "jazz"])
    np.testing.assert_allclose(task.predict(texts), expected, rtol=0, atol=1e-6)
    folder = task.save(tmp_path / "taught")
    assert {path.name for path in folder.iterdir()} == {"model.onnx", TASK}
    np.testing.assert_allclose(Predictor(folder).predict(texts), expected, rtol=0, atol=1e-6)
    assert Bundle.open(older, "cpu").resume(folder).model == task.model
    with pytest.raises(DesireEdgeError, match=r"is of an earlier version.* export it again"):
        task.save(tmp_path / "part", standalone=False)
    with pytest.raises(DesireEdgeError, match=r"has no base\.onnx; export the bundle again"):
        _ = task.part


def in_schema(version: int, bundle: Path, out: Path) -> Path:
    """The bundle of the paper's head as an earlier version wrote it: what is said of the head stands beside the rest,
    in schema 4 nothing of names, and in 3 the extractor's output is a graph of its own, after the rest.
    """
    shutil.copytree(bundle, out)
    if version == 6:
        return out
    manifest = json.loads((out / MANIFEST).read_bytes())
    head, names = manifest.pop("head"), manifest.pop("names")
    manifest |= {"schema_version": version, "hidden": head["hidden"], "conditioning": head["conditioning"]}
    if version == 5:
        manifest["names"] = {"kind": names["kind"]}
    if version == 3:
        body, output = onnx.load(bundle / "extractor.onnx"), onnx.ModelProto()
        output.graph.output.extend(body.graph.output)
        del body.graph.output[:]
        parts = [body.SerializeToString(), output.SerializeToString()]
        (out / "extractor.onnx").write_bytes(b"".join(parts))
        manifest["extractor_body"] = len(parts[0])
        manifest["files"]["extractor.onnx"] = asdict(FileRecord.of(out / "extractor.onnx"))
    (out / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return out
