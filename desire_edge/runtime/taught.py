"""What a task was taught, and how additions, removals, new names and undo change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_name, check_names, columns
from desire_edge.inputs.rows import example_numbers
from desire_edge.runtime.manifest import MAX_WAYS
from desire_edge.runtime.support import MAX_EXAMPLES, Missing

STAYS, ADDED, REMOVED = 0, 1, 2

Bits = NDArray[np.uint8]
Half = NDArray[np.float16]


@dataclass(frozen=True)
class Origin:
    """The bundle that was taught: its name, for messages, and the SHA-256 of its extractor and its semantics.

    With another extractor the stored features would mean something else; with other semantics, so would what was
    learned from them.
    """

    bundle: str
    extractor: str
    semantics: str


@dataclass(frozen=True, eq=False)
class Taught:
    """Labels and examples, and what the last change did to them: enough to adapt again, and to undo that change.

    What the last change removed still stands in the arrays, marked, until the next one; `current` is without it.

    Attributes:
        origin: the bundle.
        keep_base: the model has a second output with the base labels.
        labels: N names.
        vectors: [d_w, N] float16, the labels' vectors as used (equal names told apart).
        z: [S, d] float16, the examples' features as used.
        targets, mask: [S, N] of 0 and 1; the mask is 1 where it is known whether the example carries the label.
        known_labels: [S, B] of 0 and 1, or [S, 0] if the bundle does not use them.
        label_changes: [N], each `STAYS`, `ADDED` or `REMOVED`: what the last change did.
        example_changes: [S], likewise.
    """

    origin: Origin
    keep_base: bool
    labels: tuple[str, ...]
    vectors: Half
    z: Half
    targets: Bits
    mask: Bits
    known_labels: Bits
    label_changes: Bits
    example_changes: Bits

    @classmethod
    def nothing(
        cls, origin: Origin, dimension: int, name_dimension: int, base_labels: int, *, keep_base: bool
    ) -> Taught:
        """No labels and no examples, for these d, d_w, and B (0 if known labels are not used)."""
        return cls(
            origin,
            keep_base,
            (),
            np.zeros((name_dimension, 0), np.float16),
            np.zeros((0, dimension), np.float16),
            targets=np.zeros((0, 0), np.uint8),
            mask=np.zeros((0, 0), np.uint8),
            known_labels=np.zeros((0, base_labels), np.uint8),
            label_changes=np.zeros(0, np.uint8),
            example_changes=np.zeros(0, np.uint8),
        )

    @property
    def current(self) -> Taught:
        """What the task holds now: without what the last change removed."""
        if not ((self.example_changes == REMOVED).any() or (self.label_changes == REMOVED).any()):
            return self
        return self._kept(self.example_changes != REMOVED, self.label_changes != REMOVED)

    @property
    def settled(self) -> Taught:
        """The same with nothing to undo: what the last change removed is gone."""
        return self.current._unmarked()

    def added(
        self,
        labels: Sequence[str],
        z: Half,
        targets: Bits,
        mask: Bits,
        known_labels: Bits,
        earlier: Missing,
    ) -> Taught:
        """With n more labels after the N there are, and s more examples after the S there are.

        The vectors of the new labels are zeros, for the bundle to look up. The first addition cannot be undone.

        Args:
            labels: the n new names.
            z: [s, d], features of the new examples.
            targets: [s, N + n], of the new examples.
            mask: [s, N + n], likewise.
            known_labels: [s, B] or [s, 0], likewise.
            earlier: what it means that the examples there are say nothing of the new labels.
        """
        old = self.settled
        new = ADDED if old.labels else STAYS
        below, right = (0, len(z)), (0, len(labels))
        if len(old.z) + len(z) > MAX_EXAMPLES:
            raise DesireEdgeError(
                f"{len(old.z) + len(z)} examples are too many; a task holds at most {MAX_EXAMPLES}",
                "examples-many",
            )
        before = np.pad(old.mask, ((0, 0), right), constant_values=earlier == "negative")
        return replace(
            old,
            labels=(*old.labels, *labels),
            vectors=np.pad(old.vectors, ((0, 0), right)),
            z=np.concatenate([old.z, z]),
            targets=np.concatenate([np.pad(old.targets, ((0, 0), right)), targets]),
            mask=np.concatenate([before, mask]),
            known_labels=np.concatenate([old.known_labels, known_labels]),
            label_changes=np.pad(old.label_changes, right, constant_values=new),
            example_changes=np.pad(old.example_changes, below, constant_values=new),
        )

    def removed(self, labels: Iterable[str], examples: Iterable[int]) -> Taught:
        """Without these labels and without these examples, numbered from 0 as they stand now.

        Raises:
            DesireEdgeError: a label or example that is not there, nothing to remove, or no label left.
        """
        old = self.settled
        column = columns(old.labels)
        names, numbers = check_names(labels, "the labels to remove"), example_numbers(examples)
        for name in names:
            if name not in column:
                raise DesireEdgeError(
                    f"there is no label '{name}' to remove; the task has {', '.join(old.labels)}", "not-there"
                )
        for index in numbers:
            if not 0 <= index < len(old.z):
                raise DesireEdgeError(
                    f"there is no example {index} to remove; the task has {len(old.z)}, numbered from 0",
                    "not-there",
                )
        if not names and not numbers:
            raise DesireEdgeError("there is nothing to remove; name labels or examples")
        label_changes, example_changes = old.label_changes.copy(), old.example_changes.copy()
        label_changes[[column[name] for name in names]] = REMOVED
        example_changes[numbers] = REMOVED
        if (label_changes == REMOVED).all():
            raise DesireEdgeError("no label would be left; teach a new task instead")
        return replace(old, label_changes=label_changes, example_changes=example_changes)

    def renamed(self, label: str, name: str) -> Taught:
        """With another name for a label: its examples stay, and its column stays in its place.

        Raises:
            DesireEdgeError: a label that is not there, a name that is none or that another label has, or so many labels
                that the old name cannot be kept beside them for undo.
        """
        old = self.settled
        column = columns(old.labels)
        label, name = check_name(label, "the label to rename"), check_name(name, "the new name of a label")
        if label not in column:
            raise DesireEdgeError(
                f"there is no label '{label}' to rename; the task has {', '.join(old.labels)}", "not-there"
            )
        if name in column:
            raise DesireEdgeError(
                f"the task has the label '{name}' already; choose another name", "name-twice"
            )
        if len(old.labels) == MAX_WAYS:
            raise DesireEdgeError(
                f"of {MAX_WAYS} labels none can be renamed; remove one of them first", "labels-many"
            )
        here = column[label]
        twice = np.insert(np.arange(len(old.labels)), here, here)
        label_changes = old.label_changes[twice]
        label_changes[here : here + 2] = REMOVED, ADDED
        return replace(
            old,
            labels=(*old.labels[: here + 1], name, *old.labels[here + 1 :]),
            vectors=old.vectors[:, twice],
            targets=old.targets[:, twice],
            mask=old.mask[:, twice],
            label_changes=label_changes,
        )

    def undone(self) -> Taught:
        """As before the last change.

        Raises:
            DesireEdgeError: there is none: the task is as it was first taught, or the last change is undone already.
        """
        if not self.label_changes.any() and not self.example_changes.any():
            raise DesireEdgeError(
                "there is nothing to undo: only the last change can be undone, and this task has none since it was "
                "first taught, last undone or made final"
            )
        return self._kept(self.example_changes != ADDED, self.label_changes != ADDED)._unmarked()

    def describe(self) -> dict[str, Any]:
        """What the task holds, and what the last change did, as JSON values."""
        now = self.current
        positive, negative = now.targets & now.mask, (1 - now.targets) & now.mask

        def named(row: Bits) -> list[str]:
            return list(compress(now.labels, row))

        return {
            "bundle": self.origin.bundle,
            "keep_base": self.keep_base,
            "labels": [
                {
                    "name": name,
                    "positives": int(positive[:, column].sum()),
                    "negatives": int(negative[:, column].sum()),
                    "unknown": int((now.mask[:, column] == 0).sum()),
                }
                for column, name in enumerate(now.labels)
            ],
            "examples": [
                {
                    "number": number,
                    "labels": named(positive[number]),
                    "negative_labels": named(negative[number]),
                    "known_labels": int(now.known_labels[number].sum()),
                }
                for number in range(len(now.z))
            ],
            "last_change": {
                "added_labels": list(compress(self.labels, self.label_changes == ADDED)),
                "added_examples": np.flatnonzero(now.example_changes == ADDED).tolist(),
                "removed_labels": list(compress(self.labels, self.label_changes == REMOVED)),
                "removed_examples": int((self.example_changes == REMOVED).sum()),
            },
        }

    def _kept(self, examples: NDArray[np.bool_], labels: NDArray[np.bool_]) -> Taught:
        """Only the examples and labels marked, [S] and [N]."""
        both = np.ix_(examples, labels)
        return replace(
            self,
            labels=tuple(compress(self.labels, labels)),
            vectors=self.vectors[:, labels],
            z=self.z[examples],
            targets=self.targets[both],
            mask=self.mask[both],
            known_labels=self.known_labels[examples],
            label_changes=self.label_changes[labels],
            example_changes=self.example_changes[examples],
        )

    def _unmarked(self) -> Taught:
        """The same arrays, as if the last change had done nothing."""
        return replace(
            self,
            label_changes=np.zeros_like(self.label_changes),
            example_changes=np.zeros_like(self.example_changes),
        )
