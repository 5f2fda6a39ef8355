"""The law of a task that goes on: any additions, removals, new names and undo equal teaching everything afresh."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Example, Support, Task
from desire_edge.runtime.support import Missing
from desire_edge.runtime.taught_file import task_bytes

NAMES = ("bread", "Bread", "jazz", "zzqxv", "open source", "travel", "python", "garden")


@dataclass
class Book:
    """What a task should hold: labels, and of each example its row and what is known of it, {label: carried}."""

    labels: list[str] = field(default_factory=list)
    examples: list[tuple[int, dict[str, bool]]] = field(default_factory=list)

    def afresh(self, trained: Trained, bundle: Bundle) -> Task:
        """Everything in it taught at once."""
        return bundle.adapt(support_of(self.examples, trained), labels=self.labels, missing="unknown")

    def add(
        self, labels: list[str], examples: list[tuple[int, dict[str, bool]]], missing: str, earlier: str
    ) -> None:
        for _, known in self.examples:
            known.update(dict.fromkeys(labels, False) if earlier == "negative" else {})
        self.labels += labels
        for row, told in examples:
            rest = dict.fromkeys(self.labels, False) if missing == "negative" else {}
            self.examples.append((row, {**rest, **told}))

    def remove(self, labels: list[str], examples: list[int]) -> None:
        self.labels = [name for name in self.labels if name not in labels]
        self.examples = [
            (row, {name: carried for name, carried in known.items() if name not in labels})
            for number, (row, known) in enumerate(self.examples)
            if number not in examples
        ]

    def rename(self, label: str, name: str) -> None:
        self.labels = [name if other == label else other for other in self.labels]
        self.examples = [
            (row, {name if other == label else other: carried for other, carried in known.items()})
            for row, known in self.examples
        ]


def support_of(examples: Sequence[tuple[int, dict[str, bool]]], trained: Trained) -> Support:
    """Rows of the data set and what is known of them, as a support set."""
    return Support(
        tuple(
            Example(
                trained.run.data.x[row],
                tuple(name for name, carried in known.items() if carried),
                tuple(name for name, carried in known.items() if not carried),
                known_labels=base_labels(trained, row),
            )
            for row, known in examples
        )
    )


def base_labels(trained: Trained, row: int) -> tuple[str, ...]:
    """Of every other row its true base labels, for a model that uses them."""
    if not trained.run.config.meta.known_labels or row % 2:
        return ()
    dataset, base = trained.run.data.dataset, trained.run.data.split.base
    return tuple(dataset.labels[index] for index in base if dataset.targets[row, index])


def draw_addition(
    data: st.DataObject, book: Book, trained: Trained, bundle: Bundle, task: Task | None
) -> Task:
    """Add labels and examples to the book and to the task."""
    free = [name for name in NAMES if name not in book.labels]
    least = 0 if book.labels else 1
    most = min(2, WAYS - len(book.labels))
    labels = data.draw(st.lists(st.sampled_from(free), min_size=least, max_size=most, unique=True))
    every = [*book.labels, *labels]
    told = st.dictionaries(st.sampled_from(every), st.booleans(), max_size=4)
    rows = st.integers(0, len(trained.run.data.x) - 1)
    examples = data.draw(st.lists(st.tuples(rows, told), min_size=0 if labels else 1, max_size=4))
    missing: Missing = data.draw(st.sampled_from(["negative", "unknown"]))
    earlier: Missing = data.draw(st.sampled_from(["negative", "unknown"]))
    support = support_of(examples, trained)
    book.add(labels, examples, missing, earlier)
    if task is None:
        return bundle.adapt(support, labels=labels, missing=missing)
    # Old names may be repeated; only the new ones are added.
    names = data.draw(st.sampled_from([labels, every]))
    return task.add(support, labels=names, missing=missing, earlier=earlier)


def draw_removal(data: st.DataObject, book: Book, task: Task) -> Task | None:
    """Remove labels and examples from the book and from the task, if there is anything that can go."""
    labels = data.draw(st.lists(st.sampled_from(book.labels), max_size=len(book.labels) - 1, unique=True))
    numbers = st.integers(0, max(len(book.examples) - 1, 0))
    examples = data.draw(st.lists(numbers, max_size=3 if book.examples else 0))
    if not labels and not examples:
        return None
    book.remove(labels, examples)
    return task.remove(labels=labels, examples=examples)


def check_law(data: st.DataObject, trained: Trained, bundle: Bundle, folder: Path) -> None:
    """Any sequence of changes, each from the stored task, gives what teaching what is left afresh gives."""
    book, before = Book(), None
    task = draw_addition(data, book, trained, bundle, None)
    for _ in range(data.draw(st.integers(3, 6))):
        afresh = book.afresh(trained, bundle)
        assert task.model == afresh.model
        assert task_bytes(task.settle().taught) == task_bytes(afresh.taught)
        task.save(folder / "taught")
        resumed = bundle.resume(folder / "taught")
        assert resumed.model == task.model
        assert task_bytes(resumed.taught) == task_bytes(task.taught)

        task, book = resumed, deepcopy(book)
        what = data.draw(st.sampled_from(["add", "remove", "rename", "undo"]))
        earlier = deepcopy(book)
        if what == "add" and len(book.labels) < WAYS:
            task, before = draw_addition(data, book, trained, bundle, task), earlier
        elif what == "remove" and (removed := draw_removal(data, book, task)):
            task, before = removed, earlier
        elif what == "rename":
            label = data.draw(st.sampled_from(book.labels))
            name = data.draw(st.sampled_from([name for name in NAMES if name not in book.labels]))
            book.rename(label, name)
            task, before = task.rename(label, name), earlier
        elif before is None:
            with pytest.raises(DesireEdgeError, match="there is nothing to undo"):
                task.undo()
        else:
            task, book, before = task.undo(), before, None
    assert task.model == book.afresh(trained, bundle).model


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_changes_equal_teaching_afresh(
    data: st.DataObject, sample_trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    check_law(data, sample_trained, bundle, tmp_path_factory.mktemp("law"))


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_changes_equal_teaching_afresh_with_known_labels(
    data: st.DataObject, known_trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> None:
    known = Bundle.open(known_trained.bundle, "cpu")
    check_law(data, known_trained, known, tmp_path_factory.mktemp("law"))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_changes_equal_teaching_afresh_with_the_head_prior(
    data: st.DataObject, prior_trained: Trained, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bundle = Bundle.open(prior_trained.bundle, "cpu")
    assert bundle.manifest.dimension != bundle.manifest.name_dimension
    check_law(data, prior_trained, bundle, tmp_path_factory.mktemp("law"))
