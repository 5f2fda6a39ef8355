"""What a user would write instead: a few lines of scikit-learn on frozen features, one task at a time.

Unlike the methods of the comparison nothing is meta-learned here, and there is no torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

Setting = Mapping[str, Any]
"""Names and JSON values: what of a baseline is chosen on validation labels."""


@dataclass(frozen=True, eq=False)
class PlainTask:
    """One task as a user of scikit-learn has it: S examples with targets, Q to be scored, and N labels' names.

    Attributes:
        support, query: features by the name of their kind, [S, width] and [Q, width] float32.
        targets: [S, N] bool; False where the target is unknown.
        cosines: [Q, N] float32 between each query example and each label's name, by the space they are compared in.
        support_cosines: the same of the support, [S, N].
        mapped: the same as `cosines`, but by closed-form maps alone, by their penalty (`eszsl`).
        base_scores: of the base labels, unit rows, for the support [S, B] and the query [Q, B] float32.
        inferred: [Q, N] float32, what these say of the labels by their names alone.
        labels: the N names.
        known: [S, N] bool, which targets are known; None where all are.
        support_texts, query_texts: the raw texts; None where the examples are no texts.
        corpus: words and their idf in the texts that training saw; None likewise.
    """

    support: Mapping[str, NDArray[np.float32]]
    query: Mapping[str, NDArray[np.float32]]
    targets: NDArray[np.bool_]
    cosines: Mapping[str, NDArray[np.float32]]
    support_cosines: Mapping[str, NDArray[np.float32]]
    mapped: Mapping[float, NDArray[np.float32]]
    base_scores: tuple[NDArray[np.float32], NDArray[np.float32]]
    inferred: NDArray[np.float32]
    labels: tuple[str, ...]
    known: NDArray[np.bool_] | None = None
    support_texts: tuple[str, ...] | None = None
    query_texts: tuple[str, ...] | None = None
    corpus: TfidfVectorizer | None = None


class PlainBaseline(ABC):
    """Scores of a task's query examples, with settings that are chosen on tasks over validation labels.

    Attributes:
        NAME, TITLE: of its row.
        NEEDS_EXAMPLES, NEEDS_TEXTS: what a task must have.
        DECISION: the score from which on a user would say yes; of log odds 0, a probability of one half.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    NEEDS_EXAMPLES: ClassVar[bool] = True
    NEEDS_TEXTS: ClassVar[bool] = False
    DECISION: ClassVar[float] = 0.0

    @abstractmethod
    def settings(self, task: PlainTask) -> tuple[Setting, ...]:
        """What can be chosen from for tasks like this one; the first is what to take where nothing can be chosen."""

    @abstractmethod
    def scores(self, task: PlainTask, setting: Setting) -> NDArray[np.floating]:
        """Fit the task's support and score its query examples: [Q, N], higher where the label is likelier."""

    def probabilities(self, scores: NDArray[np.floating]) -> NDArray[np.floating] | None:
        """What the scores [Q, N] say as probabilities; None where they are not meant so."""
        return None

    def fits(self, task: PlainTask) -> bool:
        """Whether the task has what this baseline needs."""
        return (not self.NEEDS_EXAMPLES or len(task.targets) > 0) and (
            not self.NEEDS_TEXTS or task.support_texts is not None
        )


def unknowns(task: PlainTask) -> dict[str, tuple[str, ...]]:
    """What a user can make of unknown targets, as a choice for `grid`: take them as negative, or leave them out."""
    return {} if task.known is None else {"unknown": ("negative", "left out")}


def counted(task: PlainTask, unknown: str | None) -> NDArray[np.bool_]:
    """Which targets count under such a choice, [S, N]."""
    if task.known is None or unknown != "left out":
        return np.ones_like(task.targets)
    return task.known


def grid(**choices: tuple[Any, ...]) -> tuple[Setting, ...]:
    """Every combination of the choices, the first of each coming first."""
    return tuple(dict(zip(choices, values, strict=True)) for values in product(*choices.values()))
