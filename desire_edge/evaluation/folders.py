"""One task of a data set as folders: what a user of a device would have."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.data import Dataset, Episode
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder
from desire_edge.inputs.readers.records import picture_ending


def write_episode(dataset: Dataset, episode: Episode, out: Path, known: Sequence[int] = ()) -> None:
    """Write `out/support` and `out/query`: `metadata.jsonl` and one file an example in each.

    Examples are texts (`.txt`), pictures (`.png`, `.jpg`) or sparse features by name (`.json`); `labels` are those of
    the episode they carry.
    Where `known` names labels of the data set, by index, those that an example carries are its `known_labels`.

    Raises:
        DesireEdgeError: `out` exists and is no episode.
    """
    if out.exists() and not _is_episode(out):
        raise DesireEdgeError(f"{out} exists and is no episode; choose another --out, or remove it")
    with atomic_folder(out) as folder:
        for name, rows in (("support", episode.support), ("query", episode.query)):
            _write_examples(dataset, rows, episode.labels.tolist(), known, folder / name)


def _is_episode(out: Path) -> bool:
    """Whether `out` is empty or holds what `write_episode` writes, and nothing of anyone's own."""
    folders = list(out.iterdir()) if out.is_dir() else [out]
    if not all(folder.is_dir() and folder.name in ("support", "query") for folder in folders):
        return False
    files = [file.name for folder in folders for file in folder.iterdir()]
    return all(re.fullmatch(r"metadata\.jsonl|\d{5,}\.(txt|json|png|jpg)", name) for name in files)


def _write_examples(
    dataset: Dataset, rows: NDArray[np.int64], labels: Sequence[int], known: Sequence[int], folder: Path
) -> None:
    def carried(row: int, among: Sequence[int]) -> list[str]:
        return [dataset.labels[label] for label in among if dataset.targets[row, label]]

    folder.mkdir()
    lines = []
    for row in rows.tolist():
        ending, content = _file_of(dataset, row)
        name = f"{row:05d}{ending}"
        (folder / name).write_bytes(content)
        entry: dict[str, object] = {"file_name": name, "labels": carried(row, labels)}
        if known:
            entry["known_labels"] = carried(row, known)
        lines.append(json.dumps(entry, ensure_ascii=False))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _file_of(dataset: Dataset, row: int) -> tuple[str, bytes]:
    """The ending and the bytes of the file that holds a row's input."""
    if dataset.texts is not None:
        return ".txt", dataset.texts[row].encode()
    if dataset.images is not None:
        content = dataset.picture(row)
        return picture_ending(content, ".jpg"), content
    assert dataset.features is not None, "a data set has texts, features or images"
    present = np.flatnonzero(dataset.features[row]).tolist()
    names = dataset.feature_names or tuple(map(str, range(dataset.features.shape[1])))
    values = {names[index]: float(dataset.features[row, index]) for index in present}
    return ".json", json.dumps(values, ensure_ascii=False).encode()
