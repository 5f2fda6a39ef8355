"""One batch of several users' inputs: the extractor once, then each user's head."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.rows import Inputs, NameLists, input_rows, name_rows
from desire_edge.inputs.spec import unknown_texts
from desire_edge.runtime.heads.explained import base_scores, logistic
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.part import Part
from desire_edge.runtime.predictor import Predictor
from desire_edge.runtime.task import Task

AT_ONCE = 4096
"""About how many examples are in memory together."""

Array = NDArray[np.float32]


def predict_many(
    bundle: OpenedBundle,
    users: Sequence[Task | Predictor],
    inputs: Inputs,
    known_labels: NameLists | None,
) -> list[Array]:
    """Probabilities [N] of each user's labels for one input each; see `Bundle.predict_many`."""
    rows = input_rows(inputs, "predict_many", "input")
    if len(rows) != len(users):
        raise DesireEdgeError(
            f"there must be one input a user, and there are {len(rows)} for {len(users)} users"
        )
    names = [f"input {index}" for index in range(len(rows))]
    parts = [_part_of(bundle, user) for user in users]
    said = bundle.manifest
    told: Array | None = None
    if said.known_labels:
        lists = [()] * len(rows) if known_labels is None else name_rows(known_labels, "known_labels", "input")
        told = known_rows(lists, names, said.base_labels, str(bundle.path))
    elif known_labels is not None:
        raise DesireEdgeError(f"{bundle.path}: this model uses no known labels")
    features = [said.input.features_of(raw, name) for raw, name in zip(rows, names, strict=True)]
    for warning in unknown_texts(features, names):
        warnings.warn(warning, stacklevel=3)
    z = bundle.extract(features)
    scores = base_scores(z, bundle.semantics.w_base, told)
    mine: dict[int, list[int]] = {}
    for row, part in enumerate(parts):
        mine.setdefault(id(part), []).append(row)
    found: list[Array] = [np.zeros(0, np.float32)] * len(rows)
    for places in mine.values():
        weights = {name.removeprefix("task."): value for name, value in parts[places[0]].weights.items()}
        probabilities = logistic(bundle.semantics.logits(weights, z[places], scores[places]))
        for row, values in zip(places, probabilities, strict=True):
            found[row] = values
    return found


def _part_of(bundle: OpenedBundle, user: Task | Predictor) -> Part:
    """The part of a user of this bundle."""
    part = user.part
    if part is None or part.base != bundle.origin.extractor:
        raise DesireEdgeError(
            "predict_many takes tasks of this bundle, and what Bundle.predictor opens of theirs",
            "task-bundle",
        )
    return part
