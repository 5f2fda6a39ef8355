"""The features of a frozen stage, computed once for a data set: kept in the run's folder, and in the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from desire_edge.data import Dataset
from desire_edge.data.fetch.folder import cached
from desire_edge.files import alone, atomic_path, link_or_copy
from desire_edge.inputs import InputSpec, LexiconInput, RawInput, TokensInput, read_input
from desire_edge.inputs.images import decode
from desire_edge.models.backbones.frozen import FrozenStage, Report
from desire_edge.models.hashed import HASHED, hashed_tokens

FEATURES, WORDS = "features.safetensors", "words.safetensors"

Array = NDArray[np.float32]


def raw_input(dataset: Dataset, row: int) -> RawInput:
    """What a device is given of a row: its text, its vector, its pixels."""
    if dataset.texts is not None:
        return dataset.texts[row]
    if dataset.features is not None:
        vector: Array = dataset.features[row]
        return vector
    assert dataset.images is not None, "a data set has texts, features or images"
    image = dataset.images[row]
    return decode(image, f"picture {row}") if isinstance(image, bytes) else read_input(image)


def stage_features(stage: FrozenStage, dataset: Dataset, folder: Path, report: Report | None = None) -> Array:
    """Features [rows, width] of a data set, from the run's `folder` or the cache, or computed and kept in both.

    A computation that was stopped goes on where it was.
    """

    def made(partial: Path) -> Array:
        return stage.run(x_of(stage.input, dataset), dataset.rows, partial, report)

    return _once(made, stage.digest, dataset, folder / FEATURES, stage.width)


def hashed_words(stage: FrozenStage, dataset: Dataset, folder: Path) -> Array | None:
    """The words [rows, HASHED] beside a stage's features, kept as these are; None where it takes no text."""
    spec = stage.input
    if isinstance(spec, LexiconInput):
        wide = replace(spec, hashed=HASHED)

        def made(_: Path) -> Array:
            x = x_of(wide, dataset)
            return np.stack([x(row)[-HASHED:] for row in range(dataset.rows)])

    elif isinstance(spec, TokensInput):

        def made(_: Path) -> Array:
            x = x_of(spec, dataset)
            return hashed_tokens([x(row) for row in range(dataset.rows)], spec.vocabulary, spec.pad)

    else:
        return None
    return _once(made, f"{stage.digest} words", dataset, folder / WORDS, HASHED)


def _once(made: Callable[[Path], Array], maker: str, dataset: Dataset, mine: Path, width: int) -> Array:
    """[rows, width] from the run's file `mine` or the cache, or `made` beside a partial file, and kept in both."""
    digest = hashlib.sha256(f"{dataset.source}\n{dataset.rows}\n{maker}".encode()).hexdigest()
    shape = (dataset.rows, width)
    if (found := _kept(mine, digest, shape)) is not None:
        return found
    # Other columns of the same files are other data.
    columns = {kind: dataset.found.get(kind) for kind in ("text", "file", "vector")}
    key = hashlib.sha256(f"{digest}\n{json.dumps(columns)}".encode()).hexdigest()
    shared = cached("features") / f"{key}.safetensors"
    shared.parent.mkdir(parents=True, exist_ok=True)
    # Two that write what is done of the same would mix it up.
    with alone(shared.with_suffix(".lock")):
        found = _kept(shared, digest, shape)
        if found is None:
            partial = shared.with_suffix(".part")
            found = made(partial)
            with atomic_path(shared) as temporary:
                save_file({"features": found}, temporary, {"digest": digest})
            partial.unlink(missing_ok=True)
        with atomic_path(mine) as temporary:
            temporary.unlink()
            link_or_copy(shared, temporary)
    return found


def x_of(spec: InputSpec, dataset: Dataset) -> Callable[[int], NDArray[Any]]:
    """What gives x of a row; texts and vectors are gone through once."""

    def one(row: int) -> NDArray[Any]:
        x: NDArray[Any] = spec.features_of(raw_input(dataset, row), f"row {row}").x
        return x

    if dataset.texts is None:  # pictures are too many to hold
        return one
    rows = [one(row) for row in range(dataset.rows)]
    return rows.__getitem__


def _kept(path: Path, digest: str, shape: tuple[int, int]) -> Array | None:
    """The features kept at `path`; None where there are none, or of other data or of another stage."""
    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("digest") != digest:
                return None
            features: Array = file.get_tensor("features")
    except (OSError, SafetensorError):
        return None
    return features if features.shape == shape and features.dtype == np.float32 else None
