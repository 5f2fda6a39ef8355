"""What a data set holds, what is wrong with it, and what to do next."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from desire_edge.data.check import inputs, labels, repeats
from desire_edge.data.check.findings import Finding, placed
from desire_edge.data.dataset import Dataset
from desire_edge.lexicon import Lexicon

__all__ = ["Checked", "Finding", "check"]


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        name: of the data set.
        kind: of its examples: "text", "picture" or "vector".
        examples: how many there are, and `test_examples` how many of them are the test part.
        counts: each label and how many examples carry it, the most frequent first.
        labels_per_example: the mean.
        columns: what was read from which columns.
        languages: of texts, as `inputs.languages` guesses them.
        findings: what is wrong, or looks so.
        command: what trains on the data; None where `train` would refuse them.
        missing: what they lack to be trained on, a sentence; None where nothing.
    """

    name: str
    kind: str
    examples: int
    test_examples: int
    counts: tuple[tuple[str, int], ...]
    labels_per_example: float
    columns: Mapping[str, str]
    languages: Mapping[str, float]
    findings: tuple[Finding, ...]
    command: str | None
    missing: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "examples": self.examples,
            "test_examples": self.test_examples,
            "labels": len(self.counts),
            "labels_per_example": self.labels_per_example,
            "counts": dict(self.counts),
            "columns": dict(self.columns),
            "languages": dict(self.languages),
            "findings": [finding.to_json() for finding in self.findings],
            "command": self.command,
            "missing": self.missing,
        }


def check(
    dataset: Dataset,
    lexicon: Lexicon,
    command: str,
    report: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> Checked:
    """Look through `dataset`; `lexicon` says which words of label names are known, `command` what trains on it."""
    dataset = replace(dataset, places=placed(dataset))
    pictures = inputs.read_pictures(dataset, report)
    guessed = inputs.languages(dataset.texts or ())
    counts = dataset.targets.sum(axis=0)
    order = np.argsort(-counts, kind="stable").tolist()

    def findings() -> Iterator[Finding]:
        for warning in dataset.warnings:
            yield Finding("reading", warning)
        yield from inputs.check_pictures(dataset, pictures)
        yield from labels.check_counts(dataset)
        yield from labels.check_names(dataset, lexicon)
        yield from repeats.check_repeats(dataset, pictures, report)
        yield from inputs.check_texts(dataset)
        yield from inputs.check_languages(guessed)
        yield from inputs.check_vectors(dataset)

    all_findings = tuple(findings())
    missing = next((each.message for each in all_findings if each.code == "split"), None)
    return Checked(
        name=dataset.name,
        kind="text" if dataset.texts is not None else "picture" if dataset.images is not None else "vector",
        examples=dataset.rows,
        test_examples=int(dataset.test_rows.sum()),
        counts=tuple((dataset.labels[label], int(counts[label])) for label in order),
        labels_per_example=round(float(dataset.targets.sum(axis=1).mean()), 2),
        columns=dataset.found,
        languages=guessed,
        findings=all_findings,
        command=command if missing is None else None,
        missing=missing,
    )


def train_command(source: str, columns: Mapping[str, Any]) -> str:
    """The command that trains on the data at `source` with the columns that were named for the check."""
    words = ["desire-edge", "train", "--data", source]
    for field, value in columns.items():
        words += [f"--{field.replace('_', '-')}", ",".join(value) if isinstance(value, tuple) else value]
    return shlex.join(words)
