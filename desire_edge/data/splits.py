"""Which labels are base, validation and novel, and which rows each protocol may use."""

from __future__ import annotations

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
        order = np.random.RandomState(seed).permutation(len(train))
        held_out = round(HOLD_OUT_SHARE * len(train))
        train, query = np.sort(train[order[held_out:]]), np.sort(train[order[:held_out]])
    if protocol == "example-disjoint":
        seen = {_input_key(dataset, row) for row in train}
        query = np.array([row for row in query if _input_key(dataset, row) not in seen], dtype=np.int64)
    return ProtocolRows(train, train, query)


def _input_key(dataset: Dataset, row: np.int64) -> bytes | str:
    """Equal for two rows exactly if their x is equal."""
    if dataset.texts is not None:
        return text_key(dataset.texts[row])
    assert dataset.features is not None
    key: bytes = (dataset.features[row] + np.float32(0.0)).tobytes()  # -0.0 + 0.0 is 0.0: one zero, not two
    return key
