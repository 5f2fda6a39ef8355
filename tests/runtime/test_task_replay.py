"""Going on from a task: additions, removals, new names and undo equal teaching everything afresh, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.runtime.heads import PaperSemantics
from desire_edge.runtime.manifest import MAX_WAYS
from desire_edge.runtime.support import MAX_EXAMPLES
from desire_edge.runtime.task import replay
from desire_edge.runtime.taught import Origin, Taught
from desire_edge.runtime.taught_file import read_task, task_bytes


@pytest.fixture(scope="module")
def bundle(sample_trained: Trained) -> Bundle:
    """The small bundle of the sample."""
    return Bundle.open(sample_trained.bundle, "cpu")


@pytest.fixture
def task(bundle: Bundle, sample_trained: Trained) -> Task:
    """The sample's task, of 5 labels and 10 examples."""
    return bundle.adapt(Support.read(sample_trained.support), labels=sample_trained.labels)


def test_adding_in_two_halves_equals_adding_at_once(
    bundle: Bundle, task: Task, sample_trained: Trained
) -> None:
    examples = Support.read(sample_trained.support).examples
    first = bundle.adapt(Support(examples[:4]), labels=sample_trained.labels)
    assert first.model != task.model
    second = first.add(Support(examples[4:]))
    assert second.model == task.model
    assert task_bytes(second.settle().taught) == task_bytes(task.taught)
    assert task_bytes(second.taught) != task_bytes(task.taught), "it can be undone, and the task cannot"


def test_earlier_examples_say_of_new_labels_what_they_are_taken_to_say(
    bundle: Bundle, task: Task, sample_trained: Trained
) -> None:
    more = Support.of(["fresh bread"], [["bread"]])
    reports = [task.add(more, earlier=earlier).report.labels[-1] for earlier in ("unknown", "negative")]
    counts = [(label.name, label.positives, label.negatives, label.unknown) for label in reports]
    assert counts == [("bread", 1, 0, 10), ("bread", 1, 10, 0)]
    warned = [warning for warning in task.add(more).report.warnings if "'bread'" in warning]
    assert "no example is known not to carry 'bread'" in warned[0]


def test_a_label_comes_back_to_its_own_column(task: Task, sample_trained: Trained) -> None:
    first, second, *rest = sample_trained.labels
    without = task.remove(labels=[second])
    assert without.labels == (first, *rest)
    assert without.undo().labels == tuple(sample_trained.labels)
    assert without.undo().model == task.model
    assert task_bytes(without.undo().taught) == task_bytes(task.taught)
    assert without.add(labels=[second]).labels == (first, *rest, second)


def test_a_label_with_a_new_name_keeps_its_column_and_examples(task: Task, sample_trained: Trained) -> None:
    first, second, *rest = sample_trained.labels
    renamed = task.rename(f" {second} ", "zzqxv")
    assert renamed.labels == (first, "zzqxv", *rest)
    assert renamed.model != task.model
    counts = [
        [(label.positives, label.negatives, label.unknown) for label in each.report.labels]
        for each in (task, renamed)
    ]
    assert counts[0] == counts[1]
    change = renamed.taught.describe()["last_change"]
    assert (change["added_labels"], change["removed_labels"]) == (["zzqxv"], [second])
    assert renamed.undo().model == task.model
    assert task_bytes(renamed.undo().taught) == task_bytes(task.taught)
    assert renamed.rename("zzqxv", second).model == task.model


def test_a_name_that_cannot_be_given_is_refused(task: Task, sample_trained: Trained) -> None:
    first, second, *_ = sample_trained.labels
    for label, name, code, sentence in (
        ("no such", "new", "not-there", "there is no label 'no such' to rename; the task has "),
        (first, second, "name-twice", f"the task has the label '{second}' already; choose another name"),
        (first, first, "name-twice", f"the task has the label '{first}' already"),
        (first, " ", "name-empty", "the new name of a label: a label name is empty"),
    ):
        with pytest.raises(DesireEdgeError, match=sentence) as refused:
            task.rename(label, name)
        assert refused.value.code == code


def test_of_as_many_labels_as_a_task_holds_none_is_renamed() -> None:
    nothing = Taught.nothing(Origin("b", "0" * 64, "f" * 64), 1, 1, 0, keep_base=False)
    empty = np.zeros((0, MAX_WAYS), np.uint8)
    names = [f"label {number}" for number in range(MAX_WAYS)]
    full = nothing.added(names, nothing.z, empty, empty, nothing.known_labels, "unknown")
    with pytest.raises(DesireEdgeError, match="of 4096 labels none can be renamed"):
        full.renamed("label 3", "another")


def test_the_report_is_of_the_whole_task_and_of_what_is_new(task: Task) -> None:
    report = task.add(Support.of(["python bread qqzzx"], [["bread"]])).report
    assert (report.examples, report.new_examples) == (11, 1)
    assert (report.text_words, report.known_text_words) == (3, 2)
    replayed = task.remove(examples=[0]).report
    assert (replayed.examples, replayed.new_examples, replayed.text_words) == (9, 0, 0)
    assert replayed.loss_after < replayed.loss_before


def test_base_labels_stay_in_the_model(bundle: Bundle, tmp_path: Path) -> None:
    plain = bundle.adapt(labels=["bread"])
    kept = bundle.adapt(labels=["bread"], keep_base=True)
    assert kept.model != plain.model
    assert bundle.resume(kept.save(tmp_path / "kept")).model == kept.model
    assert kept.add(labels=["jazz"]).predictor.base_labels == bundle.manifest.base_labels
    assert bundle.resume(plain.save(tmp_path / "plain"), keep_base=True).model == kept.model


def test_a_task_is_resumed_from_its_folder_or_file(bundle: Bundle, task: Task, tmp_path: Path) -> None:
    folder = task.save(tmp_path / "taught")
    assert bundle.resume(folder / "task.safetensors").model == bundle.resume(str(folder)).model == task.model


# What is stored


@pytest.mark.parametrize(("base_labels", "name"), [(0, "n" * 198), (600, "a label's name")])
def test_eighty_examples_fit_64_kib(base_labels: int, name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    taught = Taught.nothing(
        Origin("b" * 40, "0" * 64, "f" * 64), 300, 300, base_labels, keep_base=False
    ).added(
        [f"{number:02}{name}" for number in range(16)],
        rng.normal(size=(80, 300)).astype(np.float16),
        targets=rng.integers(0, 2, (80, 16), np.uint8),
        mask=rng.integers(0, 2, (80, 16), np.uint8),
        known_labels=rng.integers(0, 2, (80, base_labels), np.uint8),
        earlier="unknown",
    )
    taught = replace(taught, vectors=rng.normal(size=(300, 16)).astype(np.float16))
    (tmp_path / "task.safetensors").write_bytes(task_bytes(taught))
    assert (tmp_path / "task.safetensors").stat().st_size <= 64 * 1024
    again = read_task(tmp_path)
    for array in ("vectors", "z", "targets", "mask", "known_labels", "label_changes", "example_changes"):
        assert np.array_equal(getattr(again, array), getattr(taught, array))
    assert (again.labels, again.origin, again.keep_base) == (taught.labels, taught.origin, taught.keep_base)


def test_label_vectors_are_used_as_they_are_stored(
    bundle: Bundle, task: Task, sample_trained: Trained
) -> None:
    exact = bundle.lexicon.label_matrix(sample_trained.labels).vectors
    assert task.taught.vectors.dtype == np.float16
    assert np.array_equal(task.taught.vectors, exact.astype(np.float16))
    # By names alone the base labels' part is P W_novel, of the rounded vectors.
    semantics, zero_shot = bundle.semantics, bundle.adapt(labels=sample_trained.labels)
    assert isinstance(semantics, PaperSemantics) and semantics.p is not None
    p = semantics.p.astype(np.float64)
    rounded, unrounded = (p @ vectors.astype(np.float64) for vectors in (zero_shot.taught.vectors, exact))
    scale = np.abs(rounded).max()
    m = zero_shot.head.weights["m"][:, : len(zero_shot.labels)] / semantics.gamma2.astype(np.float64)
    assert np.abs(m - rounded).max() < 2e-6 * scale < np.abs(rounded - unrounded).max()


def test_what_is_removed_is_stored_until_the_next_change(task: Task) -> None:
    gone = task.taught.z[3].tobytes()
    without = task.remove(examples=[3], labels=task.labels[:1])
    assert gone in task_bytes(without.taught)
    for final in (without.settle(), without.add(labels=["bread"]), without.remove(examples=[0])):
        assert gone not in task_bytes(final.taught)
        assert task.labels[0].encode() not in task_bytes(final.taught)
    with pytest.raises(DesireEdgeError, match="there is nothing to undo"):
        without.settle().undo()


def test_stored_features_tell_which_of_many_texts_an_example_is(
    bundle: Bundle, task: Task, sample_trained: Trained
) -> None:
    # Why the file is to be kept like the examples: to whoever has the bundle and a guess, it says whether it is right.
    dataset, episode = sample_trained.run.data.dataset, sample_trained.episode
    assert dataset.texts is not None
    guesses = [bundle.manifest.input.features_of(text, "guess") for text in dataset.texts]
    z = bundle.extract(guesses).astype(np.float16)
    found = [np.flatnonzero((z == stored).all(axis=1)).tolist() for stored in task.taught.z]
    texts = np.array(dataset.texts)
    for rows, row in zip(found, episode.support, strict=True):
        assert set(texts[rows]) == {texts[row]}


def test_the_model_alone_shows_the_direction_of_a_single_examples_features(bundle: Bundle) -> None:
    # Steps move W_1 along the support's features, so that without `task.safetensors` a model is not free of them.
    task = bundle.adapt(Support.of(["a trumpet solo"], [["jazz"]], [["bread"]]))
    (w1,) = (
        numpy_helper.to_array(tensor)[:, :-1]
        for tensor in onnx.load_from_string(task.model).graph.initializer
        if tensor.name == "task.w1"
    )
    assert isinstance(bundle.semantics, PaperSemantics)
    direction = np.linalg.svd(w1.astype(np.float64) - bundle.semantics.w1)[0][:, 0]
    z = task.taught.z[0].astype(np.float64)
    assert abs(direction @ z) > 0.999 * np.linalg.norm(z)


# What is refused


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda task: task.undo(), "there is nothing to undo: only the last change can be undone"),
        (lambda task: task.add(), "there is nothing to add; give examples or new labels"),
        (lambda task: task.add(labels=task.labels), "there is nothing to add"),
        (lambda task: task.add(labels=["bread", "jazz"]), f"7 labels, but this bundle holds at most {WAYS}"),
        (lambda task: task.add(labels=["a", "a"]), "'a' is named twice"),
        (lambda task: task.add(Support.of(["x"], [["bread"]]), labels=["jazz"]), "has the label 'bread', which is not"),
        (lambda task: task.remove(), "there is nothing to remove; name labels or examples"),
        (lambda task: task.remove(labels=["no such"]), "there is no label 'no such' to remove; the task has "),
        (lambda task: task.remove(labels=task.labels), "no label would be left; teach a new task instead"),
        (lambda task: task.remove(examples=[10]), "there is no example 10 to remove; the task has 10, numbered from 0"),
        (lambda task: task.remove(examples=[-1]), "there is no example -1 to remove"),
    ],
)  # fmt: skip
def test_changes_that_cannot_be_are_refused(
    change: Callable[[Task], Task], expected: str, task: Task
) -> None:
    with pytest.raises(DesireEdgeError) as refusal:
        change(task)
    assert expected in str(refusal.value)


def test_more_examples_than_a_support_folder_may_have_are_refused(task: Task) -> None:
    many = task.taught.z[:1].repeat(MAX_EXAMPLES, axis=0)
    rows = np.zeros((MAX_EXAMPLES, 5), np.uint8)
    with pytest.raises(DesireEdgeError, match=f"{MAX_EXAMPLES + 10} examples are too many; a task holds at"):
        task.taught.added((), many, rows, rows, rows[:, :0], "unknown")


def test_a_task_of_another_bundle_is_refused(
    bundle: Bundle, known_trained: Trained, task: Task, tmp_path: Path
) -> None:
    other = Bundle.open(known_trained.bundle, "cpu")
    folder = task.save(tmp_path / "taught")
    with pytest.raises(
        DesireEdgeError,
        match=r"taught/task\.safetensors: the task was taught with another bundle, tagger, not with this tagger; name",
    ):
        other.resume(folder)
    with pytest.raises(DesireEdgeError, match="was taught with another bundle"):
        replay(other, task.taught)
    with pytest.raises(DesireEdgeError, match="was taught with another bundle"):
        replace(task, bundle=other).add(labels=["bread"])


def test_a_bundle_exported_again_takes_its_tasks_but_for_other_label_vectors(
    sample_trained: Trained, bundle: Bundle, tmp_path: Path
) -> None:
    options = ExportOptions(ways=WAYS + 1, lexicon_words=300)
    export_bundle(sample_trained.run, tmp_path / "wider.desire", options)
    wider = Bundle.open(tmp_path / "wider.desire", "cpu")
    name = bundle.manifest.base_labels[0]  # base labels' words are in every lexicon
    folder = bundle.adapt(labels=[name]).save(tmp_path / "taught")
    assert wider.resume(folder).model == wider.adapt(labels=[name]).model
    rare = next(word for word in ("trombone", "sourdough", "derailleur") if word in bundle.lexicon)
    assert rare not in wider.lexicon
    with pytest.raises(
        DesireEdgeError,
        match="gives its labels other vectors than they were taught with; use the bundle it was",
    ):
        wider.resume(bundle.adapt(labels=[rare]).save(tmp_path / "rare"))


def test_a_model_without_what_it_was_taught_cannot_be_gone_on_from(
    bundle: Bundle, task: Task, tmp_path: Path
) -> None:
    folder = task.save(tmp_path / "taught", forget_support=True)
    with pytest.raises(
        DesireEdgeError, match=r"holds no task\.safetensors, which --forget-support leaves away; teach"
    ):
        bundle.resume(folder)
    with pytest.raises(DesireEdgeError, match="there is no task"):
        bundle.resume(tmp_path / "nowhere")
