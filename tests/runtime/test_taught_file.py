"""`task.safetensors` comes from anyone: what is not as written is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.runtime.manifest import MAX_WAYS
from desire_edge.runtime.support import MAX_EXAMPLES
from desire_edge.runtime.taught_file import task_bytes


@pytest.fixture(scope="module")
def bundle(sample_trained: Trained) -> Bundle:
    """The small bundle of the sample."""
    return Bundle.open(sample_trained.bundle, "cpu")


@pytest.fixture
def task(bundle: Bundle, sample_trained: Trained) -> Task:
    """The sample's task, of 5 labels and 10 examples."""
    return bundle.adapt(Support.read(sample_trained.support), labels=sample_trained.labels)


Arrays = dict[str, Any]
HOSTILE: dict[str, tuple[Callable[[Arrays, dict[str, Any]], object], str]] = {
    "schema of yesterday": (lambda a, s: s.update(schema_version=1), "its schema version is 1, not 2"),
    "no labels": (lambda a, s: s.pop("labels"), "'labels'"),
    "labels as one string": (lambda a, s: s.update(labels="abcde"), "its labels are no list of names"),
    "endless labels": (
        lambda a, s: s.update(labels=[f"label {i}" for i in range(MAX_WAYS + 1)]), f"more than {MAX_WAYS}"),
    "a label twice": (lambda a, s: s.update(labels=["a", "a", "b", "c", "d"]), "'a' is named twice"),
    "a label that steers": (lambda a, s: s.update(labels=["\x1b[31m", "a", "b", "c", "d"]), "control characters"),
    "an endless label": (lambda a, s: s.update(labels=["a" * 201, "b", "c", "d", "e"]), "at most 200 characters"),
    "fewer labels": (lambda a, s: s["labels"].pop(), "vectors has shape [50, 5]"),
    "a digest that is none": (lambda a, s: s.update(extractor="0" * 63), "its digests are no SHA-256"),
    "a digest that is a number": (lambda a, s: s.update(semantics=7), "expected string"),
    "base labels that are a string": (lambda a, s: s.update(base_labels="5"), "has the wrong type"),
    "base labels below 0": (lambda a, s: s.update(base_labels=-1), "its arrays are"),
    "base labels that are not there": (lambda a, s: s.update(base_labels=10**12), "its arrays are"),
    "keep_base that is a number": (lambda a, s: s.update(keep_base=1), "has the wrong type"),
    "no z": (lambda a, s: a.pop("z"), "'z'"),
    "an array more": (lambda a, s: a.update(more=a["z"]), "its arrays are"),
    "z in single precision": (lambda a, s: a.update(z=a["z"].astype(np.float32)), "z is not finite float16"),
    "z that is not finite": (lambda a, s: a.update(z=a["z"] / np.float16(0)), "z is not finite float16"),
    "z of one dimension": (lambda a, s: a.update(z=a["z"][0]), "not enough values to unpack"),
    "z of another dimension": (lambda a, s: a.update(z=a["z"][:, 1:]), "are 49, 50, 0 wide, but those of the"),
    "fewer examples": (lambda a, s: a.update(z=a["z"][1:]), "example_changes is not 9 of 0, 1 and 2"),
    "too many examples": (
        lambda a, s: a.update(z=np.zeros((MAX_EXAMPLES + 1, 50), np.float16)), f"more than {MAX_EXAMPLES}"),
    "NaN in a label's vector": (lambda a, s: a["vectors"].fill(np.nan), "vectors is not finite float16"),
    "targets too wide": (lambda a, s: a.update(targets=np.zeros((10, 2), np.uint8)), "targets is not 10 rows of 5"),
    "a mask of floats": (lambda a, s: a.update(mask=a["mask"].astype(np.float32)), "mask is not 10 rows of 5 bits"),
    "a change that is none": (lambda a, s: a["label_changes"].fill(3), "label_changes is not 5 of 0, 1 and 2"),
    "known labels too narrow": (
        lambda a, s: (s.update(base_labels=9), a.update(known_labels=a["mask"])), "known_labels is not 10 rows of 9"),
    "everything removed": (lambda a, s: a["label_changes"].fill(2), "there is no label to learn"),
    "known labels for a bundle without": (
        lambda a, s: (s.update(base_labels=8), a.update(known_labels=a["mask"])), "are 50, 50, 8 wide, but those"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_task_is_refused(name: str, bundle: Bundle, task: Task, tmp_path: Path) -> None:
    content = task_bytes(task.taught)
    length = int.from_bytes(content[:8], "little")
    settings = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["desire_edge"])
    arrays = {key: array.copy() for key, array in load(content).items()}
    spoil, expected = HOSTILE[name]
    with np.errstate(all="ignore"):
        spoil(arrays, settings)
    path = tmp_path / "task.safetensors"
    path.write_bytes(save(arrays, {"desire_edge": json.dumps(settings)}))
    with pytest.raises(DesireEdgeError) as refusal:
        bundle.resume(path)
    assert str(refusal.value).startswith(str(path))
    assert expected in str(refusal.value)
    assert len(str(refusal.value)) < 600


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is not what `desire-edge adapt` wrote"),
        (b"\x80\x04]\x94.", "is not what `desire-edge adapt` wrote"),  # a pickle
        (save({"z": np.zeros(3, np.float16)}), "is not what `desire-edge adapt` wrote ('__metadata__')"),
        (save({}, {"desire_edge": "[" * 5000}), "it is nested too deeply"),
        (save({}, {"desire_edge": "[]"}), "is not what `desire-edge adapt` wrote"),
        ((2**60).to_bytes(8, "little") + b"{}", "is not what `desire-edge adapt` wrote"),
    ],
)
def test_a_file_that_is_no_task_is_refused(
    content: bytes, expected: str, bundle: Bundle, tmp_path: Path
) -> None:
    path = tmp_path / "task.safetensors"
    path.write_bytes(content)
    with pytest.raises(DesireEdgeError) as refusal:
        bundle.resume(path)
    assert expected in str(refusal.value)


def test_a_task_cut_short_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    content = task_bytes(bundle.adapt(labels=["bread"]).taught)
    path = tmp_path / "task.safetensors"
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(DesireEdgeError, match="is not what `desire-edge adapt` wrote"):
            bundle.resume(path)


def test_a_huge_task_is_not_read(bundle: Bundle, tmp_path: Path) -> None:
    with (tmp_path / "task.safetensors").open("wb") as file:
        file.truncate(2**35)  # holes: it takes no room on the disk
    with pytest.raises(DesireEdgeError, match=r"task\.safetensors is larger than 16 MiB, so it is not read"):
        bundle.resume(tmp_path)
