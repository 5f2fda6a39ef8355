"""A task: labels taught to a bundle's model, the file an app runs, and what it was taught."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import Assets
from desire_edge.inputs.examples import Example
from desire_edge.inputs.names import check_names, columns
from desire_edge.inputs.rows import Inputs, NameLists
from desire_edge.inputs.spec import Features, RawInput, unknown_texts
from desire_edge.runtime.adaptation import AdaptedHead, learn
from desire_edge.runtime.explain import Explanation, explain, reasons
from desire_edge.runtime.heads.explained import Reasons
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.manifest import BASE
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.part import Part
from desire_edge.runtime.predictor import (
    Predictor,
    decided,
    limits_of,
)
from desire_edge.runtime.report import AdaptReport, Told, report_of
from desire_edge.runtime.support import Missing, Support
from desire_edge.runtime.task_files import part_of, save_task, sets_of, standalone_model_of
from desire_edge.runtime.taught import REMOVED, Bits, Taught
from desire_edge.runtime.taught_file import task_bytes

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class Task:
    """The result of `Bundle.adapt`: the adapted head, and what it was taught.

    `add`, `remove`, `rename` and `undo` give a new task, adapted by `bundle` from the meta-learned weights: the very
    one that teaching these labels, examples, targets and mask from nothing gives. Only the last change can be undone,
    and what it removed is kept until the next one for that; `settle` lets it go at once.

    It is pickled and copied as all of this, with the bundle as its path.
    """

    head: AdaptedHead
    taught: Taught
    told: Told
    bundle: OpenedBundle

    def __getstate__(self) -> dict[str, Any]:
        """What it is made of; the opened model stays here."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("predictor", "sets", "part", "report", "_reasons")
        }

    def __repr__(self) -> str:
        """The task in one line."""
        labels = reprlib.repr(list(self.labels))
        examples = len(self.taught.current.z)
        return f"Task(labels={labels}, examples={examples}, bundle={self.taught.origin.bundle!r})"

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it was taught, in the order of the columns of `predict`."""
        return self.taught.current.labels

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The probability from which each label is said to hold, in the order of `labels`."""
        return tuple(self.head.thresholds.tolist())

    @cached_property
    def report(self) -> AdaptReport:
        """What adapting did, and what to look at; made when it is asked for."""
        return report_of(self.bundle.model, self.taught.current, self.head, self.told)

    @property
    def model(self) -> bytes:
        """`model.onnx`, which any ONNX Runtime runs by itself; made when it is asked for."""
        return standalone_model_of(self.bundle, self.taught, self.head)

    @cached_property
    def part(self) -> Part:
        """What the bundle's base is given of this task.

        Raises:
            DesireEdgeError: a bundle before schema 7, which has no base.
        """
        return part_of(self.bundle, self.taught, self.head)

    @cached_property
    def predictor(self) -> Predictor:
        """The adapted model, opened: the bundle's base, which all tasks share, with this task's part."""
        if self.bundle.manifest.extractor == BASE:
            return Predictor.sharing(self.bundle, self.part)
        provider, assets = self.bundle.provider, Assets(self.bundle.path)
        return Predictor(
            self.model, provider, name="the adapted model", assets=assets, threads=self.bundle.threads
        )

    def predict(self, inputs: Inputs, known_labels: NameLists | None = None) -> Array:
        """Probabilities [n, N] of the taught labels for n raw inputs (texts, sparse features, vectors, pictures).

        Both as for `Predictor.predict`.
        """
        return self.predictor.predict(inputs, known_labels)

    @cached_property
    def sets(self) -> dict[float, tuple[float, ...]]:
        """The probability from which each label belongs to the set of a coverage, by coverage; see `decide`."""
        return sets_of(self.bundle, self.taught)

    def decide(self, probabilities: Array, coverage: float | None = None) -> list[str]:
        """The labels that are said of one input, from its probabilities [N]; an empty list says: none of these.

        Both as for `Predictor.decide`.
        """
        limits = self.thresholds
        if coverage is not None:
            limits = tuple(limits_of(self.sets, coverage, f"the bundle {self.taught.origin.bundle}"))
        return decided(self.labels, limits, probabilities)

    def explain(self, raw: RawInput, known_labels: Iterable[str] = ()) -> Explanation:
        """Why the labels get the probabilities they get for one raw input: each logit as a sum of terms.

        Args:
            raw: a text, sparse features, a vector.
            known_labels: the base labels that the input is known to carry.

        Raises:
            DesireEdgeError: as `predict`.
        """
        return explain(self.bundle, self.taught.current, self.head, self._reasons, raw, known_labels)

    @cached_property
    def _reasons(self) -> Reasons:
        """What `explain` goes by."""
        return reasons(self.bundle, self.taught.current, self.head)

    def add(
        self,
        support: Support | None = None,
        *,
        labels: Iterable[str] | None = None,
        missing: Missing = "negative",
        earlier: Missing = "unknown",
    ) -> Task:
        """The task with more examples, more labels, or both.

        Args:
            support: more examples. They may carry the task's labels and new ones.
            labels: the new labels, in this order, with examples or without; by default those of `support`. New labels
                get the columns after those there are.
            missing: what it means that one of the new examples does not carry a label.
            earlier: what it means that the earlier examples do not carry a label that is new: nobody asked them, so by
                default nothing.
        """
        return teach(self.bundle, self.taught, support, labels=labels, missing=missing, earlier=earlier)

    def remove(self, *, labels: Iterable[str] = (), examples: Iterable[int] = ()) -> Task:
        """The task without these labels and examples, which are numbered from 0. An example stays without its label."""
        return replay(self.bundle, self.taught.removed(labels, examples))

    def rename(self, label: str, name: str) -> Task:
        """The task with the label `label` called `name`, in the same column and with the same examples.

        A name teaches, too: the label goes by the vector of its new one, as if it had been taught so from the first.
        """
        return replay(self.bundle, self.taught.renamed(label, name))

    def undo(self) -> Task:
        """The task as it was before the last change."""
        return replay(self.bundle, self.taught.undone())

    def settle(self) -> Task:
        """The same task with nothing to undo: what the last change removed is gone."""
        return replace(self, taught=self.taught.settled)

    def to_bytes(self) -> bytes:
        """The content of `task.safetensors`, what was taught; `Bundle.task` makes the task of it."""
        return task_bytes(self.taught)

    def save(self, out: Path | str, *, forget_support: bool = False, standalone: bool = True) -> Path:
        """Write the task into the folder `out`; return its path.

        `task.onnx_adapter` and `task.json` are the user's part, for the bundle's base. `task.safetensors` is what was
        taught, unless `forget_support`. Where `standalone`, `model.onnx` and the files that its input needs are what
        predicts without the bundle.

        The folder is written as a whole and replaces an earlier task there; a failure leaves that one as it was.
        """
        save_task(
            self.bundle,
            self.taught,
            self.head,
            Path(out),
            forget_support=forget_support,
            standalone=standalone,
        )
        return Path(out)


def teach(
    bundle: OpenedBundle,
    before: Taught,
    support: Support | None,
    *,
    labels: Iterable[str] | None,
    missing: Missing,
    earlier: Missing,
) -> Task:
    """The task of what was taught `before`, with more examples, more labels, or both. See `Bundle.adapt`."""
    (task,) = teach_all(bundle, [(before, support)], labels=labels, missing=missing, earlier=earlier)
    return task


def teach_all(
    bundle: OpenedBundle,
    supports: Sequence[tuple[Taught, Support | None]],
    *,
    labels: Iterable[str] | None,
    missing: Missing,
    earlier: Missing,
) -> list[Task]:
    """What `teach` gives of each task and its support set; the extractor runs on the examples of all at once."""
    for name, value in (("missing", missing), ("earlier", earlier)):
        if value not in ("negative", "unknown"):
            raise DesireEdgeError(
                f'{name} is {reprlib.repr(value)}; it must be "negative" or "unknown"', "missing-value"
            )
    asked = None if labels is None else check_names(labels, "the labels asked for")
    lessons = [
        _Lesson.of(bundle, before, support or Support(()), asked, missing) for before, support in supports
    ]
    _ = bundle.names, bundle.extractor  # opened before the clock starts
    started = time.perf_counter()
    features = [
        [bundle.manifest.input.features_of(example.raw, example.name) for example in lesson.support.examples]
        for lesson in lessons
    ]
    # What is stored is what is used: replaying it gives the same bits.
    z = _half(bundle.extract([item for items in features for item in items]), "the extractor's features")
    ends = np.cumsum([len(items) for items in features])
    seconds = (time.perf_counter() - started) / max(1, len(z))
    return [
        _adapted(
            bundle,
            lesson.before.added(lesson.new, mine, lesson.targets, lesson.mask, lesson.known_labels, earlier),
            items,
            lesson.support.examples,
            seconds * len(items),
        )
        for lesson, items, mine in zip(lessons, features, np.split(z, ends[:-1]), strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What a task is to be taught, checked: the new labels, and of the examples [s, N + n] what is known."""

    before: Taught
    support: Support
    new: Sequence[str]
    targets: Bits
    mask: Bits
    known_labels: Bits

    @classmethod
    def of(
        cls,
        bundle: OpenedBundle,
        before: Taught,
        support: Support,
        asked: Sequence[str] | None,
        missing: Missing,
    ) -> _Lesson:
        """Check a support set, and the labels that are `asked` for beside its own."""
        names = support.names() if asked is None else asked
        _check_origin(bundle, before)
        earlier_names = before.current.labels
        known = columns(earlier_names)
        new = [name for name in names if name not in known]
        if earlier_names and not new and not support.examples:
            raise DesireEdgeError("there is nothing to add; give examples or new labels", "nothing-new")
        names = (*earlier_names, *new)
        _check_labels(bundle, names, support)
        targets, mask = (array.astype(np.uint8) for array in support.targets(names, missing))
        return cls(before, support, new, targets, mask, _known_rows(bundle, support).astype(np.uint8))


def replay(bundle: OpenedBundle, taught: Taught) -> Task:
    """Adapt to what a task holds, from the meta-learned weights."""
    _check_origin(bundle, taught)
    _check_labels(bundle, taught.current.labels, Support(()))
    return _adapted(bundle, taught, (), (), 0)


def _adapted(
    bundle: OpenedBundle,
    taught: Taught,
    features: Sequence[Features],
    examples: Sequence[Example],
    extract_seconds: float,
) -> Task:
    """Adapt to `taught`, of which `features` and `examples` are new, and give its labels their vectors."""
    current = taught.current
    matrix = bundle.names.label_matrix(current.labels)
    stored = _half(matrix.vectors, "the lexicon's vectors")
    vectors = taught.vectors.copy()
    vectors[:, taught.label_changes != REMOVED] = stored

    provider, model = bundle.extractor.provider, bundle.model  # opened before the clock starts
    started = time.perf_counter()
    z, w_novel, targets, mask, known = (
        array.astype(np.float32)
        for array in (current.z, stored, current.targets, current.mask, current.known_labels)
    )
    known_labels = known if bundle.manifest.known_labels else None
    adapted = learn(model, z, targets, mask, w_novel, known_labels)
    finished = time.perf_counter()

    told = Told(
        matrix=matrix,
        new_examples=len(examples),
        text_words=sum(item.words for item in features),
        known_text_words=sum(item.known_words for item in features),
        warnings=tuple(unknown_texts(features, [example.name for example in examples])),
        extract_seconds=extract_seconds,
        adapt_seconds=finished - started,
        provider=provider,
    )
    return Task(adapted, replace(taught, vectors=vectors, origin=bundle.origin), told, bundle)


def _check_origin(bundle: OpenedBundle, taught: Taught) -> None:
    if taught.origin != replace(bundle.origin, bundle=taught.origin.bundle):
        raise DesireEdgeError(
            f"the task was taught with another bundle, {taught.origin.bundle}, not with this {bundle.manifest.name}; "
            "name that one, or teach the task afresh",
            "task-bundle",
        )
    widths = (taught.z.shape[1], len(taught.vectors), taught.known_labels.shape[1])
    if widths != bundle.widths:
        raise DesireEdgeError(
            "the task's features, labels' vectors and known labels are "
            f"{', '.join(map(str, widths))} wide, but those of the bundle {', '.join(map(str, bundle.widths))}; "
            "teach the task afresh",
            "task-bundle",
        )


def _known_rows(bundle: OpenedBundle, support: Support) -> Array:
    """The known labels of the support's examples, [S, B] of 0 and 1; [S, 0] if the model does not use them."""
    return known_rows(
        [example.known_labels for example in support.examples],
        [example.name for example in support.examples],
        bundle.manifest.base_labels if bundle.manifest.known_labels else (),
        f"the bundle {bundle.manifest.name}",
    )


def _check_labels(bundle: OpenedBundle, names: Sequence[str], support: Support) -> None:
    if not names:
        raise DesireEdgeError(
            "there is no label to learn: no example carries one; name some with --labels", "labels-none"
        )
    if len(names) > bundle.manifest.ways:
        raise DesireEdgeError(
            f"{len(names)} labels, but this bundle holds at most {bundle.manifest.ways}; "
            f"teach fewer, or export it with --ways {len(names)}",
            "labels-many",
        )
    asked = columns(names)
    unnamed = [name for name in support.names() if name not in asked]
    if unnamed:
        raise DesireEdgeError(
            f"the support set has the label '{unnamed[0]}', which is not among the labels asked for; "
            "add it to --labels",
            "label-unasked",
        )


def _half(values: Array, what: str) -> NDArray[np.float16]:
    """The values in half precision; `what` names them where they do not fit."""
    with np.errstate(over="ignore"):  # refused below
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise DesireEdgeError(f"{what} do not fit half precision; the bundle cannot be adapted")
    return half
