"""Which labels are base, validation and novel, and which rows each protocol may use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.data.dataset import Dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.words import text_key

Protocol = Literal["label-disjoint", "example-disjoint", "streaming"]
PROTOCOLS: tuple[Protocol, ...] = ("label-disjoint", "example-disjoint", "streaming")
# The split of the 975 tags of Delicious, and the share of the training file held out when settings are
# chosen.
DELICIOUS_SIZES = (600, 175, 200)
HOLD_OUT_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class LabelSplit:
    """Disjoint label indices into `Dataset.labels`, each int64, in the order of the permutation."""

    base: NDArray[np.int64]
    validation: NDArray[np.int64]
    novel: NDArray[np.int64]


def split_labels(count: int, seed: int, sizes: tuple[int, int, int] | None = None) -> LabelSplit:
    """Split `count` labels by `numpy.random.RandomState(seed).permutation(count)` into base, validation and
    novel.

    `sizes` defaults to 600/175/200 for the 975 tags of Delicious and to 60/15/25 % for any other count.
    Base labels come first in the permutation and novel ones last; if the sizes add up to less than `count`,
    those between the validation and the novel labels go unused. Raises `DesireEdgeError` if a part would be
    empty or the sizes do not fit.
    """
    if sizes is None:
        base, validation = round(0.6 * count), round(0.15 * count)
        sizes = (
            DELICIOUS_SIZES
            if count == sum(DELICIOUS_SIZES)
            else (base, validation, count - base - validation)
        )
    base, validation, novel = sizes
    if min(sizes) < 1 or sum(sizes) > count:
        raise DesireEdgeError(
            f"{count} labels cannot be split into {base} base, {validation} validation and {novel} novel "
            "ones; each part needs at least one label (so at least four in all), and no label stands in two"
        )
    order = np.random.RandomState(seed).permutation(count).astype(np.int64)
    return LabelSplit(order[:base], order[base : base + validation], order[count - novel :])


def given_labels(
    names: Sequence[str], seed: int, base: Sequence[str] | None, novel: Sequence[str] | None
) -> LabelSplit:
    """The split of the labels called `names` in which those of `base` and of `novel` are given.

    With both, the other labels are for validation, or, where there are none, a fifth of `base`. With one of them, the
    others are split as `split_labels` does, in the proportions 60 to 15 (base, validation) or 15 to 25 (validation,
    novel). All that is drawn is drawn by the permutation of `split_labels`. Raises `DesireEdgeError` for a name that
    is no label of the data or stands in both lists, and for a part that would be empty.
    """
    column = {name: index for index, name in enumerate(names)}
    for part, option in ((base, "base"), (novel, "novel")):
        if unknown := [name for name in part or () if name not in column]:
            raise DesireEdgeError(
                f"{len(unknown)} of the {option} labels are no labels of the data: {', '.join(unknown[:5])}; take "
                "them out of the list"
            )
    if both := sorted(set(base or ()) & set(novel or ())):
        raise DesireEdgeError(f"the label '{both[0]}' is named as base and as novel; choose one")
    order = np.random.RandomState(seed).permutation(len(names)).tolist()
    given = {column[name] for name in (*(base or ()), *(novel or ()))}
    rest = [label for label in order if label not in given]
    of_base, of_novel = (
        [label for label in order if names[label] in set(part or ())] for part in (base, novel)
    )
    if base is None:
        of_base, validation = rest[: round(0.8 * len(rest))], rest[round(0.8 * len(rest)) :]
    elif novel is None:
        validation, of_novel = rest[: round(0.375 * len(rest))], rest[round(0.375 * len(rest)) :]
    elif rest:
        validation = rest
    else:
        of_base, validation = of_base[: round(0.8 * len(of_base))], of_base[round(0.8 * len(of_base)) :]
    if not (of_base and validation and of_novel):
        raise DesireEdgeError(
            f"the given labels leave {len(of_base)} base, {len(validation)} validation and {len(of_novel)} novel "
            f"ones of {len(names)}; each part needs at least one"
        )
    return LabelSplit(*(np.array(part, np.int64) for part in (of_base, validation, of_novel)))


@dataclass(frozen=True, eq=False)
class ProtocolRows:
    """Row indices into a `Dataset`, each int64 and ascending.

    Attributes:
        train: the rows that pre-training and the training episodes see.
        support: the rows that the evaluated tasks draw support examples from.
        query: the rows that the evaluated tasks draw query examples from.
    """

    train: NDArray[np.int64]
    support: NDArray[np.int64]
    query: NDArray[np.int64]


def protocol_rows(dataset: Dataset, protocol: Protocol, *, hold_out: bool, seed: int) -> ProtocolRows:
    """The rows a protocol trains on and evaluates with.

    | protocol           | train, support     | query                                                   |
    |--------------------|--------------------|---------------------------------------------------------|
    | `label-disjoint`   | all rows           | all rows                                                |
    | `example-disjoint` | the training file  | the test file, less rows whose input is in the former   |
    | `streaming`        | the training file  | the test file                                           |

    With `hold_out` (for choosing settings on the validation labels) the test file is never touched: 15 % of
    the training file, drawn with `seed`, stands in for it and the other 85 % for the training file.
    `label-disjoint` is the same with and without.
    """
    if protocol not in PROTOCOLS:
        raise DesireEdgeError(f"no protocol is called {protocol!r}; there are {', '.join(PROTOCOLS)}")
    if protocol == "label-disjoint":
        everything = np.arange(dataset.rows, dtype=np.int64)
        return ProtocolRows(everything, everything, everything)
    train = np.flatnonzero(~dataset.test_rows).astype(np.int64)
    query = np.flatnonzero(dataset.test_rows).astype(np.int64)
    if hold_out:
        query = drawn_rows(train, HOLD_OUT_SHARE, seed, dataset.groups)
        train = np.setdiff1d(train, query)
    if protocol == "example-disjoint":
        seen = {_input_key(dataset, row) for row in train}
        query = np.array([row for row in query if _input_key(dataset, row) not in seen], dtype=np.int64)
    return ProtocolRows(train, train, query)


def drawn_rows(
    rows: NDArray[np.int64], share: float, seed: int, groups: Sequence[str | None] | None = None
) -> NDArray[np.int64]:
    """A share of `rows`, drawn with `seed`, ascending; with `groups`, of all rows, no group is drawn in part.

    Whole groups are drawn until they have that many rows.
    """
    order = np.random.RandomState(seed).permutation(len(rows))
    count = round(share * len(rows))
    if groups is None:
        return np.sort(rows[order[:count]]).astype(np.int64)
    members: dict[object, list[int]] = {}
    for row in rows[order].tolist():
        members.setdefault(row if groups[row] is None else groups[row], []).append(row)
    drawn: list[int] = []
    for group in members.values():
        if len(drawn) >= count:
            break
        drawn += group
    return np.sort(np.array(drawn, np.int64))


def _input_key(dataset: Dataset, row: np.int64) -> bytes | str:
    """Equal for two rows exactly if their x is equal; of pictures, if their files are."""
    if dataset.texts is not None:
        return text_key(dataset.texts[row])
    if dataset.images is not None:
        return hashlib.sha256(dataset.picture(int(row))).digest()
    assert dataset.features is not None
    key: bytes = (dataset.features[row] + np.float32(0.0)).tobytes()  # -0.0 + 0.0 is 0.0: one zero, not two
    return key
