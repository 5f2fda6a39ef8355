"""The base labels that an item is known to carry, which stand in for what the model sees of them in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names, columns


def known_rows(
    carried: Sequence[Iterable[str]], names: Sequence[str], base_labels: Sequence[str], model: str
) -> NDArray[np.float32]:
    """Known labels by name -> rows of 0 and 1, [n, B]; a row of zeros where nothing is known.

    Args:
        carried: the known labels of n items, base labels all.
        names: what errors call the items.
        base_labels: the B base labels, in order; none if the model does not use known labels.
        model: what errors call the model or bundle.

    Raises:
        DesireEdgeError: a name that is no base label, or known labels for a model that does not use them.
    """
    column = columns(base_labels)
    rows = np.zeros((len(names), len(base_labels)), np.float32)
    for row, labels, name in zip(rows, carried, names, strict=True):
        for label in check_names(labels, f"the known labels of {name}"):
            if not base_labels:
                raise DesireEdgeError(
                    f"{name} has known labels, but {model} does not use them; leave them away, or train with "
                    "--set meta.known_labels=1.0 and export again",
                    "known-unused",
                )
            if label not in column:
                raise DesireEdgeError(
                    f"{name}: the known label '{label}' is no base label of {model}; "
                    "`desire-edge info BUNDLE --json` lists them",
                    "known-unknown",
                )
            row[column[label]] = 1
    return rows
