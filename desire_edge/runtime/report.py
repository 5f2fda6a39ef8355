"""What adapting did, and what a user should look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.lexicon import LabelMatrix
from desire_edge.runtime import evidence
from desire_edge.runtime.adaptation import AdaptedHead, Model
from desire_edge.runtime.taught import Taught

Array = NDArray[np.float32]


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
        loss_held_out: that of examples predicted from the others, in the head `prior`; None where that says nothing.
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
    loss_held_out: float | None
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
class Told:
    """What of a report only adapting itself knows.

    Attributes:
        matrix: how the labels' names were understood.
        warnings: of the new examples' inputs.

    The others are `AdaptReport`'s.
    """

    matrix: LabelMatrix
    new_examples: int
    text_words: int
    known_text_words: int
    warnings: tuple[str, ...]
    extract_seconds: float
    adapt_seconds: float
    provider: str


def report_of(model: Model, taught: Taught, head: AdaptedHead, told: Told) -> AdaptReport:
    """The report of a head that was adapted to what is `taught`, without what was removed."""
    z, targets, mask, w_novel = (
        np.ascontiguousarray(array, np.float32)
        for array in (taught.z, taught.targets, taught.mask, taught.vectors)
    )
    known = np.ascontiguousarray(taught.known_labels, np.float32)
    held_out = evidence.held_out_loss(
        model, z, targets, mask, w_novel, known if taught.known_labels.shape[1] else None
    )
    return AdaptReport(
        labels=label_reports(told.matrix, targets, mask, head.thresholds.tolist()),
        examples=len(z),
        new_examples=told.new_examples,
        known_labels=int(known.any(axis=1).sum()),
        loss_before=head.losses[0],
        loss_after=head.losses[-1],
        loss_held_out=held_out,
        text_words=told.text_words,
        known_text_words=told.known_text_words,
        extract_seconds=told.extract_seconds,
        adapt_seconds=told.adapt_seconds,
        provider=told.provider,
        conditioning=head.conditioning,
        warnings=(
            *told.matrix.warnings,
            *told.warnings,
            *task_warnings(told.matrix, targets, mask, head),
            *evidence.warning(head, held_out, targets, mask),
        ),
    )


def label_reports(
    matrix: LabelMatrix, targets: Array, mask: Array, thresholds: Sequence[float]
) -> tuple[LabelReport, ...]:
    """How each label was taught; `targets` and `mask` are [S, N]."""
    return tuple(
        LabelReport(
            name=entry.name,
            positives=int((targets[:, i] * mask[:, i]).sum()),
            negatives=int(((1 - targets[:, i]) * mask[:, i]).sum()),
            unknown=int((mask[:, i] == 0).sum()),
            threshold=thresholds[i],
            how=entry.how,
            known_words=entry.known,
            unknown_words=entry.unknown,
        )
        for i, entry in enumerate(matrix.entries)
    )


def task_warnings(matrix: LabelMatrix, targets: Array, mask: Array, adapted: AdaptedHead) -> list[str]:
    """What is odd about labels, examples or the adapted head, a sentence each; `targets` and `mask` are [S, N]."""
    found = [
        f"no word of the label '{entry.name}' is known, so only its examples can teach it"
        for entry in matrix.entries
        if entry.how == "seeded"
    ]
    if adapted.conditioning > 3 * _core.MAX_CONDITIONING:
        found.append(
            f"the adapted head is ill-conditioned (κ = {adapted.conditioning:.1f}): expect errors above 1e-5"
        )
    for entry, target, known in zip(matrix.entries, targets.T, mask.T, strict=True):
        if len(targets) and not (target * known).any():
            found.append(f"no example carries the label '{entry.name}', so it goes by its name alone")
        elif len(targets) and not ((1 - target) * known).any():
            found.append(
                f"no example is known not to carry '{entry.name}', so it will be said of nearly everything; "
                "add examples without it"
            )
    return found
