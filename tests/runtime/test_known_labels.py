"""Known base labels: where they are read, what they change, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Example, Predictor, Support, Task
from desire_edge.inputs.folder import read_known_labels
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.taught_file import task_bytes

BASE = ("linux", "music", "travel")


@pytest.fixture
def bundle(known_trained: Trained) -> Bundle:
    """A bundle made to use known labels."""
    return Bundle.open(known_trained.bundle, "cpu")


@pytest.fixture
def task(bundle: Bundle, known_trained: Trained) -> Task:
    """Adapted to the task's support folder, whose metadata give every example's known labels."""
    return bundle.adapt(Support.read(known_trained.support), labels=known_trained.labels)


def without_known(support: Support) -> Support:
    return Support(tuple(replace(example, known_labels=()) for example in support.examples))


# Names to rows


def test_names_become_rows_of_zeros_and_ones() -> None:
    rows = known_rows([["travel", " linux"], [], ("music",)], ["a", "b", "c"], BASE, "m")
    assert rows.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert rows.dtype == np.float32


def test_where_nothing_is_known_any_model_will_do() -> None:
    assert known_rows([[], ()], ["a", "b"], (), "m").shape == (2, 0)
    assert known_rows([], [], BASE, "m").shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "base_labels", "expected"),
    [
        (["linux", "Music"], BASE, "a: the known label 'Music' is no base label of m; `desire-edge info BUNDLE"),
        (["linux"], (), "a has known labels, but m does not use them; leave them away, or train with --set meta.known"),
        (["linux", "linux"], BASE, "the known labels of a: the label 'linux' is named twice"),
        ("linux", BASE, "the known labels of a must be a list of names, and are 'linux'"),
        ([7], BASE, "the known labels of a: a label is 7, not a name"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_are_refused(labels: Any, base_labels: tuple[str, ...], expected: str) -> None:
    with pytest.raises(DesireEdgeError) as refusal:
        known_rows([labels], ["a"], base_labels, "m")
    assert str(refusal.value).startswith(expected)


# Support sets and folders


def test_python_values_and_both_kinds_of_metadata_say_the_same(tmp_path: Path) -> None:
    expected = [("linux", "music"), ()]
    for letter in "ab":
        (tmp_path / f"{letter}.txt").write_text("text")
    values = Support.of(["text", "text"], [["x"], []], known_labels=[["linux", "music "], []])
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "a.txt", "labels": ["x"], "known_labels": ["linux", "music"]}\n'
        '{"file_name": "b.txt", "labels": [], "known_labels": null}\n'
    )
    lines, told = Support.read(tmp_path), read_known_labels(tmp_path)
    (tmp_path / "metadata.jsonl").unlink()
    (tmp_path / "metadata.csv").write_text("file_name,labels,known_labels\na.txt,x,linux;music\nb.txt,,\n")
    for support in (values, lines, Support.read(tmp_path)):
        assert [example.known_labels for example in support.examples] == expected
    assert told == read_known_labels(tmp_path) == {tmp_path / "a.txt": ("linux", "music")}


def test_a_folder_to_predict_needs_no_labels_and_no_metadata(tmp_path: Path) -> None:
    assert read_known_labels(tmp_path) == {}
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "metadata.csv").write_text("file_name,known_labels\na.txt,linux\ngone.txt,\n")
    assert read_known_labels(tmp_path) == {tmp_path / "a.txt": ("linux",)}


def test_there_is_one_list_of_known_labels_an_example() -> None:
    with pytest.raises(
        DesireEdgeError, match="2 of negative labels and 1 of known labels: there must be one"
    ):
        Support.of(["a", "b"], [["x"], []], known_labels=[["linux"]])


# Adapting


def test_known_labels_change_what_is_learned_and_are_counted(
    bundle: Bundle, task: Task, known_trained: Trained
) -> None:
    support, x = Support.read(known_trained.support), list(known_trained.run.data.x[:20])
    untold = bundle.adapt(without_known(support), labels=known_trained.labels)
    assert (task.report.known_labels, untold.report.known_labels) == (10, 0)
    assert np.abs(task.predict(x) - untold.predict(x)).max() > 0.01


def test_an_unknown_name_is_refused_with_the_example(bundle: Bundle) -> None:
    support = Support((Example("bread", ("x",), (), "page.txt", ("no such label",)),))
    with pytest.raises(DesireEdgeError, match=r"page\.txt: the known label 'no such label' is no base label"):
        bundle.adapt(support)


def test_a_bundle_that_does_not_use_known_labels_says_so(sample_trained: Trained) -> None:
    plain = Bundle.open(sample_trained.bundle, "cpu")
    support = Support.of(["bread"], [["x"]], known_labels=[[plain.manifest.base_labels[0]]])
    assert not plain.manifest.known_labels
    with pytest.raises(
        DesireEdgeError, match="example 0 has known labels, but the bundle tagger does not use them"
    ):
        plain.adapt(support)


def test_what_was_known_is_stored_with_what_was_taught(
    bundle: Bundle, task: Task, known_trained: Trained, tmp_path: Path
) -> None:
    with safe_open(task.save(tmp_path / "taught") / "task.safetensors", "numpy") as file:
        stored = file.get_tensor("known_labels")
    data = known_trained.run.data
    carried = data.dataset.targets[np.ix_(known_trained.episode.support, data.split.base)]
    assert np.array_equal(stored, np.packbits(carried, axis=1, bitorder="little"))
    assert np.array_equal(task.taught.known_labels, carried)


def test_a_bundle_without_known_labels_stores_none(sample_trained: Trained, tmp_path: Path) -> None:
    task = Bundle.open(sample_trained.bundle, "cpu").adapt(labels=["bread"])
    with safe_open(task.save(tmp_path / "taught") / "task.safetensors", "numpy") as file:
        assert "known_labels" not in file.keys()  # noqa: SIM118 (not a dict)


def test_the_same_support_gives_the_same_bytes(bundle: Bundle, task: Task, known_trained: Trained) -> None:
    again = bundle.adapt(Support.read(known_trained.support), labels=known_trained.labels)
    assert again.model == task.model
    assert task_bytes(again.taught) == task_bytes(task.taught)


def test_what_is_not_needed_is_not_in_the_bundle(bundle: Bundle, sample_trained: Trained) -> None:
    plain, own = Bundle.open(sample_trained.bundle, "cpu").semantics.arrays(), bundle.semantics.arrays()
    assert set(plain) - set(own) == {"p", "r"}
    assert set(own) <= set(plain)


# Predicting


def test_a_saved_model_names_the_labels_it_can_be_told(
    bundle: Bundle, task: Task, known_trained: Trained, tmp_path: Path
) -> None:
    predictor = Predictor(task.save(tmp_path / "taught") / "model.onnx", "cpu")
    assert predictor.known_labels == bundle.manifest.base_labels
    assert predictor.describe()["known_labels"] == list(bundle.manifest.base_labels)
    known = [bundle.manifest.base_labels[:2], ()]
    inputs = ["fresh bread", "a trumpet solo"]
    np.testing.assert_allclose(
        predictor.predict(inputs, known), task.predict(inputs, known), rtol=0, atol=1e-6
    )


def test_what_is_known_of_an_input_changes_its_row_alone(task: Task, bundle: Bundle) -> None:
    inputs = ["fresh bread", "a trumpet solo", "a week in Rome"]
    told = task.predict(inputs, [(), bundle.manifest.base_labels[5:7], ()])
    untold = task.predict(inputs)
    assert np.array_equal(told[[0, 2]], untold[[0, 2]])
    assert np.abs(told[1] - untold[1]).max() > 0.01
    assert np.array_equal(untold, task.predict(inputs, [(), (), ()]))


def test_the_order_of_known_labels_does_not_matter(task: Task, bundle: Bundle) -> None:
    first, second = bundle.manifest.base_labels[:2]
    assert np.array_equal(
        task.predict(["bread"], [[first, second]]), task.predict(["bread"], [[second, first]])
    )


@pytest.mark.parametrize("known", [[], [("linux",)], "linux", [(), (), ()]])
def test_there_is_one_list_of_known_labels_an_input(known: Any, task: Task) -> None:
    with pytest.raises(
        DesireEdgeError, match="there must be one list of known labels an input, and there are 2"
    ):
        task.predict(["fresh bread", "a trumpet solo"], known)


def test_a_known_label_that_is_no_base_label_is_refused(task: Task) -> None:
    with pytest.raises(
        DesireEdgeError, match="input 1: the known label 'no such' is no base label of the adapted"
    ):
        task.predict(["fresh bread", "a trumpet solo"], [(), ("no such",)])


def test_a_model_that_does_not_use_known_labels_says_so(sample_trained: Trained) -> None:
    task = Bundle.open(sample_trained.bundle, "cpu").adapt(labels=["bread"])
    assert task.predictor.known_labels == ()
    with pytest.raises(
        DesireEdgeError, match="input 0 has known labels, but the adapted model does not use them"
    ):
        task.predict(["fresh bread"], [["linux"]])
    assert task.predict(["fresh bread"], [[]]).shape == (1, 1)
