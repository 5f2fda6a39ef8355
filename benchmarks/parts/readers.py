"""What readers of ONNX other than ONNX Runtime make of our files.

The extractor, the head, the adaptation and adapted models run in ONNX's own evaluator, OpenVINO, OpenCV and tract, for
a task of a small model of the sample corpus, of one that uses known labels, and of one with the head `prior`.
`readers_max_error` is the largest difference from ONNX Runtime, over the largest number of that output;
`graph_fields_per_file` is how often `graph` stands in a file at most: many readers keep the last alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx.reference
import onnxruntime
import openvino
import tract
from numpy.typing import NDArray
from training_runs import finished_run

from desire_edge import Bundle, Support
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.folders import write_episode
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.runtime.adaptation import padded
from desire_edge.runtime.manifest import ADAPT, BASE, HEAD
from desire_edge.runtime.model_file import MODEL_GRAPH
from desire_edge.runtime.portable import PortableAdaptation
from desire_edge.runtime.predictor import MODEL
from desire_edge.runtime.wire import fields
from desire_edge.training.config import load_config
from desire_edge.training.run import Run
from parts.part import Measured

SETTINGS = ("data=sample", "extractor.epochs=10", "meta.batches=30", "meta.folds=0", "validation_tasks=5")
RUNS = Path("runs/readers")
PACKAGES = ("onnx", "openvino", "opencv-python-headless", "tract")
MODELS = {
    "plain": SETTINGS,
    "known": (*SETTINGS, "meta.known_labels=1.0"),
    "prior": (*SETTINGS, "head=prior"),
}
Array = NDArray[np.float32]
Outputs = list[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A whole ONNX file of ours and inputs for it."""

    name: str
    content: bytes
    inputs: Mapping[str, Array]


def onnx_files(bundle: Bundle, support: Support, query: Array) -> list[OnnxFile]:
    """The bundle's graphs and models adapted to `support`, with what they take for one row x [features]."""
    manifest = bundle.manifest
    task, whole = bundle.adapt(support), bundle.adapt(support, keep_base=True)
    x = np.zeros((manifest.batch, len(query)), np.float32)
    x[0] = query
    features = [manifest.input.features_of(row, "x") for row in x]
    known = {}
    if manifest.known_labels:
        known["known_labels"] = np.eye(manifest.batch, len(manifest.base_labels), dtype=np.float32)
    learned = task.taught.current
    arrays = (learned.z, learned.targets, learned.mask, learned.vectors)
    adaptation = PortableAdaptation(bundle.path / ADAPT, manifest)
    return [
        OnnxFile(BASE, (bundle.path / BASE).read_bytes(), {"x": x, **known}),
        OnnxFile(
            HEAD,
            (bundle.path / HEAD).read_bytes(),
            {"z": bundle.extract(features), **padded(task.head.weights, manifest.ways), **known},
        ),
        OnnxFile(
            ADAPT,
            (bundle.path / ADAPT).read_bytes(),
            adaptation.inputs(*arrays, learned.known_labels if known else None),
        ),
        OnnxFile(MODEL, task.model, {"x": x, **known}),
        OnnxFile(f"{MODEL} --keep-base", whole.model, {"x": x, **known}),
    ]


def graph_fields(content: bytes) -> int:
    """How often `graph` stands in a serialised ModelProto."""
    return sum(field.number == MODEL_GRAPH for field in fields(content))


def in_onnxruntime(file: OnnxFile) -> Outputs:
    """What is right."""
    session = onnxruntime.InferenceSession(file.content, providers=["CPUExecutionProvider"])
    return list(session.run(None, dict(file.inputs)))


def in_onnx(file: OnnxFile) -> Outputs:
    """ONNX's own evaluator, in numpy."""
    evaluator = onnx.reference.ReferenceEvaluator(onnx.load_model_from_string(file.content))
    return list(map(np.asarray, evaluator.run(None, dict(file.inputs))))


def in_openvino(file: OnnxFile) -> Outputs:
    """OpenVINO on the CPU, in single precision."""
    core = openvino.Core()
    model = core.compile_model(core.read_model(file.content), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = model(dict(file.inputs))
    return [found[index] for index in range(len(model.outputs))]


def in_opencv(file: OnnxFile) -> Outputs:
    """OpenCV's dnn module."""
    net = cv2.dnn.readNetFromONNX(np.frombuffer(file.content, np.uint8))
    for name, value in file.inputs.items():
        net.setInput(value, name)
    return list(net.forward(net.getUnconnectedOutLayersNames()))


def in_tract(file: OnnxFile) -> Outputs:
    """tract, by Sonos."""
    with tempfile.NamedTemporaryFile(suffix=".onnx") as stored:
        stored.write(file.content)
        stored.flush()
        model = tract.onnx().load(stored.name)
    names = [model.input_name(index) for index in range(model.input_count())]
    return [
        found.to_numpy() for found in model.into_model().into_runnable().run([file.inputs[n] for n in names])
    ]


READERS: Mapping[str, Callable[[OnnxFile], Outputs]] = {
    "onnx": in_onnx,
    "openvino": in_openvino,
    "opencv": in_opencv,
    "tract": in_tract,
}


def difference(file: OnnxFile, reader: str) -> float:
    """How far a reader is from ONNX Runtime: max|Δ| / max|output|, the largest of the outputs."""
    expected, found = in_onnxruntime(file), READERS[reader](file)
    return max(_relative(one, other) for one, other in zip(found, expected, strict=True))


def _relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    difference = np.abs(found.astype(np.float64) - expected).max()
    return float(difference / (np.abs(expected).max() or 1.0))


def measure() -> Measured:
    """The metrics, and every reader's difference for every file; the models are trained where they are missing."""
    differences: dict[str, dict[str, float]] = {}
    counts = []
    for name, settings in MODELS.items():
        run = finished_run(RUNS / name, load_config(overrides=settings, recipe="best"))
        with tempfile.TemporaryDirectory() as temporary:
            for file in task_files(run, Path(temporary)):
                counts.append(graph_fields(file.content))
                differences[f"{name}/{file.name}"] = {reader: difference(file, reader) for reader in READERS}
    largest = max(found for by_reader in differences.values() for found in by_reader.values())
    metrics = {"readers_max_error": largest, "graph_fields_per_file": max(counts)}
    versions = {package: version(package) for package in PACKAGES}
    return Measured(metrics, {"versions": versions, "differences": differences})


def task_files(run: Run, folder: Path) -> list[OnnxFile]:
    """The files of the run's bundle, made in `folder`, for a task of its novel labels."""
    export_bundle(run, folder / "tagger.desire", ExportOptions())
    data = run.data
    sampler = EpisodeSampler.over(
        data.rows, data.dataset.targets, data.split.novel, ways=5, shots=1, queries=1
    )
    episode = sampler.sample(np.random.default_rng(0))
    known = data.split.base.tolist() if run.config.meta.known_labels else ()
    write_episode(data.dataset, episode, folder / "task", known)
    support = Support.read(folder / "task" / "support")
    return onnx_files(Bundle.open(folder / "tagger.desire", "cpu"), support, data.x[episode.query[0]])
