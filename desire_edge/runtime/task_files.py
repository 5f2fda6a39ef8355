"""A task's files: the user's part, `model.onnx`, what was taught."""

from __future__ import annotations

from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder, link_or_copy
from desire_edge.inputs.kinds import ASSETS
from desire_edge.runtime.adaptation import AdaptedHead, padded
from desire_edge.runtime.manifest import BASE, BASE_FRAGMENT, EXTRACTOR, HEAD_FRAGMENT
from desire_edge.runtime.model_file import complete_model, standalone_model
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.part import ADAPTER, SAID, Part, has_adapters
from desire_edge.runtime.predictor import METADATA_PREFIX, MODEL, encode_metadata
from desire_edge.runtime.taught import Taught
from desire_edge.runtime.taught_file import TASK, task_bytes


def save_task(
    bundle: OpenedBundle,
    taught: Taught,
    head: AdaptedHead,
    out: Path,
    *,
    forget_support: bool,
    standalone: bool,
) -> None:
    """Write a task, what is `taught` and the head that came of it, into the folder `out`; see `Task.save`."""
    check_replaceable(out)
    with_part = bundle.manifest.extractor == BASE
    if not standalone and not with_part:
        raise DesireEdgeError(
            f"the bundle {taught.origin.bundle} is of an earlier version, whose tasks are a {MODEL} alone; export "
            "it again",
            "schema",
        )
    with atomic_folder(out) as folder:
        if standalone:
            (folder / MODEL).write_bytes(standalone_model_of(bundle, taught, head))
            for name in bundle.manifest.input.assets:
                link_or_copy(bundle.path / name, folder / name)
        if with_part and (has_adapters() or not standalone):
            part_of(bundle, taught, head).write(folder)
        if not forget_support:
            (folder / TASK).write_bytes(task_bytes(taught))


def part_of(bundle: OpenedBundle, taught: Taught, head: AdaptedHead) -> Part:
    """A task as what its bundle's base is given."""
    weights = {f"task.{name}": value for name, value in head.weights.items()}
    if taught.keep_base:
        weights |= {"base.w": bundle.semantics.w_base, "base.b": bundle.semantics.base_bias}
    origin, thresholds = bundle.origin, tuple(head.thresholds.tolist())
    labels, sets = taught.current.labels, sets_of(bundle, taught)
    part = Part(labels, thresholds, sets, weights, origin.bundle, origin.extractor)
    part.check(bundle.base.part, origin.extractor, f"the bundle {origin.bundle}: the task")
    return part


def standalone_model_of(bundle: OpenedBundle, taught: Taught, head: AdaptedHead) -> bytes:
    """A task's `model.onnx`: the base with its part for good, or of a bundle before schema 7 its files end to end."""
    said = bundle.manifest
    metadata = encode_metadata(
        taught.current.labels,
        head.thresholds.tolist(),
        said.input,
        said.name,
        said.base_labels if taught.keep_base else None,
        said.base_labels if said.known_labels else None,
        sets_of(bundle, taught),
    )
    if said.extractor == BASE:
        path, weights = bundle.path / BASE, dict(part_of(bundle, taught, head).weights)
        outputs = ["probabilities", *(["base_probabilities"] if taught.keep_base else [])]
        return standalone_model(str(path), path.read_bytes(), weights, outputs, metadata)
    files = [EXTRACTOR, HEAD_FRAGMENT, *([BASE_FRAGMENT] if taught.keep_base else [])]
    weights = {f"task.{name}": value for name, value in padded(head.weights, said.ways).items()}
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
