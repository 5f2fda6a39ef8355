"""A user's part: what of a task is saved beside a base that all share, and what of it is refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from vectors.tiny import BUNDLES, FOLDER

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task
from desire_edge.inputs.spec import stacked
from desire_edge.runtime.part import ADAPTER, SAID, Part

TEXTS = ("Warm bread, and jazz.", "a train to Rome", "nothing it knows")
SUPPORT = Support.of(["Bread from a hot oven", "jazz: a trumpet!"], [["baking"], ["jazz"]])


@pytest.fixture(params=BUNDLES)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    """Each golden bundle."""
    return Bundle.open(FOLDER / request.param, "cpu")


@pytest.fixture
def task() -> Task:
    return Bundle.open(FOLDER / "prior", "cpu").adapt(SUPPORT)


@pytest.mark.parametrize("keep_base", [False, True])
def test_a_saved_part_predicts_what_the_task_does(bundle: Bundle, keep_base: bool, tmp_path: Path) -> None:
    task = bundle.adapt(SUPPORT, keep_base=keep_base)
    folder = task.save(tmp_path / "user", standalone=False)
    assert {path.name for path in folder.iterdir()} == {ADAPTER, SAID, "task.safetensors"}
    predictor = bundle.predictor(folder)
    assert (predictor.labels, predictor.thresholds) == (task.labels, task.thresholds)
    assert predictor.sets == task.sets
    features = predictor.features(TEXTS)
    found, expected = predictor.outputs(features), task.predictor.outputs(features)
    assert set(found) == {"probabilities", *(["base_probabilities"] if keep_base else [])}
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
    # A process of its own, as workers have it.
    there = pickle.loads(pickle.dumps(predictor))
    np.testing.assert_array_equal(there.predict(TEXTS), found["probabilities"])


def test_onnx_runtime_runs_base_and_adapter_by_itself(bundle: Bundle, tmp_path: Path) -> None:
    task = bundle.adapt(SUPPORT)
    task.save(tmp_path / "user")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(bundle.path / "base.onnx", options)
    adapter, run = onnxruntime.LoraAdapter(), onnxruntime.RunOptions()
    adapter.Load(str(tmp_path / "user" / ADAPTER))
    run.add_active_adapter(adapter)
    spec = bundle.manifest.input
    inputs = dict(stacked([spec.features_of(text, "it") for text in TEXTS], spec))
    if bundle.manifest.known_labels:
        inputs["known_labels"] = np.zeros((len(TEXTS), len(bundle.manifest.base_labels)), np.float32)
    (found,) = session.run(["probabilities"], inputs, run)
    np.testing.assert_allclose(found, task.predict(TEXTS), rtol=0, atol=1e-6)
    model = Predictor(tmp_path / "user", "cpu").predict(TEXTS)
    np.testing.assert_allclose(found, model, rtol=0, atol=1e-6)


def test_a_part_is_as_large_as_its_labels_and_holds_no_text(task: Task, tmp_path: Path) -> None:
    d, base = 5, 4
    assert task.part.bytes == 4 * 2 * (d + base + 2)
    folder = task.save(tmp_path / "user", standalone=False)
    content = (folder / SAID).read_bytes()
    assert b"bread" not in content and b"vocabulary" not in content
    assert json.loads(content)["labels"] == ["baking", "jazz"]


def test_a_part_of_another_bundle_is_refused(task: Task, tmp_path: Path) -> None:
    folder = task.save(tmp_path / "user", standalone=False)
    with pytest.raises(
        DesireEdgeError, match=r"was taught with another bundle, prior; name that one"
    ) as found:
        Bundle.open(FOLDER / "sparse", "cpu").predictor(folder)
    assert found.value.code == "task-bundle"


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _said(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        said = json.loads((folder / SAID).read_bytes())
        change(said)
        (folder / SAID).write_text(json.dumps(said))

    return apply


def _weights(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        part = Part.read(folder)
        weights = dict(part.weights)
        change(weights)
        Part(part.labels, part.thresholds, part.sets, weights, part.bundle, part.base).write(folder)

    return apply


HOSTILE: dict[str, Callable[[Path], object]] = {
    "no adapter": lambda folder: (folder / ADAPTER).unlink(),
    "an adapter cut short": lambda f: (f / ADAPTER).write_bytes((f / ADAPTER).read_bytes()[:100]),
    "no adapter at all": lambda folder: (folder / ADAPTER).write_bytes(b"0" * 500),
    "an adapter that is a folder": lambda folder: _as_folder(folder / ADAPTER),
    "nothing said": lambda folder: (folder / SAID).unlink(),
    "no JSON": lambda folder: (folder / SAID).write_text("{"),
    "no object": lambda folder: (folder / SAID).write_text("[]"),
    "a later schema": _said(lambda said: said.update(schema_version=2)),
    "labels that are numbers": _said(lambda said: said.update(labels=[1, 2])),
    "one label more": _said(lambda said: said.update(labels=["a", "b", "c"], thresholds=[0.5] * 3)),
    "a threshold short": _said(lambda said: said.update(thresholds=[0.5])),
    "a threshold too large": _said(lambda said: said.update(thresholds=[0.5, 10**400])),
    "a set of other labels": _said(lambda said: said.update(sets=[{"coverage": 0.9, "thresholds": [1]}])),
    "a bundle that is none": _said(lambda said: said.update(bundle=None)),
    "a weight short": _weights(lambda weights: weights.pop("task.m")),
    "a weight more": _weights(lambda weights: weights.update(x=np.zeros((1, 13), np.float32))),
    "weights of other sizes": _weights(
        lambda weights: weights.update({"task.l": np.zeros((6, 2), np.float32)})
    ),
    "a column more": _weights(lambda weights: weights.update({"task.b": np.zeros(3, np.float32)})),
    "what is no number": _weights(
        lambda weights: weights.update({"task.b": np.array([0, np.nan], np.float32)})
    ),
}


@pytest.mark.parametrize("about", HOSTILE)
def test_a_part_that_is_none_is_one_sentence(about: str, task: Task, tmp_path: Path) -> None:
    folder = task.save(tmp_path / "user", standalone=False)
    HOSTILE[about](folder)
    with pytest.raises(DesireEdgeError, match=r"^[^\n]+$"):
        task.bundle.predictor(folder)  # type: ignore[attr-defined]


def test_no_bytes_of_an_adapter_bring_the_reader_down(task: Task, tmp_path: Path) -> None:
    folder = task.save(tmp_path / "user", standalone=False)
    content = (folder / ADAPTER).read_bytes()
    random, refused = np.random.default_rng(0), 0
    for _ in range(200):
        changed = bytearray(content)
        for place in random.integers(0, len(content), 4):
            changed[place] = random.integers(256)
        (folder / ADAPTER).write_bytes(bytes(changed))
        try:
            task.bundle.predictor(folder)  # type: ignore[attr-defined]
        except DesireEdgeError:
            refused += 1
    assert refused > 50


def test_a_task_comes_back_from_its_bytes(bundle: Bundle) -> None:
    task = bundle.adapt(SUPPORT).add(labels=["travel"])
    again = bundle.task(task.to_bytes())
    assert again.model == task.model
    assert again.undo().labels == ("baking", "jazz")
    with pytest.raises(DesireEdgeError, match=r"^the task is not what `desire-edge adapt` wrote"):
        bundle.task(task.to_bytes()[:-40])
    with pytest.raises(DesireEdgeError, match="of ours is larger than 16 MiB"):
        bundle.task(b"0" * (16 * 2**20 + 1), name="of ours")


@pytest.mark.parametrize("threads", [-1, 1025, 1.5, True, "2"])
def test_what_is_no_number_of_threads_is_refused(threads: Any, task: Task) -> None:
    for opened in (
        lambda: Bundle.open(FOLDER / "prior", "cpu", threads=threads),
        lambda: Predictor(task.model, "cpu", threads=threads),
    ):
        with pytest.raises(DesireEdgeError, match="it must be a number from 1 to 1024, or 0 for all cores"):
            opened()


def test_any_number_of_threads_gives_the_same(task: Task) -> None:
    expected = task.predict(TEXTS)
    for threads in (0, 1, 2):
        bundle = Bundle.open(FOLDER / "prior", "cpu", threads=threads)
        np.testing.assert_allclose(bundle.adapt(SUPPORT).predict(TEXTS), expected, rtol=0, atol=1e-6)
        model = Predictor(task.model, "cpu", threads=threads)
        np.testing.assert_allclose(model.predict(TEXTS), expected, rtol=0, atol=1e-6)


def test_a_task_of_which_something_was_removed_says_how_it_stands(bundle: Bundle) -> None:
    without = bundle.adapt(SUPPORT).add(labels=["travel"]).remove(labels=["baking"], examples=[0])
    afresh = bundle.adapt(
        Support.of(["jazz: a trumpet!"], [["jazz"]], None), labels=["jazz", "travel"], missing="unknown"
    )
    assert [label.name for label in without.report.labels] == ["jazz", "travel"]
    assert (without.report.examples, afresh.report.examples) == (1, 1)
    assert [label.positives for label in without.report.labels] == [1, 0]
