"""docs/bundle.md names everything that a bundle and an adapted model hold."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import onnx
from safetensors import safe_open
from vectors.tiny import FOLDER

from desire_edge import Bundle
from desire_edge.runtime.fragment import model_fragment
from desire_edge.runtime.manifest import FILES, MANIFEST, Manifest
from desire_edge.runtime.predictor import METADATA_PREFIX
from desire_edge.runtime.taught_file import TASK

DOCUMENT = Path(__file__).parents[1] / "docs" / "bundle.md"


def test_every_file_field_array_input_and_output_is_described(tmp_path: Path) -> None:
    described = set(
        re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`\n]+)`", DOCUMENT.read_text(encoding="utf-8"))))
    )
    wanted = {MANIFEST, *FILES, "schema_version", *(field.name for field in fields(Manifest))}
    for name in ("plain", "known"):
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


def test_a_model_is_the_files_end_to_end() -> None:
    bundle = Bundle.open(FOLDER / "plain", "cpu")
    task = bundle.adapt(labels=["bread", "jazz"], keep_base=True)
    parts = [
        (FOLDER / "plain" / f"{part}.onnx").read_bytes()
        for part in ("extractor", "head.fragment", "base.fragment")
    ]
    weights = {f"task.{name}": value for name, value in task.head.weights.items()}
    weights |= {"base.w": bundle.semantics["w_base"], "base.b": bundle.semantics["base_bias"]}
    metadata = {entry.key: entry.value for entry in onnx.load_model_from_string(task.model).metadata_props}
    parts[0] = parts[0][: bundle.manifest.extractor_body]
    assert task.model == b"".join([*parts, model_fragment(weights, metadata)])
