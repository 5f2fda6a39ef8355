"""What the golden refusals cannot say: files that are gone or another's, changes of a task, values of Python's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.tiny import FOLDER

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task
from desire_edge.runtime.taught import Origin
from desire_edge.runtime.taught_file import read_task, task_bytes

SUPPORT = Support.of(["Bread from a hot oven", "jazz: a trumpet!"], [["caf\u00e9"], ["jazz"]])
BUNDLE = Bundle.open(FOLDER / "plain", "cpu")


@pytest.fixture
def task() -> Task:
    """Two labels and two examples."""
    return BUNDLE.adapt(SUPPORT)


def code_of(act: Callable[[], object]) -> str:
    """The code that `act` is refused with."""
    with pytest.raises(DesireEdgeError) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize("value", ["Negative", "negatives", "", None, True, 0])
def test_missing_and_earlier_are_one_of_two_words(value: Any, task: Task) -> None:
    assert code_of(lambda: BUNDLE.adapt(SUPPORT, missing=value)) == "missing-value"
    assert code_of(lambda: task.add(SUPPORT, missing=value)) == "missing-value"
    assert code_of(lambda: task.add(labels=["rome"], earlier=value)) == "missing-value"


@pytest.mark.parametrize("value", ["CPU", "gpu", "", None, ["cpu"]])
def test_a_provider_is_checked_when_a_bundle_or_model_is_opened(value: Any, task: Task) -> None:
    assert code_of(lambda: Bundle.open(FOLDER / "plain", value)) == "provider"
    assert code_of(lambda: Predictor(task.model, value)) == "provider"


def test_a_change_that_changes_nothing_or_what_is_not_there_is_refused(task: Task) -> None:
    assert code_of(task.add) == "nothing-new"
    assert code_of(lambda: task.add(labels=["cafe\u0301"])) == "nothing-new"
    assert code_of(lambda: task.remove(labels=["rome"])) == "not-there"
    assert code_of(lambda: task.remove(examples=[2])) == "not-there"
    assert code_of(lambda: task.remove(labels=["jazz", " jazz"])) == "name-twice"
    assert code_of(lambda: task.remove(labels="jazz")) == "names-type"


def test_labels_are_found_however_they_are_spelt(task: Task) -> None:
    assert task.remove(labels=["cafe\u0301 "]).labels == ("jazz",)
    assert task.add(Support.of(["a"], [["cafe\u200b\u0301"]])).labels == ("caf\u00e9", "jazz")


def test_labels_of_earlier_versions_stand_as_they_are_and_are_found(task: Task, tmp_path: Path) -> None:
    older = task_bytes(replace(task.taught, labels=("cafe\u0301", "jazz")))
    (tmp_path / "task.safetensors").write_bytes(older)
    resumed = BUNDLE.resume(tmp_path)
    assert resumed.labels == Predictor(resumed.model, "cpu").labels == ("cafe\u0301", "jazz")
    assert resumed.remove(labels=["caf\u00e9"]).labels == ("jazz",)
    more = resumed.add(Support.of(["Bread"], [["caf\u00e9"]]))
    assert more.labels == ("cafe\u0301", "jazz")
    assert [label.positives for label in more.report.labels] == [2, 1]


def test_base_labels_of_earlier_bundles_are_found(tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER / "known", tmp_path / "known")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["base_labels"][0] = "cafe\u0301"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    support = Support.of(["bread"], [["jazz"]], known_labels=[["caf\u00e9"]])
    task = Bundle.open(folder, "cpu").adapt(support)
    assert task.taught.known_labels.tolist() == [[1, 0, 0, 0]]
    assert Predictor(task.model, "cpu").known_labels[0] == "cafe\u0301"
    assert task.predict(["bread"], [["cafe\u0301\u200b"]]).shape == (1, 1)


def test_a_bundle_that_is_none_or_lacks_a_file_is_refused(tmp_path: Path) -> None:
    assert code_of(lambda: Bundle.open(tmp_path)) == "bundle-none"
    folder = shutil.copytree(FOLDER / "plain", tmp_path / "plain")
    (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes()[:-9])
    assert code_of(lambda: Bundle.open(folder)) == "manifest"
    shutil.copy(FOLDER / "plain" / "manifest.json", folder)
    (folder / "head.onnx").unlink()
    assert code_of(lambda: Bundle.open(folder)) == "bundle-file"


def test_a_task_that_is_damaged_or_anothers_is_refused(task: Task, tmp_path: Path) -> None:
    assert code_of(lambda: read_task(tmp_path)) == "task"
    assert code_of(lambda: read_task(tmp_path / "nowhere")) == "task"
    path = tmp_path / "task.safetensors"
    path.write_bytes(task_bytes(task.taught)[:-1])
    assert code_of(lambda: read_task(path)) == "task"
    path.write_bytes(task_bytes(replace(task.taught, labels=("a\x1b", "jazz"))))
    assert code_of(lambda: read_task(path)) == "task"
    other = Origin("other", "0" * 64, "0" * 64)
    path.write_bytes(task_bytes(replace(task.taught, origin=other)))
    assert code_of(lambda: BUNDLE.resume(path)) == "task-bundle"


def test_a_model_that_is_none_or_says_something_else_is_refused(task: Task) -> None:
    assert code_of(lambda: Predictor(b"no model", "cpu")) == "onnx"
    assert code_of(lambda: Predictor(FOLDER / "plain" / "base.onnx", "cpu")) == "model"
    assert (
        code_of(lambda: Predictor(task.model.replace(b'"bag-of-words"', b'"bag-of-w0rds"'), "cpu")) == "model"
    )


def test_the_version_of_unicode_goes_with_the_model_and_another_is_refused(task: Task) -> None:
    assert b'], "unicode": "14.0.0"}' in task.model
    later = task.model.replace(b'"unicode": "14.0.0"', b'"unicode": "17.0.0"')
    assert code_of(lambda: Predictor(later, "cpu")) == "unicode-version"
    # As models of earlier versions are: nothing is said.
    earlier = task.model.replace(b'"unicode": "14.0.0"', b'"edition": "14.0.0"')
    np.testing.assert_allclose(
        Predictor(earlier, "cpu").predict(["bread"]), task.predict(["bread"]), rtol=0, atol=1e-6
    )
