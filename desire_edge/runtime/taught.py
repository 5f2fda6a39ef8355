"""What a task was taught: stored in `task.safetensors`, and changed by additions, removals and undo."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.names import check_names
from desire_edge.runtime.manifest import MAX_WAYS
from desire_edge.runtime.support import MAX_EXAMPLES, Missing

TASK = "task.safetensors"
SCHEMA_VERSION = 2
MAX_BYTES = 16 * 2**20  # a task comes from anyone: what is read of it is bounded
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
        vectors: [d, N] float16, the labels' vectors as used (equal names told apart).
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
    def nothing(cls, origin: Origin, dimension: int, base_labels: int, *, keep_base: bool) -> Taught:
        """No labels and no examples, for d = `dimension` and B = `base_labels` (0 if known labels are not used)."""
        return cls(
            origin,
            keep_base,
            (),
            np.zeros((dimension, 0), np.float16),
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
                f"{len(old.z) + len(z)} examples are too many; a task holds at most {MAX_EXAMPLES}"
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

    def removed(self, labels: Sequence[str], examples: Sequence[int]) -> Taught:
        """Without these labels and without these examples, numbered from 0 as they stand now.

        Raises:
            DesireEdgeError: a label or example that is not there, nothing to remove, or no label left.
        """
        old = self.settled
        for name in labels:
            if name not in old.labels:
                raise DesireEdgeError(
                    f"there is no label '{name}' to remove; the task has {', '.join(old.labels)}"
                )
        for index in examples:
            if not 0 <= index < len(old.z):
                raise DesireEdgeError(
                    f"there is no example {index} to remove; the task has {len(old.z)}, numbered from 0"
                )
        if not labels and not examples:
            raise DesireEdgeError("there is nothing to remove; name labels or examples")
        label_changes, example_changes = old.label_changes.copy(), old.example_changes.copy()
        label_changes[[old.labels.index(name) for name in labels]] = REMOVED
        example_changes[list(examples)] = REMOVED
        if (label_changes == REMOVED).all():
            raise DesireEdgeError("no label would be left; teach a new task instead")
        return replace(old, label_changes=label_changes, example_changes=example_changes)

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
        """What the task holds, how large it is stored, and what the last change did, as JSON values."""
        now = self.current
        positive, negative = now.targets & now.mask, (1 - now.targets) & now.mask

        def named(row: Bits) -> list[str]:
            return list(compress(now.labels, row))

        return {
            "bundle": self.origin.bundle,
            "bytes": len(self.serialize()),
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

    def serialize(self) -> bytes:
        """As safetensors, with a JSON object in the metadata. Raw input is not in it, nor file names."""
        arrays: dict[str, NDArray[Any]] = {
            "vectors": self.vectors,
            "z": self.z,
            "targets": _packed(self.targets),
            "mask": _packed(self.mask),
            "label_changes": self.label_changes,
            "example_changes": self.example_changes,
        }
        if self.known_labels.shape[1]:
            arrays["known_labels"] = _packed(self.known_labels)
        settings = {
            "schema_version": SCHEMA_VERSION,
            "bundle": self.origin.bundle,
            "extractor": self.origin.extractor,
            "semantics": self.origin.semantics,
            "base_labels": self.known_labels.shape[1],
            "keep_base": self.keep_base,
            "labels": list(self.labels),
        }
        contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        content = save(contiguous, {"desire_edge": json.dumps(settings, ensure_ascii=False)})
        if len(content) > MAX_BYTES:
            raise DesireEdgeError(
                f"what the task was taught is larger than {MAX_BYTES // 2**20} MiB, so nothing could be added to it "
                "later; teach it fewer examples, or leave them away with --forget-support"
            )
        return content

    @classmethod
    def read(cls, path: Path | str) -> Taught:
        """Read `task.safetensors` at `path`, the file or the folder it is in.

        Raises:
            DesireEdgeError: not there, larger than 16 MiB, or not what `serialize` writes.
        """
        path = task_file(Path(path))
        try:
            if path.stat().st_size > MAX_BYTES:
                raise DesireEdgeError(f"{path} is larger than {MAX_BYTES // 2**20} MiB, so it is not read")
            content = path.read_bytes()
        except OSError as error:
            raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
        try:
            return _parse(content)
        except (
            *(DesireEdgeError, SafetensorError),
            *(AttributeError, ImportError, KeyError, OverflowError, TypeError, ValueError),  # of its header
        ) as error:
            raise DesireEdgeError(
                f"{path} is not what `desire-edge adapt` wrote ({error}); copy it again, or teach the task afresh"
            ) from error

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


def task_file(path: Path) -> Path:
    """The `task.safetensors` that `path` is or holds."""
    if not path.exists():
        raise DesireEdgeError(f"there is no task {path}")
    if path.is_dir():
        path = path / TASK
        if not path.is_file():
            raise DesireEdgeError(
                f"{path.parent} holds no {TASK}, which --forget-support leaves away; teach the task afresh"
            )
    return path


def _parse(content: bytes) -> Taught:
    arrays = load(content)
    length = int.from_bytes(content[:8], "little")  # of the header; `load` has checked it
    settings = parse_json(parse_json(content[8 : 8 + length])["__metadata__"]["desire_edge"])
    if settings["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its schema version is {settings['schema_version']!r}, not {SCHEMA_VERSION}")
    if len(settings["labels"]) > MAX_WAYS:
        raise ValueError(f"it has {len(settings['labels'])} labels, more than {MAX_WAYS}")
    labels = check_names(settings["labels"], "its labels")
    base_labels, keep_base, bundle = settings["base_labels"], settings["keep_base"], settings["bundle"]
    digests = [settings["extractor"], settings["semantics"]]
    if not (isinstance(base_labels, int) and isinstance(keep_base, bool) and isinstance(bundle, str)):
        raise TypeError("base_labels, keep_base or bundle has the wrong type")
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise ValueError("its digests are no SHA-256")
    examples, dimension = arrays["z"].shape
    if examples > MAX_EXAMPLES:
        raise ValueError(f"it has {examples} examples, more than {MAX_EXAMPLES}")
    names = ("vectors", "z", "targets", "mask", "label_changes", "example_changes")
    if set(arrays) != {*names, *(["known_labels"] if base_labels else [])}:
        raise ValueError(f"its arrays are {sorted(arrays)}")
    for name in ("vectors", "z"):
        if arrays[name].dtype != np.float16 or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not finite float16")
    if arrays["vectors"].shape != (dimension, len(labels)):
        raise ValueError(f"vectors has shape {list(arrays['vectors'].shape)}")
    for name, size in (("label_changes", len(labels)), ("example_changes", examples)):
        if arrays[name].dtype != np.uint8 or arrays[name].shape != (size,) or (arrays[name] > REMOVED).any():
            raise ValueError(f"{name} is not {size} of 0, 1 and 2")
    bits = {"targets": len(labels), "mask": len(labels), "known_labels": base_labels}
    return Taught(
        Origin(bundle, *digests),
        keep_base,
        labels,
        arrays["vectors"],
        arrays["z"],
        label_changes=arrays["label_changes"],
        example_changes=arrays["example_changes"],
        **{
            name: _unpacked(arrays.get(name, np.zeros((examples, 0), np.uint8)), examples, columns, name)
            for name, columns in bits.items()
        },
    )


def _packed(rows: Bits) -> Bits:
    """Rows of 0 and 1 [n, columns] as bits: column c is bit c % 8 of byte c // 8, the lowest first."""
    return np.packbits(rows, axis=1, bitorder="little")


def _unpacked(packed: NDArray[Any], rows: int, columns: int, name: str) -> Bits:
    """What `_packed` packed."""
    if columns < 0 or packed.dtype != np.uint8 or packed.shape != (rows, -(-columns // 8)):
        raise ValueError(f"{name} is not {rows} rows of {columns} bits")
    return np.unpackbits(packed, axis=1, count=columns, bitorder="little")
