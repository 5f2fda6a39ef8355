"""Labels: how many examples they have, whether tasks can be drawn from them, and what their names say."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from desire_edge.data.check.findings import Finding, counted
from desire_edge.data.dataset import Dataset
from desire_edge.data.episodes import EpisodeSampler
from desire_edge.data.splits import protocol_rows, split_labels
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon, fold

SHOTS, TRAINING_QUERIES, QUERIES = 1, 5, 15
"""Of the smallest training task, and of those that `evaluate` draws by default."""
TRAINING_WAYS, TRAINING_SHOTS = 2, 5
"""Without so many labels with so many examples, the recipes of the head `paper` refuse the data."""

EVERYWHERE = 0.9  # the share of all examples from which a label tells them apart no more
_BETWEEN = re.compile(r"[\s_./'’-]+")  # what names may be spelt with or without
_SPLIT_SEED = 0  # as `train` splits by default


def check_counts(dataset: Dataset) -> Iterator[Finding]:
    """Labels with too few or nearly all examples, examples without a label, tasks that cannot be drawn."""
    counts = dataset.targets.sum(axis=0)
    for least, code, what in (
        (SHOTS + TRAINING_QUERIES, "labels-rare", "training hardly uses them"),
        (SHOTS + QUERIES, "labels-few", "`evaluate` cannot measure them"),
    ):
        rare = np.flatnonzero(counts < least)
        if len(rare):
            yield Finding(
                code,
                f"{counted(len(rare), 'label')} of {len(counts)} with fewer than {least} examples, so that {what}; "
                "merge such labels into broader ones, or add examples",
                tuple(f"'{dataset.labels[label]}' ({counts[label]})" for label in rare.tolist()),
            )
    common = np.flatnonzero(counts > EVERYWHERE * dataset.rows)
    if len(common) and dataset.rows >= SHOTS + QUERIES:
        yield Finding(
            "labels-everywhere",
            f"{counted(len(common), 'label')} on more than {EVERYWHERE:.0%} of the examples, which says little of "
            "any of them; leave such labels out",
            tuple(f"'{dataset.labels[label]}' ({counts[label]})" for label in common.tolist()),
        )
    if bare := int((~dataset.targets.any(axis=1)).sum()):
        yield Finding(
            "unlabelled",
            f"{counted(bare, 'example')} without a label; each counts as one that carries none of the labels, so take "
            "out those that nobody has looked at",
        )
    yield from check_tasks(dataset)


def check_tasks(dataset: Dataset) -> Iterator[Finding]:
    """Whether the tasks that training and `evaluate` draw by default can be drawn from the labels' default split."""
    try:
        split = split_labels(len(dataset.labels), _SPLIT_SEED)
        rows = protocol_rows(dataset, "example-disjoint", hold_out=False, seed=_SPLIT_SEED)
    except DesireEdgeError as error:
        yield Finding("split", str(error))
        return
    try:
        EpisodeSampler(
            dataset.targets,
            split.base,
            rows.train,
            rows.train,
            ways=TRAINING_WAYS,
            shots=TRAINING_SHOTS,
            queries=TRAINING_QUERIES,
        ).check()
    except DesireEdgeError as error:
        yield Finding(
            "training",
            f"the {len(split.base)} base labels are too few, or have too few examples, to learn from them how far "
            f"names and examples are to be trusted, so that `train` goes by cautious defaults, and `--recipe paper` "
            f"refuses: {error}",
        )
    for what, labels, pools, ways, queries in (
        ("choosing settings", split.validation, (rows.support, rows.query), 2, QUERIES),
        ("`evaluate`", split.novel, (rows.support, rows.query), 5, QUERIES),
    ):
        try:
            sampler = EpisodeSampler(
                dataset.targets, labels, *pools, ways=ways, shots=SHOTS, queries=queries, eligible_only=False
            )
        except DesireEdgeError as error:
            yield Finding("tasks", f"{what} cannot draw its tasks: {error}")
            continue
        if len(sampler.eligible) < ways:
            yield Finding(
                "tasks-thin",
                f"{what} finds {queries} examples to ask about for {len(sampler.eligible)} of its {len(labels)} labels "
                "and goes by fewer for the others, so its figures are rough; add examples, or merge labels",
            )


def check_names(dataset: Dataset, lexicon: Lexicon) -> Iterator[Finding]:
    """Names that nothing is known of, and names that are hard to tell apart."""
    matrix = lexicon.label_matrix(dataset.labels)
    entries = [entry for entry in matrix.entries if entry.how in ("seeded", "ngrams")]
    if entries:
        yield Finding(
            "names-unknown",
            f"{counted(len(entries), 'label name')} of which no word is known, so that the name says little or "
            "nothing of what it means; spell them out in English words",
            tuple(f"'{entry.name}'" for entry in entries),
        )
    alike: dict[str, list[str]] = defaultdict(list)
    for name in dataset.labels:
        alike[_BETWEEN.sub("", fold(name)) or name].append(name)
    twins = [names for names in alike.values() if len(names) > 1]
    if twins:
        yield Finding(
            "names-alike",
            f"{counted(len(twins), 'name')} spelt in more than one way, each of which is a label of its own; spell "
            "each in one way",
            tuple(" and ".join(f"'{name}'" for name in names) for names in twins),
        )
    for warning in matrix.warnings:
        yield Finding("names-vectors", warning)
