"""docs/bundle.md names everything that a bundle and an adapted model hold."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import onnx
import pytest
from safetensors import safe_open
from vectors.tiny import BUNDLES, FOLDER

from desire_edge import Bundle
from desire_edge.runtime.contents import file_arrays
from desire_edge.runtime.manifest import FILES, MANIFEST, FileRecord, Manifest
from desire_edge.runtime.model_file import complete_model
from desire_edge.runtime.predictor import METADATA_PREFIX
from desire_edge.runtime.taught_file import TASK

DOCUMENT = Path(__file__).parents[1] / "docs" / "bundle.md"


def test_every_file_field_array_input_and_output_is_described(tmp_path: Path) -> None:
    described = set(
        re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`\n]+)`", DOCUMENT.read_text(encoding="utf-8"))))
    )
    wanted = {MANIFEST, *FILES, "schema_version", *(field.name for field in fields(Manifest))}
    for name in BUNDLES:
        for file in FILES:
            path = FOLDER / name / file
            if file.endswith(".safetensors"):
                with safe_open(path, "numpy") as arrays:
                    wanted |= {re.sub(r"\.\d$", ".k", key) for key in arrays.keys()}  # noqa: SIM118 (not a dict)
            elif "fragment" not in file:
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
        with safe_open(task.save(tmp_path / name) / TASK, "numpy") as arrays:
            wanted |= {*arrays.keys(), *json.loads(arrays.metadata()["desire_edge"])}
    assert wanted - described == set()


def test_a_model_is_the_files_graphs_spliced() -> None:
    bundle = Bundle.open(FOLDER / "plain", "cpu")
    task = bundle.adapt(labels=["bread", "jazz"], keep_base=True)
    files = ("extractor.onnx", "head.fragment.onnx", "base.fragment.onnx")
    weights = {f"task.{name}": value for name, value in task.head.weights.items()}
    weights |= {"base.w": bundle.semantics.w_base, "base.b": bundle.semantics.base_bias}
    metadata = {entry.key: entry.value for entry in onnx.load_model_from_string(task.model).metadata_props}
    parts = {name: (FOLDER / "plain" / name).read_bytes() for name in files}
    assert task.model == complete_model(parts, weights, metadata)


@pytest.mark.parametrize("version", [3, 4, 5])
@pytest.mark.parametrize("name", ["plain", "known"])
def test_a_bundle_of_an_earlier_schema_gives_the_same_model(name: str, version: int, tmp_path: Path) -> None:
    older = in_schema(version, FOLDER / name, tmp_path / name)
    models = [
        Bundle.open(path, "cpu").adapt(labels=["bread", "jazz"]).model for path in (FOLDER / name, older)
    ]
    assert models[0] == models[1]
    arrays = [file_arrays(path / "extractor.onnx") for path in (FOLDER / name, older)]
    assert arrays[0] == arrays[1] != ()


def in_schema(version: int, bundle: Path, out: Path) -> Path:
    """The bundle of the paper's head as an earlier version wrote it: what is said of the head stands beside the rest,
    in schema 4 nothing of names, and in 3 the extractor's output is a graph of its own, after the rest.
    """
    shutil.copytree(bundle, out)
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
