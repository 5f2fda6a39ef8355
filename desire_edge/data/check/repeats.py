"""Examples that are there twice, or nearly, and twins of which one trains what the other tests."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.data.check.findings import Finding, counted
from desire_edge.data.check.inputs import Picture
from desire_edge.data.dataset import Dataset
from desire_edge.data.duplicates import look_alikes, near_duplicates

Progress = Callable[[str, int, int], None]


def check_repeats(dataset: Dataset, pictures: Sequence[Picture], report: Progress) -> Iterator[Finding]:
    """Exact duplicates, near-duplicates and twins; `pictures` are those of a data set of pictures, else []."""
    rows = np.arange(dataset.rows)
    exact = first_rows(_keys(dataset, pictures))
    again = np.flatnonzero(exact != rows)
    same = (dataset.targets[again] == dataset.targets[exact[again]]).all(axis=1)
    yield from _repeats(
        dataset, exact, again[same], "duplicates", "repeat an earlier one, labels and all; keep one of each"
    )
    yield from _repeats(
        dataset,
        exact,
        again[~same],
        "duplicates-differ",
        "repeat an earlier one but have other labels; keep one of each, with the labels that are right",
    )
    distinct = np.flatnonzero(exact == rows)
    first = exact.copy()
    first[distinct] = distinct[_near(dataset, distinct, pictures, report)]
    yield from _repeats(
        dataset,
        first,
        np.flatnonzero((exact == rows) & (first != rows)),
        "near-duplicates",
        "are nearly the same as an earlier one; keep one of each where they are the same item",
    )
    yield from _twins(dataset, first[exact])


def first_rows(keys: Sequence[Hashable]) -> NDArray[np.int64]:
    """For each row the first one with the same key."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(key, row) for row, key in enumerate(keys)], dtype=np.int64)


def _keys(dataset: Dataset, pictures: Sequence[Picture]) -> list[Hashable]:
    """What is the same for two rows if they are: of texts, whatever the capital letters and white space."""
    if dataset.texts is not None:
        return [" ".join(text.lower().split()) for text in dataset.texts]
    if dataset.features is not None:
        return [(row + np.float32(0.0)).tobytes() for row in dataset.features]  # -0.0 is 0.0
    return [picture.digest for picture in pictures]


def _near(
    dataset: Dataset, rows: NDArray[np.int64], pictures: Sequence[Picture], report: Progress
) -> NDArray[np.int64]:
    """For each of `rows` the place in them of the first near-duplicate; of vectors nothing but equality is known."""
    if dataset.texts is not None:
        texts = [dataset.texts[row] for row in rows.tolist()]
        return near_duplicates(texts, lambda done, total: report("near-duplicates", done, total))
    if dataset.images is not None:
        return look_alikes([pictures[row].hashed for row in rows.tolist()])
    return np.arange(len(rows), dtype=np.int64)


def _repeats(
    dataset: Dataset, first: NDArray[np.int64], rows: NDArray[np.int64], code: str, how: str
) -> Iterator[Finding]:
    if len(rows):
        pairs = zip(rows.tolist(), first[rows].tolist(), strict=True)
        where = (f"{dataset.places[row]} like {dataset.places[other]}" for row, other in pairs)
        yield Finding(code, f"{counted(len(rows), 'example')} that {how}", tuple(where))


def _twins(dataset: Dataset, first: NDArray[np.int64]) -> Iterator[Finding]:
    """Test rows that have the first row of their cluster in common with a training row."""
    twins = np.flatnonzero(dataset.test_rows & np.isin(first, first[~dataset.test_rows]))
    if len(twins):
        yield Finding(
            "twins",
            f"{counted(len(twins), 'test example')} of {int(dataset.test_rows.sum())} with a duplicate or near-"
            "duplicate in the training part, so that what is measured flatters; take them out, or name a column with "
            "--group that says which examples belong together",
            tuple(dataset.places[row] for row in twins.tolist()),
        )
