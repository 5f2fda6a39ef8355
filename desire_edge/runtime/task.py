"""An adapted task: the model file an app runs, and what it was taught."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder
from desire_edge.inputs.spec import RawInput
from desire_edge.runtime.adaptation import AdaptedHead
from desire_edge.runtime.predictor import METADATA_PREFIX, Predictor
from desire_edge.runtime.support import Missing, Support
from desire_edge.runtime.taught import TASK, Taught

if TYPE_CHECKING:
    from desire_edge.runtime.bundle import Bundle

MODEL = "model.onnx"


@dataclass(frozen=True)
class LabelReport:
    """How one label was taught: support counts, the probability from which it is said, and its name's words."""

    name: str
    positives: int
    negatives: int
    unknown: int
    threshold: float
    how: str
    known_words: tuple[str, ...]
    unknown_words: tuple[str, ...]


@dataclass(frozen=True)
class AdaptReport:
    """What adapting did.

    Attributes:
        labels: one entry a label.
        examples: S.
        new_examples: how many of them the extractor was run on: all but those of an earlier task.
        known_labels: how many of them came with known base labels.
        loss_before, loss_after: the support loss (0 where there are no examples).
        text_words, known_text_words: words over all texts among the new examples, each counted once a text, and those
            the model knows; 0 if none of them is text.
        extract_seconds, adapt_seconds: time in the extractor, and from its features to the folded head and
            its thresholds.
        provider: the execution provider that ran the extractor.
        conditioning: κ; see `Manifest`.
        warnings: what a user should look at.
    """

    labels: tuple[LabelReport, ...]
    examples: int
    new_examples: int
    known_labels: int
    loss_before: float
    loss_after: float
    text_words: int
    known_text_words: int
    extract_seconds: float
    adapt_seconds: float
    provider: str
    conditioning: float
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Task:
    """The result of `Bundle.adapt`: the completed model's bytes, the adapted head in it, and what it was taught.

    `add`, `remove` and `undo` give a new task, adapted by `bundle` from the meta-learned weights: the very one that
    teaching these labels, examples, targets and mask from nothing gives. Only the last change can be undone, and what
    it removed is kept until the next one for that; `settle` lets it go at once.
    """

    model: bytes
    head: AdaptedHead
    taught: Taught
    report: AdaptReport
    bundle: Bundle

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it was taught, in the order of the columns of `predict`."""
        return self.taught.current.labels

    @cached_property
    def predictor(self) -> Predictor:
        """The adapted model, opened."""
        return Predictor(self.model, self.bundle.provider, name="the adapted model")

    def predict(
        self, inputs: Sequence[RawInput], known_labels: Sequence[Iterable[str]] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities [n, N] of the taught labels for n raw inputs (texts, sparse features, vectors).

        `known_labels` as for `Predictor.predict`.
        """
        return self.predictor.predict(inputs, known_labels)

    def add(
        self,
        support: Support | None = None,
        *,
        labels: Sequence[str] | None = None,
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
        return self.bundle.adapt(support, labels=labels, missing=missing, after=self.taught, earlier=earlier)

    def remove(self, *, labels: Sequence[str] = (), examples: Sequence[int] = ()) -> Task:
        """The task without these labels and examples, which are numbered from 0. An example stays without its label."""
        return self.bundle.replay(self.taught.removed(labels, examples))

    def undo(self) -> Task:
        """The task as it was before the last change."""
        return self.bundle.replay(self.taught.undone())

    def settle(self) -> Task:
        """The same task with nothing to undo: what the last change removed is gone."""
        return replace(self, taught=self.taught.settled)

    def save(self, out: Path | str, *, forget_support: bool = False) -> Path:
        """Write `model.onnx` and, unless `forget_support`, `task.safetensors` into the folder `out`; return its path.

        The folder is written as a whole and replaces an earlier task there; a failure leaves that one as it was.
        """
        out = Path(out)
        check_replaceable(out)
        with atomic_folder(out) as folder:
            (folder / MODEL).write_bytes(self.model)
            if not forget_support:
                (folder / TASK).write_bytes(self.taught.serialize())
        return out


def check_replaceable(out: Path) -> None:
    """Refuse to replace a folder that holds anything but an earlier task."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    ours = out.is_dir() and {path.name for path in out.iterdir()} <= {MODEL, TASK} and (out / MODEL).is_file()
    # Anyone may have a folder with a model.onnx alone; the names of the labels mark one of ours.
    if not ours or f"{METADATA_PREFIX}labels".encode() not in (out / MODEL).read_bytes():
        raise DesireEdgeError(f"{out} exists and is not an adapted task; choose another --out, or remove it")
