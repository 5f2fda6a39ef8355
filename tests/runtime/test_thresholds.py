"""Decision thresholds on the device: what they are made of, that training agrees, and what a bundle may say of them."""

from __future__ import annotations

import json
import shutil
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, _core
from desire_edge.runtime.manifest import FileRecord
from desire_edge.training import thresholds as training
from desire_edge.training.learner import FEATURES

Array = NDArray[np.float32]
NAME_ALONE = [1.0, 0.0, 0.0, 0.0, 0.0]
LARGEST = float(np.finfo(np.float32).max)


@st.composite
def supports(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Logits, targets and mask [S, N] of a support set, which may be empty."""
    shape = draw(st.tuples(st.integers(0, 8), st.integers(1, 5)))
    bits = npst.arrays(np.float32, shape, elements=st.sampled_from([np.float32(0), np.float32(1)]))
    return draw(npst.arrays(np.float32, shape, elements=st.floats(-50, 50, width=32))), draw(bits), draw(bits)


def vector(*values: float) -> Array:
    return np.array(values, np.float32)


def thresholds(weights: Array, support: tuple[Array, Array, Array]) -> NDArray[np.float64]:
    logits, targets, mask = support
    return _core.thresholds(logits=logits, targets=targets, mask=mask, weights=weights)


def log_odds(weights: list[float], logits: Array, targets: Array, mask: Array) -> list[float]:
    found = thresholds(vector(*weights), (logits, targets, mask))
    return list(np.log(found / (1 - found)))


# Thresholds


def test_figures_are_counted_from_the_examples_that_are_known() -> None:
    logits = np.array([[1, 2, 9], [3, 2, -9], [8, 2, 9]], np.float32)
    targets = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 0]], np.float32)
    mask = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]], np.float32)
    expected = np.array([[1, 1, 0, 2, 1], [1, 1, log(4), 2, 0], NAME_ALONE])
    for figure, weights in enumerate(np.eye(FEATURES).tolist()):
        assert log_odds(weights, logits, targets, mask) == pytest.approx(expected[:, figure], abs=1e-9)


@given(supports(), npst.arrays(np.float32, FEATURES, elements=st.floats(-2, 2, width=32)))
def test_training_makes_the_same_thresholds(support: tuple[Array, Array, Array], weights: Array) -> None:
    figures = training.threshold_features(*(torch.from_numpy(array).double() for array in support))
    expected = torch.sigmoid((figures @ torch.from_numpy(weights).double()).clamp(-13.8, 13.8))
    np.testing.assert_allclose(thresholds(weights, support), expected.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("examples", [0, 1, 4])
def test_where_nothing_is_known_a_name_stands_alone(examples: int) -> None:
    logits, targets = np.full((examples, 2), 7, np.float32), np.ones((examples, 2), np.float32)
    weights = vector(log(3), 5, 5, 5, 5)
    assert thresholds(weights, (logits, targets, np.zeros_like(targets))) == pytest.approx(0.75, abs=1e-7)


@given(supports())
def test_weights_of_zero_are_a_half(support: tuple[Array, Array, Array]) -> None:
    assert (thresholds(np.zeros(FEATURES, np.float32), support) == 0.5).all()


@given(supports(), npst.arrays(np.float32, FEATURES, elements=st.floats(-LARGEST, LARGEST, width=32)))
def test_no_threshold_is_0_or_1_even_in_single_precision(
    support: tuple[Array, Array, Array], weights: Array
) -> None:
    for threshold in thresholds(weights, support).astype(np.float32):
        assert 0 < threshold < 1


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_numbers_there_are_give_thresholds(sign: int) -> None:
    logits = sign * np.array([[LARGEST, LARGEST], [-LARGEST, LARGEST]], np.float32)
    support = logits, np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)
    found = thresholds(np.full(FEATURES, LARGEST, np.float32), support)
    assert all(0 < threshold < 1 for threshold in found)
    assert found[1] == pytest.approx(0.5 + sign * (0.5 - 1e-6), abs=1e-7)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("logits", np.array([[np.nan]], np.float32), r"logits\[0, 0\] is NaN or infinite"),
        ("targets", np.array([[2]], np.float32), r"targets\[0, 0\] is 2\.0+, expected 0 to 1"),
        ("mask", np.array([[-1]], np.float32), r"mask\[0, 0\] is -1\.0+, expected 0 to 1"),
        ("mask", np.ones((1, 2), np.float32), r"mask has shape \[1, 2\], expected \[S, N\] = \[1, 1\]"),
        ("weights", np.full(FEATURES, np.inf, np.float32), r"weights\[0\] is NaN or infinite"),
        ("logits", np.ones((1, 0), np.float32), "labels is 0, expected 1"),
    ],
)
def test_what_the_core_cannot_decide_from_is_refused(name: str, value: Array, complaint: str) -> None:
    arrays: dict[str, Any] = {key: np.ones((1, 1), np.float32) for key in ("logits", "targets", "mask")}
    if value.shape == (1, 0):
        arrays = dict.fromkeys(arrays, value)
    arrays |= {"weights": np.ones(FEATURES, np.float32), name: value}
    with pytest.raises(ValueError, match=complaint):
        _core.thresholds(**arrays)


# Bundles


def test_the_model_decides_by_the_thresholds_reported(sample_trained: Trained, tmp_path: Path) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    task = bundle.adapt(Support.read(sample_trained.support), labels=sample_trained.labels)
    reported = tuple(label.threshold for label in task.report.labels)
    predictor = Predictor(task.save(tmp_path / "taught") / "model.onnx", "cpu")
    assert predictor.thresholds == reported
    assert len(set(reported)) == len(reported), "each label has its own"
    exactly = np.array(reported, np.float32)
    assert predictor.decide(exactly) == sample_trained.labels
    assert predictor.decide(exactly - np.float32(1e-6)) == []


def test_names_alone_have_one_threshold(sample_trained: Trained) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    (threshold,) = {label.threshold for label in bundle.adapt(labels=["bread", "jazz"]).report.labels}
    assert threshold == pytest.approx(1 / (1 + np.exp(-bundle.semantics.threshold_weights[0])))


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_model_with_the_largest_weights_there_are_can_be_opened(sign: int, sample_trained: Trained) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    bundle.semantics.threshold_weights[:] = sign * LARGEST
    task = bundle.adapt(Support.read(sample_trained.support), labels=sample_trained.labels)
    assert all(0 < threshold < 1 for threshold in task.predictor.thresholds)


WRONG: dict[str, NDArray[Any] | None] = {
    "missing": None,
    "one too few": np.zeros(FEATURES - 1, np.float32),
    "one too many": np.zeros(FEATURES + 1, np.float32),
    "a column": np.zeros((FEATURES, 1), np.float32),
    "double": np.zeros(FEATURES),
    "NaN": vector(0, 0, np.nan, 0, 0),
    "infinite": vector(0, 0, 0, 0, np.inf),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_of_another_shape_or_kind_are_refused(
    name: str, sample_trained: Trained, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(sample_trained.bundle, tmp_path / "tagger.desire"))
    path, weights = folder / "semantics.safetensors", WRONG[name]
    arrays = load_file(path)
    del arrays["threshold_weights"]
    save_file(arrays if weights is None else arrays | {"threshold_weights": weights}, path)
    record, manifest = FileRecord.of(path), json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][path.name] = {"bytes": record.bytes, "sha256": record.sha256}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(
        DesireEdgeError, match=r"threshold_weights is not a finite float32 array of shape \[5\]; export the"
    ):
        Bundle.open(folder, "cpu").adapt(labels=["bread"])
