"""The head `prior` on the device: its file, what its terms say, and a task that lives on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from core.prior_problems import CORNERS, Task, logits_of, queries, random_model, random_task
from core.prior_reference import Array, PriorModel, base_scores, trust, unit
from safetensors.numpy import load, save
from vectors.tiny import BASE_LABELS, FOLDER, PRIOR_D, D

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.export.parity import head_logits
from desire_edge.runtime.adaptation import learn
from desire_edge.runtime.heads import PriorSemantics
from desire_edge.runtime.heads.explained import Learned, Terms
from desire_edge.runtime.manifest import SEMANTICS
from desire_edge.runtime.taught_file import task_bytes

WEIGHTS = np.array([0.1, -0.4, 0.3, 0.2, 0.5], np.float32)
SUPPORT = Support.of(
    ["Bread from a hot oven", "jazz, a trumpet", "a train to Rome", "bread and jazz"],
    [["baking"], ["jazz"], [], ["baking", "jazz"]],
    None,
    [["cooking"], [], ["travel"], []],
)
TEXTS = ["Warm bread, and jazz.", "the linux kernel", "a trumpet on a train"]


def semantics_of(model: PriorModel, *, known_labels: bool = False) -> PriorSemantics:
    arrays = {name: value for name, value in vars(model).items() if value is not None}
    arrays |= {"base_bias": np.zeros(model.r.shape[1]), "threshold_weights": WEIGHTS}
    return PriorSemantics.of(arrays, known_labels=known_labels)


# What the terms say


def explained(
    model: PriorModel, task: Task, z: Array, known_labels: Array | None = None
) -> tuple[Terms, Array]:
    """The terms of the logits of z [d], and these logits by the weights that `head.onnx` takes."""
    semantics = semantics_of(model, known_labels=task.known_labels is not None)
    arrays = task.arrays(np.float32)
    head = learn(semantics.packed(), **arrays)
    learned = Learned(
        task.z, task.targets, task.mask, task.w_novel, task.known_labels, len(head.losses) - 1, head.alpha
    )
    told = None if known_labels is None else known_labels[None]
    return (
        semantics.reasons(learned).explain(z, known_labels),
        logits_of(head.weights, model, z[None], told)[0],
    )


@pytest.mark.parametrize("corner", CORNERS)
def test_the_terms_are_the_heads_logits_in_every_corner(corner: str) -> None:
    model, task = CORNERS[corner]
    asked, told = queries(model, task)
    for row in (0, len(asked) - 1):
        found, logits = explained(model, task, asked[row], None if told is None else told[row])
        total = found.name + found.base.sum(axis=0) + found.examples.sum(axis=0) + found.bias
        assert np.abs(total - logits).max() <= 1e-5 * max(1, np.abs(logits).max())
        assert found.examples.shape == task.targets.shape
        assert found.base.shape == (model.r.shape[1], task.w_novel.shape[1])


def test_names_and_base_labels_say_what_they_said_before_examples() -> None:
    rng = np.random.default_rng(2)
    model = random_model(rng, 9, 7, 5)
    task = random_task(rng, 6, 4, model)
    z = unit(rng.normal(size=(1, 9)))
    found, _ = explained(model, task, z[0])
    tau, names = trust(model.scalars, task.mask), unit(unit(task.w_novel.T) - model.name_mean).T
    assert model.name_map is not None
    by_name = tau["temperature"] * tau["names"] * (z @ model.name_map @ names)[0]
    np.testing.assert_allclose(found.name, by_name, rtol=1e-5)
    u = base_scores(model, z, None)[0]
    votes = tau["temperature"] * tau["base"] * u[:, None] * (model.inference @ names)
    np.testing.assert_allclose(found.base, votes, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found.bias, tau["temperature"] * tau["bias"] + tau["shift"], rtol=1e-5)
    np.testing.assert_allclose(found.scores, u, rtol=1e-5)


def test_an_example_of_which_nothing_is_known_says_nothing_and_twins_say_the_same() -> None:
    rng = np.random.default_rng(3)
    model = random_model(rng, 12, 12, 5)
    task = random_task(rng, 8, 3, model)
    mask = np.ones_like(task.mask)
    mask[[2, 5]] = 0
    z, targets = task.z.copy(), task.targets.copy()
    z[1], targets[1] = z[0], targets[0]
    task = replace(task, z=z, targets=targets, mask=mask)
    found = explained(model, task, z[4])[0].examples
    assert not found[[2, 5]].any()
    assert (np.abs(np.delete(found, [2, 5], axis=0)).max(axis=1) > 0).all()
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    order = [7, 3, 0, 5, 1, 6, 2, 4]
    turned = Task(z[order], targets[order], mask[order], task.w_novel)
    np.testing.assert_allclose(explained(model, turned, z[4])[0].examples, found[order], rtol=1e-4, atol=1e-6)


def test_an_example_speaks_for_the_label_it_carries_where_the_input_is_like_it() -> None:
    rng = np.random.default_rng(4)
    model = random_model(rng, 12, 12, 5)
    task = random_task(rng, 2, 2, model)
    task = replace(task, targets=np.eye(2), mask=np.ones((2, 2)))
    found = explained(model, task, task.z[0])[0].examples
    assert found[0, 0] > 0 > found[0, 1]


# Its file


def spoilt(folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    arrays = load((FOLDER / "prior" / SEMANTICS).read_bytes())
    change(arrays)
    (folder / SEMANTICS).write_bytes(save(arrays))
    return folder / SEMANTICS


def read(path: Path, *, names: int = D) -> PriorSemantics:
    return PriorSemantics.read(path, PRIOR_D, names, len(BASE_LABELS), known_labels=True)


@pytest.mark.parametrize(
    "name", ["name_mean", "r", "base_bias", "inference", "scalars", "threshold_weights", "name_map"]
)
def test_an_array_that_is_wrong_is_named(name: str, tmp_path: Path) -> None:
    sentence = (
        rf"semantics\.safetensors: {name} is not a finite float32 array of shape \[.*\]; export the bundle"
    )
    for change in (
        lambda arrays: arrays.pop(name),
        lambda arrays: arrays.update({name: arrays[name].astype(np.float64)}),
        lambda arrays: arrays.update({name: arrays[name][..., :-1].copy()}),
        lambda arrays: arrays.update({name: np.full_like(arrays[name], np.inf)}),
    ):
        with pytest.raises(DesireEdgeError, match=sentence):
            read(spoilt(tmp_path, change))


def test_a_map_of_names_may_be_left_away_where_there_is_one_space(tmp_path: Path) -> None:
    def in_one_space(arrays: dict[str, np.ndarray]) -> None:
        del arrays["name_map"]
        arrays["name_mean"] = arrays["name_mean"][:PRIOR_D].copy()
        arrays["inference"] = arrays["inference"][:, :PRIOR_D].copy()

    found = read(spoilt(tmp_path, in_one_space), names=PRIOR_D)
    assert found.name_map is None
    assert set(found.arrays()) == {
        "name_mean", "r", "base_bias", "inference", "scalars", "threshold_weights",
    }  # fmt: skip


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = FOLDER / "prior" / SEMANTICS
    found = read(path)
    (tmp_path / SEMANTICS).write_bytes(found.serialize())
    again = read(tmp_path / SEMANTICS)
    for name, array in found.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)
    assert again.known_labels is found.known_labels is True


# A task's life, through the façade


def test_a_task_goes_on_and_back_to_the_bit(tmp_path: Path) -> None:
    bundle = Bundle.open(FOLDER / "prior", "cpu")
    first = bundle.adapt(SUPPORT, labels=["baking", "jazz"], keep_base=True)
    more = Support.of(
        ["linux, the kernel", "Rome by train"], [["open source"], []], None, [["programming"], []]
    )
    second = first.add(more)
    assert second.labels == ("baking", "jazz", "open source")
    assert second.model != first.model
    assert second.undo().model == first.model
    assert second.remove(examples=[4, 5], labels=["open source"]).model == first.model
    assert bundle.resume(second.save(tmp_path / "taught")).model == second.model
    renamed = second.rename("jazz", "music")
    assert renamed.labels == ("baking", "music", "open source")
    assert renamed.model != second.model
    assert renamed.undo().model == renamed.rename("music", "jazz").model == second.model
    resumed = bundle.resume(tmp_path / "taught").undo()
    assert task_bytes(resumed.taught) == task_bytes(first.taught)
    assert resumed.model == first.model
    for text in TEXTS:
        ours, theirs = (
            second.explain(text, ["music"]),
            bundle.resume(tmp_path / "taught").explain(text, ["music"]),
        )
        assert ours.to_json() == theirs.to_json()


def test_a_prediction_is_the_head_of_the_features_and_base_labels_are_kept() -> None:
    bundle = Bundle.open(FOLDER / "prior", "cpu")
    task = bundle.adapt(SUPPORT, labels=["baking", "jazz"], keep_base=True)
    features = task.predictor.features(TEXTS)
    z = bundle.extract(features)
    known = np.zeros((len(TEXTS), len(BASE_LABELS)), np.float32)
    known[1, 2] = 1
    outputs = task.predictor.outputs(features, known)
    logits = head_logits(bundle, task.head.weights, z, known)
    np.testing.assert_allclose(outputs["probabilities"], 1 / (1 + np.exp(-logits)), atol=1e-6)
    assert isinstance(bundle.semantics, PriorSemantics)
    base = z @ bundle.semantics.r + bundle.semantics.base_bias
    np.testing.assert_allclose(outputs["base_probabilities"], 1 / (1 + np.exp(-base)), atol=1e-6)
    assert task.predictor.base_labels == BASE_LABELS


def test_a_task_of_the_head_prior_is_not_one_of_the_papers(tmp_path: Path) -> None:
    path = Bundle.open(FOLDER / "prior", "cpu").adapt(labels=["jazz"]).save(tmp_path / "taught")
    with pytest.raises(DesireEdgeError, match="the task was taught with another bundle, prior"):
        Bundle.open(FOLDER / "known", "cpu").resume(path)


def test_labels_vectors_of_another_width_are_refused(tmp_path: Path) -> None:
    """Of the bundle's own digests, so that nothing but the width tells."""
    bundle = Bundle.open(FOLDER / "prior", "cpu")
    taught = bundle.adapt(SUPPORT).taught
    narrow = replace(taught, vectors=taught.vectors[:-1])
    (tmp_path / "task.safetensors").write_bytes(task_bytes(narrow))
    with pytest.raises(
        DesireEdgeError, match=rf"{PRIOR_D}.*{D - 1}.*{PRIOR_D}.*{D}.*; teach the task afresh"
    ):
        bundle.resume(tmp_path)


def test_a_manifest_says_the_head_and_the_width_of_names() -> None:
    manifest = Bundle.open(FOLDER / "prior", "cpu").manifest
    assert (manifest.head, manifest.dimension, manifest.name_dimension, manifest.hidden) == (
        "prior",
        PRIOR_D,
        D,
        0,
    )
    written = json.loads(json.dumps(manifest.to_json()))
    assert (written["schema_version"], written["head"]) == (7, {"kind": "prior"})
    assert written["names"] == {"kind": "lexicon", "dimension": D}
    assert not {"hidden", "conditioning", "name_dimension"} & set(written)
