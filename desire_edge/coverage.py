"""Sets of labels that state how often they hold what is true: split conformal prediction over labels.

A set of coverage c holds a label that is true of an input with a probability of at least c. Its rule is one number: a
label belongs to the set from some log odds on, above what the share of its positives among the examples is worth.
Training takes that number from labels and rows that nothing was fitted on, as a quantile with the correction for a
finite sample (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Angelopoulos and Bates,
Conformal Prediction: A Gentle Introduction, 2023).

What is exchangeable are **labels, not rows**: the inputs of a label are alike, and so are the tasks that it takes part
in, so that many of them say little more than one. A new label is to the validation labels what one of these is to the
others, as the split is random. Hence every label weighs the same however many scores it has, and the label to come
counts as one that may lie anywhere (Lee, Barber and Willett, Distribution-Free Inference with Hierarchical Data, 2023):
L labels state a coverage of at most L / (L + 1).

One number does not do for all labels: those that go by their names alone, that have negatives only, and that have more
or fewer positives each have one of their own.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = (0.8, 0.9, 0.95)
POSITIVES = (1, 2, 5, 10)
"""A label's positives, from which on it has a number of its own."""
BY_NAME, NEGATIVES = 0, -1
"""The kinds of label that have no positives: of which nothing is known, and of which negatives are."""
MAX_LEVELS, MAX_POSITIVES, MAX_LOG_ODDS = 16, 4096, 1e6  # a bundle is hostile until checked


def kind_of(positives: int, negatives: int, kinds: Sequence[int] = POSITIVES) -> int:
    """Which of the numbers a label goes by: the largest of `kinds` that is not above its positives.

    More positives only make a true label's log odds larger, so that a number for fewer still holds.
    """
    if not positives:
        return NEGATIVES if negatives else BY_NAME
    return max((kind for kind in kinds if kind <= positives), default=NEGATIVES)


def lift(positives: int, examples: int) -> float:
    """The log odds of a positive among all examples of which something is known, where it is rare there; else 0.

    The more labels a task has, the rarer each is among its examples, and the lower are its log odds. An example of
    which only others are known counts against a label as a negative does: to a head that learns from positives alone
    it is one, in part.
    """
    others = examples - positives
    return math.log(positives / others) if 0 < positives < others else 0.0


@dataclass(frozen=True)
class Coverage:
    """From where on a label belongs to the set of one coverage, in log odds above its `lift`.

    None where too few labels say it: then every such label belongs to the set.

    Attributes:
        level: the coverage.
        by_name: of labels of which nothing is known.
        negatives: of labels that have negatives only.
        examples: of those with at least so many positives, the fewest first.
    """

    level: float
    by_name: float | None
    negatives: float | None
    examples: tuple[tuple[int, float], ...]

    def limit(self, positives: int, negatives: int, examples: int) -> float:
        """The probability from which a label belongs to the set.

        Args:
            positives: examples known to carry it.
            negatives: examples known not to.
            examples: those of which anything is known.
        """
        numbers: dict[int, float | None] = {
            BY_NAME: self.by_name,
            NEGATIVES: self.negatives,
            **dict(self.examples),
        }
        number = numbers[kind_of(positives, negatives, [count for count, _ in self.examples])]
        if number is None:
            return 0.0
        log_odds = number + lift(positives, examples)
        return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0

    def limits(self, targets: NDArray[Any], mask: NDArray[Any]) -> tuple[float, ...]:
        """The probability from which each of N labels belongs to the set.

        Args:
            targets: [S, N] of 0 and 1.
            mask: [S, N], 1 where the target is known.
        """
        known = np.asarray(mask, bool)
        carried = np.asarray(targets, bool) & known
        counts = zip(carried.sum(axis=0).tolist(), (known & ~carried).sum(axis=0).tolist(), strict=True)
        examples = int(known.any(axis=1).sum())
        return tuple(self.limit(positives, negatives, examples) for positives, negatives in counts)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "level": self.level,
            "by_name": self.by_name,
            "negatives": self.negatives,
            "examples": [list(pair) for pair in self.examples],
        }

    @classmethod
    def all_from_json(cls, values: Any) -> tuple[Coverage, ...]:
        """The coverages that a bundle states, checked, the lowest first.

        Raises:
            TypeError, ValueError: anything else.
        """
        if not isinstance(values, list) or len(values) > MAX_LEVELS:
            raise ValueError(f"coverage is {reprlib.repr(values)}, not a list of at most {MAX_LEVELS}")
        found = tuple(map(cls._from_json, values))
        levels = [one.level for one in found]
        if levels != sorted(set(levels)):
            raise ValueError("the coverages do not ascend")
        return found

    @classmethod
    def _from_json(cls, values: Any) -> Coverage:
        if not isinstance(values, dict) or set(values) != {"level", "by_name", "negatives", "examples"}:
            raise ValueError(f"a coverage is {reprlib.repr(values)}")
        level, examples = values["level"], values["examples"]
        if isinstance(level, bool) or not isinstance(level, float) or not 0 < level < 1:
            raise ValueError(f"a coverage is {reprlib.repr(level)}, not a number between 0 and 1")
        if not isinstance(examples, list) or any(
            not isinstance(pair, list) or len(pair) != 2 for pair in examples
        ):
            raise ValueError(f"a coverage's examples are {reprlib.repr(examples)}")
        counts = [count for count, _ in examples]
        if any(
            isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_POSITIVES
            for count in counts
        ) or counts != sorted(set(counts)):
            raise ValueError(f"a coverage's numbers of examples are {reprlib.repr(counts)}")
        by_name, negatives = (
            None if values[kind] is None else _log_odds(values[kind]) for kind in ("by_name", "negatives")
        )
        return cls(level, by_name, negatives, tuple((count, _log_odds(number)) for count, number in examples))


def _log_odds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_LOG_ODDS:
        raise ValueError(f"a coverage's log odds are {reprlib.repr(value)}")
    return float(value)


def quantile(scores: Sequence[NDArray[np.floating]], level: float) -> float | None:
    """The largest number that a score of a new label reaches with a probability of at least `level`.

    With one score a label it is the ⌈(L + 1) · level⌉-th largest of L.

    Args:
        scores: those of each of L labels, one or more.
        level: between 0 and 1.

    Returns:
        None where the labels are too few to say it.
    """
    if not scores:
        return None
    values = np.concatenate(scores)
    weights = np.concatenate([np.full(len(one), 1 / len(one)) for one in scores])
    falling = np.argsort(-values, kind="stable")
    reached = np.cumsum(weights[falling])
    enough = reached >= level * (len(scores) + 1) - 1e-9
    return float(values[falling][enough.argmax()]) if enough.any() else None
