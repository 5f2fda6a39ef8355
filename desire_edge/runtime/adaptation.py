"""From the support's features to what `head.onnx` reads, by the C++ core, which holds the policy of adapting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge import _core
from desire_edge.errors import DesireEdgeError

Array = NDArray[np.float32]
Model = _core.Model | _core.PriorModel
"""A head's arrays, packed."""
BY_LABEL = ("v", "l", "m", "b", "used")
"""The weights whose last axis is the labels."""
SAID = ("losses", "logits", "thresholds", "steps", "conditioning", "alpha")
"""What the core says of a task beside its weights."""


@dataclass(frozen=True, eq=False)
class AdaptedHead:
    """What the core makes of a task of S examples and N labels.

    Attributes:
        weights: a user's part: the inputs of `head.onnx` beside z and known_labels, of N labels; `used` is 1 in each.
        thresholds: [N], the probability from which each label is said to hold.
        losses: the support loss before each step kept and after the last; the head `prior` takes one.
        logits: [S, N], what the head says of the support examples.
        conditioning: the largest κ = ‖H W_2‖ / ‖W_Z(Z)‖ seen; 0 in the head `prior`.
        alpha: [S, N], the examples' weights in the head `prior`; None in the paper's.
    """

    weights: Mapping[str, Array]
    thresholds: NDArray[np.float64]
    losses: tuple[float, ...]
    logits: Array
    conditioning: float
    alpha: Array | None = None


def learn(
    model: Model,
    z: Array,
    targets: Array,
    mask: Array,
    w_novel: Array,
    known_labels: Array | None = None,
) -> AdaptedHead:
    """Teach the model labels by z [S, d], targets and mask [S, N], w_novel [d_w, N].

    A model that uses known labels takes them as `known_labels` [S, B] of 0 and 1, a row of zeros where there is none.

    Raises:
        DesireEdgeError: a size or value the core refuses, or an adaptation that does not stay finite.
    """
    with _refusals(len(z)):
        learned: Mapping[str, Any] = model.learn(
            z=_contiguous(z),
            targets=_contiguous(targets),
            mask=_contiguous(mask),
            w_novel=_contiguous(w_novel),
            known_labels=None if known_labels is None else _contiguous(known_labels),
            ways=targets.shape[1],
        )
    return AdaptedHead(
        weights={name: value for name, value in learned.items() if name not in SAID},
        thresholds=learned["thresholds"],
        losses=tuple(learned["losses"][: learned["steps"] + 1].tolist()),
        logits=learned["logits"],
        conditioning=learned["conditioning"],
        alpha=learned.get("alpha"),
    )


def padded(weights: Mapping[str, Array], ways: int) -> dict[str, Array]:
    """A task's weights as graphs of `ways` labels take them, 0 in those that are not used."""
    more = ways - len(weights["used"])
    return {
        name: np.pad(value, [(0, 0)] * (value.ndim - 1) + [(0, more)]) if name in BY_LABEL else value
        for name, value in weights.items()
    }


def _contiguous(array: NDArray[Any]) -> Array:
    return np.ascontiguousarray(array, np.float32)


@contextmanager
def _refusals(examples: int) -> Iterator[None]:
    """What the core says of so many examples that it cannot take, as an error of ours."""
    try:
        yield
    except MemoryError as error:
        raise DesireEdgeError(
            f"{examples} examples do not fit into this machine's memory; adapt with fewer"
        ) from error
    except _core.DivergedError as error:
        raise DesireEdgeError(
            "the labels could not be learned: the adaptation does not stay finite", "diverged"
        ) from error
    except ValueError as error:
        raise DesireEdgeError(f"the labels could not be learned: {error}") from error
