"""A task's files: the user's part, `model.onnx`, what was taught."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder, link_or_copy
from desire_edge.inputs.kinds import ASSETS
from desire_edge.runtime.adaptation import padded
from desire_edge.runtime.manifest import BASE, BASE_FRAGMENT, EXTRACTOR, HEAD_FRAGMENT
from desire_edge.runtime.model_file import complete_model, standalone_model
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.part import ADAPTER, SAID, Part, has_adapters
from desire_edge.runtime.predictor import METADATA_PREFIX, MODEL, encode_metadata
from desire_edge.runtime.taught import Taught
from desire_edge.runtime.taught_file import TASK

if TYPE_CHECKING:
    from desire_edge.runtime.task import Task


def save_task(task: Task, out: Path, *, forget_support: bool, standalone: bool) -> None:
    """Write a task into the folder `out`; see `Task.save`."""
    check_replaceable(out)
    bundle = task.bundle
    with_part = bundle.manifest.extractor == BASE
    if not standalone and not with_part:
        raise DesireEdgeError(
            f"the bundle {task.taught.origin.bundle} is of an earlier version, whose tasks are a {MODEL} alone; export "
            "it again",
            "schema",
        )
    with atomic_folder(out) as folder:
        if standalone:
            (folder / MODEL).write_bytes(task.model)
            for name in bundle.manifest.input.assets:
                link_or_copy(bundle.path / name, folder / name)
        if with_part and (has_adapters() or not standalone):
            task.part.write(folder)
        if not forget_support:
            (folder / TASK).write_bytes(task.to_bytes())


def part_of(task: Task) -> Part:
    """A task as what its bundle's base is given."""
    bundle = task.bundle
    weights = {f"task.{name}": value for name, value in task.head.weights.items()}
    if task.taught.keep_base:
        weights |= {"base.w": bundle.semantics.w_base, "base.b": bundle.semantics.base_bias}
    origin = bundle.origin
    part = Part(
        task.labels, task.thresholds, sets_of(bundle, task.taught), weights, origin.bundle, origin.extractor
    )
    part.check(bundle.base.part, origin.extractor, f"the bundle {origin.bundle}: the task")
    return part


def standalone_bytes(task: Task) -> bytes:
    """A task's `model.onnx`: the base with its part for good, or of a bundle before schema 7 its files end to end."""
    bundle, said, taught = task.bundle, task.bundle.manifest, task.taught
    metadata = encode_metadata(
        task.labels,
        task.thresholds,
        said.input,
        said.name,
        said.base_labels if taught.keep_base else None,
        said.base_labels if said.known_labels else None,
        sets_of(bundle, taught),
    )
    if said.extractor == BASE:
        path = bundle.path / BASE
        outputs = ["probabilities", *(["base_probabilities"] if taught.keep_base else [])]
        return standalone_model(str(path), path.read_bytes(), task.part.weights, outputs, metadata)
    files = [EXTRACTOR, HEAD_FRAGMENT, *([BASE_FRAGMENT] if taught.keep_base else [])]
    weights = {f"task.{name}": value for name, value in padded(task.head.weights, said.ways).items()}
    if taught.keep_base:
        weights |= {"base.w": bundle.semantics.w_base, "base.b": bundle.semantics.base_bias}
    parts = {str(bundle.path / name): (bundle.path / name).read_bytes() for name in files}
    return complete_model(parts, weights, metadata)


def sets_of(bundle: OpenedBundle, taught: Taught) -> dict[float, tuple[float, ...]]:
    """The probability from which each label of a task belongs to the set of a coverage, by coverage."""
    targets, mask = taught.current.targets, taught.current.mask
    return {stated.level: stated.limits(targets, mask) for stated in bundle.manifest.coverage}


def check_replaceable(out: Path) -> None:
    """Refuse to replace a folder that holds anything but an earlier task."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    # Anyone may have a folder with a model.onnx alone; the names of the labels mark one of ours.
    ours = ADAPTER in found or (
        MODEL in found and f"{METADATA_PREFIX}labels".encode() in (out / MODEL).read_bytes()
    )
    if not ours or not found <= {MODEL, TASK, ADAPTER, SAID} | ASSETS:
        raise DesireEdgeError(f"{out} exists and is not an adapted task; choose another --out, or remove it")
