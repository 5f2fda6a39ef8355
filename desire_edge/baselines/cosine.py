"""Cosine to the label's name."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from desire_edge.baselines.plain import PlainBaseline, PlainTask, Setting, grid


class Cosine(PlainBaseline):
    """The cosine between an example and a label's name, both centred: what a user of an embedding model writes first.

    It needs no examples. Where examples and names share no space, a closed-form map learned from the base labels
    brings the former to the latter (`eszsl`); where they do, validation says whether that map is better.
    """

    NAME: ClassVar[str] = "cosine"
    TITLE: ClassVar[str] = "cosine to the name"
    NEEDS_EXAMPLES: ClassVar[bool] = False

    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """The spaces to compare in."""
        return grid(space=tuple(task.cosines))

    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """The cosines, [Q, N]."""
        return task.cosines[setting["space"]]
