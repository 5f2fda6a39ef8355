"""An adapted task: the model file an app runs, and what it was taught."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder
from desire_edge.lexicon import LabelVector
from desire_edge.runtime.adaptation import AdaptedHead
from desire_edge.runtime.features import RawInput
from desire_edge.runtime.predictor import METADATA_PREFIX, Predictor

MODEL, TASK = "model.onnx", "task.safetensors"


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
        known_labels: how many of them came with known base labels.
        loss_before, loss_after: the support loss (0 where there are no examples).
        text_words, known_text_words: words over all texts of the support set, each counted once a text, and those the
            model knows; 0 if no example is text.
        extract_seconds, adapt_seconds: time in the extractor, and from its features to the folded head and
            its thresholds.
        provider: the execution provider that ran the extractor.
        conditioning: κ; see `Manifest`.
        warnings: what a user should look at.
    """

    labels: tuple[LabelReport, ...]
    examples: int
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
class Taught:
    """Everything the task was taught, enough to adapt again from the bundle.

    Attributes:
        entries: the labels' names and vectors.
        vectors: [d, N] float32, as used (equal names told apart).
        z: [S, d] float16, the support's features.
        targets, mask: [S, N] float32.
        known_labels: [S, B] float32, or [S, 0] if the bundle does not use them.
        settings: JSON values: bundle, missing.
    """

    entries: tuple[LabelVector, ...]
    vectors: NDArray[np.float32]
    z: NDArray[np.float16]
    targets: NDArray[np.float32]
    mask: NDArray[np.float32]
    known_labels: NDArray[np.float32]
    settings: dict[str, Any]

    def serialize(self) -> bytes:
        """As safetensors; label names and settings are JSON in its metadata. Raw input is not in it."""
        arrays: dict[str, NDArray[Any]] = {
            "vectors": np.ascontiguousarray(self.vectors),
            "z": self.z,
            "targets": self.targets.astype(np.uint8),
            "mask": self.mask.astype(np.uint8),
        }
        if self.known_labels.shape[1]:
            arrays["known_labels"] = self.known_labels.astype(np.uint8)
        settings = {"schema_version": 1, "labels": [entry.name for entry in self.entries], **self.settings}
        return save(arrays, {"desire_edge": json.dumps(settings, ensure_ascii=False)})


@dataclass(frozen=True, eq=False)
class Task:
    """The result of `Bundle.adapt`: the completed model's bytes, the adapted head in it, and what it was taught."""

    model: bytes
    head: AdaptedHead
    taught: Taught
    report: AdaptReport
    provider: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels it was taught, in the order of the columns of `predict`."""
        return tuple(entry.name for entry in self.taught.entries)

    @cached_property
    def predictor(self) -> Predictor:
        """The adapted model, opened."""
        return Predictor(self.model, self.provider, name="the adapted model")

    def predict(
        self, inputs: Sequence[RawInput], known_labels: Sequence[Iterable[str]] | None = None
    ) -> NDArray[np.float32]:
        """Probabilities [n, N] of the taught labels for n raw inputs (texts, sparse features, vectors).

        `known_labels` as for `Predictor.predict`.
        """
        return self.predictor.predict(inputs, known_labels)

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
