"""Few-shot tasks, drawn from a label set and two pools of rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from desire_edge.data.splits import ProtocolRows
from desire_edge.errors import DesireEdgeError

# A task that cannot be filled is redrawn; labels so entangled that this many draws in a row fail are an
# error.
MAX_DRAWS = 1000


@dataclass(frozen=True, eq=False)
class Episode:
    """One N-way K-shot task, as indices (int64) into a data set's labels and rows.

    The full multi-hot targets are `dataset.targets[np.ix_(episode.support, episode.labels)]`, and so for
    the query.

    Attributes:
        labels: [N], distinct.
        support: [N * K], distinct rows; those drawn for `labels[i]` stand at `i * K : (i + 1) * K`.
        query: [Q], distinct rows, none of them in `support`; drawn label by label in the same order.
    """

    labels: NDArray[np.int64]
    support: NDArray[np.int64]
    query: NDArray[np.int64]


class EpisodeSampler:
    """Draws N-way K-shot tasks with `queries` query rows a label.

    N labels are drawn without replacement; for each, K support rows that carry it and then `queries` query
    rows that carry it. All rows of a task are distinct: no row is support twice, query twice, or both,
    though a row drawn for one label may carry others of the task, and its targets say so. A task that
    cannot be filled so is redrawn, labels included.

    A label is **eligible** if it has K support rows and, after these are taken, at least `queries` query
    rows are left for it; the redrawing carries the rule over to all N * K support rows of a task. With
    `eligible_only=False` every label with K support rows is drawn from, and one that is not eligible gives
    the query rows it has: min(`queries`, available), which may be none.

    With K = 0 a task has no support, and its labels go by their names alone.

    Attributes:
        eligible: int64, ascending; the eligible ones of `labels`.
        drawn: int64, ascending; the labels tasks are drawn from (`eligible`, or more without
        `eligible_only`).
    """

    def __init__(
        self,
        targets: NDArray[np.bool_],
        labels: NDArray[np.int64],
        support_rows: NDArray[np.int64],
        query_rows: NDArray[np.int64],
        *,
        ways: int,
        shots: int,
        queries: int = 15,
        eligible_only: bool = True,
    ) -> None:
        """Take bool `targets` [rows, L], and from them the columns `labels` and the two pools of rows (may
        overlap).

        Raises `DesireEdgeError` if `ways` or `queries` is below 1, `shots` below 0, or fewer than `ways` labels
        can be drawn.
        """
        if min(ways, queries) < 1 or shots < 0:
            raise DesireEdgeError(
                f"an episode needs at least one way and one query, not {ways} and {queries}, "
                f"and no fewer than 0 shots, not {shots}"
            )
        labels = np.unique(np.asarray(labels, dtype=np.int64))
        support_rows = np.unique(np.asarray(support_rows, dtype=np.int64))
        query_rows = np.unique(np.asarray(query_rows, dtype=np.int64))
        self.ways, self.shots, self.queries, self.eligible_only = ways, shots, queries, eligible_only
        self._support = _rows_by_label(targets, labels, support_rows)
        self._query = _rows_by_label(targets, labels, query_rows)
        shared = _rows_by_label(targets, labels, np.intersect1d(support_rows, query_rows))
        enough: list[int] = []
        fillable: list[int] = []
        for label in labels.tolist():
            available, in_query = len(self._support[label]), len(self._query[label])
            if available < shots:
                continue
            fillable.append(label)
            taken_from_query = max(0, shots - (available - len(shared[label])))
            if in_query - taken_from_query >= queries:
                enough.append(label)
        self.eligible = np.array(enough, dtype=np.int64)
        self.drawn = self.eligible if eligible_only else np.array(fillable, dtype=np.int64)
        if len(self.drawn) < ways:
            raise DesireEdgeError(
                f"only {len(self.drawn)} of {len(labels)} labels have {shots} support and {queries} query "
                f"rows, too few for {ways} ways; use fewer ways, shots or queries, or more examples a label"
            )

    def check(self) -> None:
        """Draw some tasks; raises `DesireEdgeError` where one cannot be drawn."""
        rng = np.random.default_rng(0)
        for _ in range(20):
            self.sample(rng)

    @classmethod
    def over(
        cls,
        rows: ProtocolRows,
        targets: NDArray[np.bool_],
        labels: NDArray[np.int64],
        *,
        ways: int,
        shots: int,
        queries: int = 15,
        eligible_only: bool = True,
    ) -> EpisodeSampler:
        """The sampler of the tasks that a protocol is evaluated with."""
        return cls(
            targets,
            labels,
            rows.support,
            rows.query,
            ways=ways,
            shots=shots,
            queries=queries,
            eligible_only=eligible_only,
        )

    def sample(self, rng: np.random.Generator) -> Episode:
        """Draw one task. The same generator state gives the same task."""
        for _ in range(MAX_DRAWS):
            labels = rng.choice(self.drawn, self.ways, replace=False)
            episode = self._fill(labels, rng)
            if episode is not None:
                return episode
        raise DesireEdgeError(
            f"{MAX_DRAWS} draws gave no {self.ways}-way {self.shots}-shot task with distinct rows, as the "
            "labels share too many examples; use fewer ways, shots or queries"
        )

    def _fill(self, labels: NDArray[np.int64], rng: np.random.Generator) -> Episode | None:
        """Draw the rows of a task with these labels, or return None if they run out."""
        used: set[int] = set()
        names = labels.tolist()
        support: dict[int, list[int]] = {}
        query: dict[int, list[int]] = {}
        # Rare labels choose first, so that a frequent one does not take the few rows they have.
        for label in sorted(names, key=lambda name: len(self._support[name])):
            support[label] = _draw(self._support[label], self.shots, used, rng)
            if len(support[label]) < self.shots:
                return None
        for label in sorted(names, key=lambda name: len(self._query[name])):
            query[label] = _draw(self._query[label], self.queries, used, rng)
            if len(query[label]) < self.queries and self.eligible_only:
                return None
        query_rows = [row for label in names for row in query[label]]
        if not query_rows:
            return None
        support_rows = [row for label in names for row in support[label]]
        return Episode(labels, np.array(support_rows, dtype=np.int64), np.array(query_rows, dtype=np.int64))


def _rows_by_label(
    targets: NDArray[np.bool_], labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> dict[int, NDArray[np.int64]]:
    """For each label the rows (of `rows`) that carry it, ascending."""
    position, column = np.nonzero(targets[np.ix_(rows, labels)])
    by_label = np.argsort(column, kind="stable")
    ends = np.searchsorted(column[by_label], np.arange(1, len(labels)))
    return dict(zip(labels.tolist(), np.split(rows[position[by_label]], ends), strict=True))


def _draw(rows: NDArray[np.int64], count: int, used: set[int], rng: np.random.Generator) -> list[int]:
    """Up to `count` rows not in `used`, uniformly without replacement; they are added to `used`.

    As many distinct rows as could all be needed, the used ones included, are drawn in one call.
    """
    picked: list[int] = []
    if not count:
        return picked
    for row in rng.choice(rows, min(len(rows), count + len(used)), replace=False).tolist():
        if row not in used:
            picked.append(row)
            if len(picked) == count:
                break
    used.update(picked)
    return picked
