"""A user's part: the few weights that teaching changed, beside a base that all users share.

`task.onnx_adapter` holds them as ONNX Runtime (from 1.20 on) reads them itself, `task.json` what their columns are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import read_json, write_json
from desire_edge.runtime.session import import_onnxruntime

ADAPTER, SAID = "task.onnx_adapter", "task.json"
SCHEMA_VERSION = 1
MAX_ADAPTER_BYTES = 2**30  # it comes from anyone
MAX_SAID_BYTES = 16 * 2**20

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Part:
    """What the base is given of one user.

    Attributes:
        labels: the N labels that were taught.
        thresholds: the probability from which each is said to hold.
        sets: the probability from which each belongs to the set of a coverage, by coverage.
        weights: the base's inputs that have a default, by their names.
        bundle: the bundle's name.
        base: the SHA-256 of its `base.onnx`.
    """

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    sets: Mapping[float, tuple[float, ...]]
    weights: Mapping[str, Array]
    bundle: str
    base: str

    @property
    def bytes(self) -> int:
        """How much memory its numbers take."""
        return sum(value.nbytes for value in self.weights.values())

    def describe(self) -> dict[str, Any]:
        """What the part is, as JSON values."""
        return {
            "labels": list(self.labels),
            "thresholds": list(self.thresholds),
            "coverage": list(self.sets),
            "bundle": self.bundle,
            "bytes": self.bytes,
        }

    def write(self, folder: Path) -> None:
        """Write both files into `folder`.

        Raises:
            DesireEdgeError: an ONNX Runtime before 1.20, or a file that cannot be written.
        """
        onnxruntime = _with_adapters()
        adapter = onnxruntime.AdapterFormat()
        adapter.set_adapter_version(SCHEMA_VERSION)
        adapter.set_model_version(1)
        adapter.set_parameters(
            {
                name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value, np.float32))
                for name, value in self.weights.items()
            }
        )
        try:
            adapter.export_adapter(str(folder / ADAPTER))
        except RuntimeError as error:  # as ONNX Runtime says that a disk is full
            raise DesireEdgeError(f"could not write {folder / ADAPTER}: {error}") from error
        said: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "bundle": self.bundle,
            "base": self.base,
            "labels": list(self.labels),
            "thresholds": list(self.thresholds),
        }
        if self.sets:
            said["sets"] = sets_to_json(self.sets)
        write_json(folder / SAID, said)

    @classmethod
    def read(cls, folder: Path) -> Part:
        """Read what `write` wrote into `folder`; whether it fits a base, `check` says.

        Raises:
            DesireEdgeError: a file that is not there, is too large, or is something else.
        """
        said = read_json(folder / SAID, limit=MAX_SAID_BYTES, code="task")
        try:
            if said["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"its schema version is {said['schema_version']!r}, not {SCHEMA_VERSION}")
            labels, bundle, base = said["labels"], said["bundle"], said["base"]
            if not isinstance(bundle, str) or not isinstance(base, str):
                raise TypeError("bundle or base has the wrong type")
            if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
                raise TypeError("a list of label names is not one")
            thresholds = tuple(map(float, said["thresholds"]))
            if len(thresholds) != len(labels) or not all(map(math.isfinite, thresholds)):
                raise ValueError("labels and thresholds do not agree")
            sets = sets_from_json(said.get("sets", []), len(labels))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DesireEdgeError(
                f"{folder / SAID} is not what `desire-edge adapt` wrote ({error}); copy it again, or teach afresh",
                "task",
            ) from error
        return cls(tuple(labels), thresholds, sets, _read_adapter(folder / ADAPTER), bundle, base)

    def check(self, shapes: Mapping[str, Sequence[int | str]], base: str, where: str) -> None:
        """Refuse a part of another base than that of this SHA-256, or that it cannot take.

        `shapes` are those of the base's inputs that have a default, in which names stand for sizes that a part chooses.
        """
        if self.base != base:
            raise DesireEdgeError(
                f"{where} was taught with another bundle, {self.bundle}; name that one", "task-bundle"
            )
        sizes: dict[str, int] = {}
        for name, value in self.weights.items():
            shape = shapes.get(name, ())
            fits = len(shape) == value.ndim and all(
                there == (sizes.setdefault(size, there) if isinstance(size, str) else size)
                for size, there in zip(shape, value.shape, strict=True)
            )
            if not fits or value.dtype != np.float32 or not np.isfinite(value).all():
                raise DesireEdgeError(
                    f"{where}: {name} is no finite float32 array that the base takes; teach the task afresh",
                    "task",
                )
        wanted = {name for name in shapes if name.startswith("task.")}
        if not wanted <= set(self.weights) or self.weights["task.used"].shape != (len(self.labels),):
            raise DesireEdgeError(
                f"{where} has not a column a label of all that the base takes; teach the task afresh", "task"
            )


def sets_to_json(sets: Mapping[float, Sequence[float]]) -> list[dict[str, Any]]:
    """The probability from which each label belongs to the set of a coverage, as JSON values."""
    return [{"coverage": level, "thresholds": list(thresholds)} for level, thresholds in sets.items()]


def sets_from_json(values: Any, labels: int) -> dict[float, tuple[float, ...]]:
    """What `sets_to_json` gave, of so many labels; a KeyError, TypeError or ValueError where it is something else."""
    if not isinstance(values, list) or not all(isinstance(one, dict) for one in values):
        raise TypeError("sets are no list of objects")
    found = {float(one["coverage"]): tuple(map(float, one["thresholds"])) for one in values}
    for level, thresholds in found.items():
        if not 0 < level < 1 or len(thresholds) != labels or not all(map(math.isfinite, thresholds)):
            raise ValueError("labels and sets do not agree")
    return found


def _read_adapter(path: Path) -> dict[str, Array]:
    onnxruntime = _with_adapters()
    try:
        if path.stat().st_size > MAX_ADAPTER_BYTES:
            raise DesireEdgeError(
                f"{path} is larger than {MAX_ADAPTER_BYTES} bytes, so it is not read", "task"
            )
        found = onnxruntime.AdapterFormat.read_adapter(str(path)).get_parameters()
        return {name: np.array(value.numpy()) for name, value in found.items()}
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}", "task") from error
    except Exception as error:  # onnxruntime's exception classes share no public base
        if isinstance(error, DesireEdgeError):
            raise
        raise DesireEdgeError(
            f"{path} is not an adapter that ONNX Runtime can read; copy it again, or teach the task afresh",
            "task",
        ) from error


def has_adapters() -> bool:
    """Whether this ONNX Runtime reads and writes adapters."""
    return hasattr(import_onnxruntime(), "AdapterFormat")


def _with_adapters() -> Any:
    """The onnxruntime module, with adapters."""
    onnxruntime = import_onnxruntime()
    if not hasattr(onnxruntime, "AdapterFormat"):
        raise DesireEdgeError(
            f"this ONNX Runtime ({onnxruntime.__version__}) has no adapters; install 1.20 or newer, or write and read "
            "a model.onnx alone"
        )
    return onnxruntime
