"""`task.safetensors`: what a task was taught, as a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.names import check_name, refuse_twice
from desire_edge.runtime.manifest import MAX_WAYS
from desire_edge.runtime.support import MAX_EXAMPLES
from desire_edge.runtime.taught import REMOVED, Bits, Origin, Taught

TASK = "task.safetensors"
SCHEMA_VERSION = 2
MAX_BYTES = 16 * 2**20  # a task comes from anyone: what is read of it is bounded


def task_bytes(taught: Taught) -> bytes:
    """The content of `task.safetensors`, with a JSON object in the metadata. Raw input is not in it, nor file names."""
    arrays: dict[str, NDArray[Any]] = {
        "vectors": taught.vectors,
        "z": taught.z,
        "targets": _packed(taught.targets),
        "mask": _packed(taught.mask),
        "label_changes": taught.label_changes,
        "example_changes": taught.example_changes,
    }
    if taught.known_labels.shape[1]:
        arrays["known_labels"] = _packed(taught.known_labels)
    settings = {
        "schema_version": SCHEMA_VERSION,
        "bundle": taught.origin.bundle,
        "extractor": taught.origin.extractor,
        "semantics": taught.origin.semantics,
        "base_labels": taught.known_labels.shape[1],
        "keep_base": taught.keep_base,
        "labels": list(taught.labels),
    }
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content = save(contiguous, {"desire_edge": json.dumps(settings, ensure_ascii=False)})
    if len(content) > MAX_BYTES:
        raise DesireEdgeError(
            f"what the task was taught is larger than {MAX_BYTES // 2**20} MiB, so nothing could be added to it "
            "later; teach it fewer examples, or leave them away with --forget-support"
        )
    return content


def read_task(path: Path | str) -> Taught:
    """Read `task.safetensors` at `path`, the file or the folder it is in.

    Raises:
        DesireEdgeError: not there, larger than 16 MiB, or not what `task_bytes` writes.
    """
    path = task_file(Path(path))
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DesireEdgeError(
                f"{path} is larger than {MAX_BYTES // 2**20} MiB, so it is not read", "task"
            )
        content = path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    return parse_task(content, str(path))


def parse_task(content: bytes, name: str) -> Taught:
    """What `task_bytes` gave; `name` is what errors call it.

    Raises:
        DesireEdgeError: larger than 16 MiB, or something else.
    """
    if len(content) > MAX_BYTES:
        raise DesireEdgeError(f"{name} is larger than {MAX_BYTES // 2**20} MiB, so it is not read", "task")
    try:
        return _parse(content)
    except (
        *(DesireEdgeError, SafetensorError),
        *(AttributeError, ImportError, KeyError, OverflowError, TypeError, ValueError),  # of its header
    ) as error:
        raise DesireEdgeError(
            f"{name} is not what `desire-edge adapt` wrote ({error}); copy it again, or teach the task afresh",
            "task",
        ) from error


def task_file(path: Path) -> Path:
    """The `task.safetensors` that `path` is or holds."""
    if not path.exists():
        raise DesireEdgeError(f"there is no task {path}", "task")
    if path.is_dir():
        path = path / TASK
        if not path.is_file():
            raise DesireEdgeError(
                f"{path.parent} holds no {TASK}, which --forget-support leaves away; teach the task afresh",
                "task",
            )
    return path


def _parse(content: bytes) -> Taught:
    arrays = load(content)
    length = int.from_bytes(content[:8], "little")  # of the header; `load` has checked it
    settings = parse_json(parse_json(content[8 : 8 + length])["__metadata__"]["desire_edge"])
    if settings["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"its schema version is {settings['schema_version']!r}, not {SCHEMA_VERSION}")
    labels = _labels(settings["labels"])
    base_labels, keep_base, bundle = settings["base_labels"], settings["keep_base"], settings["bundle"]
    digests = [settings["extractor"], settings["semantics"]]
    if not (isinstance(base_labels, int) and isinstance(keep_base, bool) and isinstance(bundle, str)):
        raise TypeError("base_labels, keep_base or bundle has the wrong type")
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in digests):
        raise ValueError("its digests are no SHA-256")
    examples, _ = arrays["z"].shape
    if examples > MAX_EXAMPLES:
        raise ValueError(f"it has {examples} examples, more than {MAX_EXAMPLES}")
    names = ("vectors", "z", "targets", "mask", "label_changes", "example_changes")
    if set(arrays) != {*names, *(["known_labels"] if base_labels else [])}:
        raise ValueError(f"its arrays are {sorted(arrays)}")
    for name in ("vectors", "z"):
        if arrays[name].dtype != np.float16 or not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} is not finite float16")
    if arrays["vectors"].ndim != 2 or arrays["vectors"].shape[1] != len(labels):
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


def _labels(names: Any) -> tuple[str, ...]:
    """Names of labels as they stand: earlier versions took some that are not clean."""
    if not isinstance(names, list):
        raise TypeError("its labels are no list of names")
    if len(names) > MAX_WAYS:
        raise ValueError(f"it has {len(names)} labels, more than {MAX_WAYS}")
    for name in names:
        check_name(name, "its labels")
    refuse_twice(names, "its labels")
    return tuple(names)


def _packed(rows: Bits) -> Bits:
    """Rows of 0 and 1 [n, columns] as bits: column c is bit c % 8 of byte c // 8, the lowest first."""
    return np.packbits(rows, axis=1, bitorder="little")


def _unpacked(packed: NDArray[Any], rows: int, columns: int, name: str) -> Bits:
    """What `_packed` packed."""
    if columns < 0 or packed.dtype != np.uint8 or packed.shape != (rows, -(-columns // 8)):
        raise ValueError(f"{name} is not {rows} rows of {columns} bits")
    return np.unpackbits(packed, axis=1, count=columns, bitorder="little")
