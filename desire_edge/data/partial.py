"""Which targets of a task's examples are known: a user seldom says of every example whether it carries every label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Targets = Literal["full", "half", "few-negatives", "single", "positives"]
TARGETS: tuple[Targets, ...] = get_args(Targets)
"""What is drawn depends on a kind's place here: new ones come after those that draw."""
FEW = 0.1
"""The share of the negatives that are known of `few-negatives`."""


def known_targets(kind: Targets, targets: NDArray[np.bool_], key: Sequence[int]) -> NDArray[np.bool_] | None:
    """Which of the targets [S, N] of a task are known, as bool [S, N]; None where all are.

    | kind            | known                                              |
    |-----------------|----------------------------------------------------|
    | `full`          | all                                                |
    | `half`          | each with a probability of ½                       |
    | `few-negatives` | the positives, and of the negatives a share of FEW |
    | `single`        | of each example the label that it was given for    |
    | `positives`     | the positives alone, all of them                   |

    `single` is single-positive learning (Cole et al., "Multi-label learning from single positive labels", CVPR 2021):
    an example was added for one label, and nobody said of the others whether it carries them too. `positives` hides
    nothing from those who take the unknown as negative, for then it is.

    Args:
        kind: which.
        targets: of the support, its rows label by label as an `Episode` has them.
        key: the seed of what is drawn, the same for every method; whole numbers from 0 up.
    """
    if kind == "full":
        return None
    if kind == "positives":
        return targets.copy()
    if kind == "single":
        rows, labels = targets.shape
        given = np.zeros_like(targets)
        given[np.arange(rows), np.arange(rows) * labels // max(1, rows)] = True
        return given
    drawn = np.random.default_rng([*key, TARGETS.index(kind)]).random(targets.shape)
    return drawn < 0.5 if kind == "half" else targets | (drawn < FEW)
