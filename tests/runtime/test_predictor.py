"""What a task and its predictor say of themselves, and the folder a predictor is opened from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task

FOLDER = Path(__file__).parents[1] / "vectors"
SUPPORT = Support.of(["Bread from a hot oven", "jazz, a trumpet", "rain"], [["baking"], ["jazz"], []])
TEXTS = ["Warm bread, and jazz.", "the linux kernel", "a trumpet on a train", "bread"]


@pytest.fixture
def task() -> Task:
    """Two labels taught to a small bundle."""
    return Bundle.open(FOLDER / "plain", "cpu").adapt(SUPPORT)


def test_a_task_has_the_thresholds_of_its_model(task: Task) -> None:
    assert task.thresholds == task.predictor.thresholds
    assert all(type(threshold) is float for threshold in task.thresholds)
    turned = Bundle.open(FOLDER / "plain", "cpu").adapt(SUPPORT, labels=["jazz", "baking"])
    assert turned.thresholds == pytest.approx(task.thresholds[::-1], rel=1e-5)
    smaller = task.remove(labels=["baking"])
    assert smaller.thresholds == smaller.predictor.thresholds


def test_labels_are_decided_by_their_thresholds(task: Task) -> None:
    for row in task.predict(TEXTS):
        expected = [name for name, p, t in zip(task.labels, row, task.thresholds, strict=True) if p >= t]
        assert task.decide(row) == task.predictor.decide(row) == expected
    at, above = np.array(task.thresholds), np.nextafter(task.thresholds, 1)
    assert task.decide(at) == task.decide(above) == ["baking", "jazz"]
    assert task.decide(np.nextafter(at, 0)) == []


def test_decide_takes_one_row(task: Task) -> None:
    for decide in (task.decide, task.predictor.decide):
        with pytest.raises(
            DesireEdgeError, match=r"decide takes the 2 probabilities of one input.* shape \[4, 2\]"
        ):
            decide(task.predict(TEXTS))


def test_the_folder_of_a_task_is_its_model(task: Task, tmp_path: Path) -> None:
    expected = task.predict(TEXTS)
    out = task.save(tmp_path / "taught", forget_support=True)
    for model in (out, str(out), out / "model.onnx", str(out / "model.onnx"), task.model):
        np.testing.assert_allclose(Predictor(model, "cpu").predict(TEXTS), expected, rtol=0, atol=1e-6)


def test_a_folder_without_a_model_says_what_is_missing(tmp_path: Path) -> None:
    for folder in (tmp_path, FOLDER / "plain"):
        with pytest.raises(
            DesireEdgeError,
            match=f"^the folder {folder} holds no model.onnx; name the folder that `desire-edge adapt --out` or "
            "Task.save wrote$",
        ):
            Predictor(folder)


def test_bytes_that_are_no_model_are_not_printed() -> None:
    with pytest.raises(DesireEdgeError, match=r"^the model is not a whole ONNX model"):
        Predictor(b"\x00" * 10_000)


def test_each_is_shown_in_one_line(task: Task, tmp_path: Path) -> None:
    out = task.save(tmp_path / "taught")
    assert repr(task.bundle) == "Bundle('plain', input='bag-of-words', features=13, base_labels=4, ways=4)"
    assert repr(task) == "Task(labels=['baking', 'jazz'], examples=3, bundle='plain')"
    assert repr(Predictor(out)) == f"Predictor({str(out / 'model.onnx')!r}, labels=['baking', 'jazz'])"
    assert repr(task.predictor) == "Predictor('the adapted model', labels=['baking', 'jazz'])"
    assert repr(SUPPORT) == "Support(examples=3, labels=['baking', 'jazz'])"


def test_many_and_long_labels_stay_in_one_line() -> None:
    names = [f"{number} {'very ' * 30}long" for number in range(30)]
    shown = repr(Support.of(["a text"] * 30, [[name] for name in names]))
    assert len(shown) < 300
    assert "\n" not in shown
    assert shown.endswith(", ...])")
