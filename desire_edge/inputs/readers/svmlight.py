"""svmlight's format with many labels, and that of the Extreme Classification Repository, whose first line counts.

A line is `3,17 4:1 9:0.25`: labels by number, then features by number. Described in T. Joachims, "Making Large-Scale
SVM Learning Practical", 1998; K. Bhatia et al., "The Extreme Classification Repository", 2016. The reader of
scikit-learn refuses an example without labels, which the repository's files have, and does not say on which line a
file is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request, Row
from desire_edge.inputs.files import text_of
from desire_edge.inputs.names import check_names
from desire_edge.inputs.readers.records import examples

ENDINGS = (".svm", ".svmlight", ".libsvm", ".txt")
NAME = "svmlight (.svm, .svmlight, .libsvm) or a file of the XC repository (.txt)"
_COUNTS = re.compile(r"[ \t]*(\d{1,10})[ \t]+(\d{1,10})[ \t]+(\d{1,10})[ \t]*\r?")
_LABELS = re.compile(r"\d{1,10}(?:\.0*)?(?:,\d{1,10}(?:\.0*)?)*")
MOST_FEATURES = 10**9


@dataclass(frozen=True, eq=False)
class SparseVector(Mapping[str, float]):
    """Sparse features by index, as strings: `indices` int64 [n], ascending, and their `values` float64 [n]."""

    indices: NDArray[np.int64]
    numbers: NDArray[np.float64]

    def __getitem__(self, name: str) -> float:
        """The value of the feature whose index `name` is."""
        index = int(name) if name.isascii() and name.isdigit() else -1
        place = int(np.searchsorted(self.indices, index))
        if place == len(self.indices) or self.indices[place] != index:
            raise KeyError(name)
        return float(self.numbers[place])

    def __iter__(self) -> Iterator[str]:
        """The features that are there."""
        return map(str, self.indices.tolist())

    def __len__(self) -> int:
        """How many features are there."""
        return len(self.indices)


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`.

    With a first line of three counts (rows, features, labels) numbers begin at 0; without one features begin at 1,
    unless one is 0. Names of labels stand in labels.txt, Y.txt or NAME.labels beside the file, one a line from number
    0 on; without one of these the numbers are the names.
    """
    lines = text_of(request.content(path), str(path)).removesuffix("\n").split("\n")
    counts = _COUNTS.fullmatch(lines[0])
    if path.suffix.lower() == ".txt" and not counts:
        raise DesireEdgeError(
            f"{path} is a text without labels; a .txt file of many examples begins with a line of three counts: rows, "
            "features and labels, as in the XC repository",
            "file-kind",
        )
    rows: list[Row] = []
    for number, line in enumerate(lines[1:] if counts else lines, start=2 if counts else 1):
        content = line.partition("#")[0]
        if content.strip() or (counts and len(rows) < int(counts[1])):
            rows.append(_row(content, Place(str(path), number), request))
            request.check_count(len(rows), path)
    if counts and len(rows) != int(counts[1]):
        raise DesireEdgeError(
            f"{path} has {len(rows)} rows, and its first line says {counts[1]}; get the file again"
        )
    names = _label_names(path, request) if request.labelled else None
    least, most = _range(rows)
    first = 0 if counts or least == 0 else 1
    width = int(counts[2]) if counts else most + 1 - first
    if counts and most >= width:
        raise DesireEdgeError(
            f"{path} has a feature {most}, and its first line says that there are {width}, from 0"
        )
    if first:
        rows = [
            replace(row, raw=SparseVector(row.raw.indices - 1, row.raw.numbers))
            for row in rows
            if isinstance(row.raw, SparseVector)
        ]
    if names is not None:
        rows = [replace(row, labels=_named(row, names[1], names[0])) for row in rows]
    found = {
        "vector": f"{width} features",
        "labels": f"numbers, named by {names[0].name}" if names else "numbers",
    }
    files = (path, names[0]) if names else (path,)
    read = examples(path, tuple(rows), found, files, request)
    return replace(read, features=width, label_names=tuple(names[1]) if names else ())


def _row(line: str, place: Place, request: Request) -> Row:
    """One line: its labels as they are written, its features as they are numbered."""
    parts = line.split()
    labels: tuple[str, ...] = ()
    if parts and ":" not in parts[0]:
        if not _LABELS.fullmatch(parts[0]):
            raise DesireEdgeError(
                f"{place}: expected labels by number, as in 3,17, and found {parts[0][:40]!r}", "names-type"
            )
        labels = tuple(str(int(label.partition(".")[0])) for label in parts[0].split(","))
        parts = parts[1:]
    group = parts.pop(0)[4:] if parts and parts[0].startswith("qid:") else None
    try:
        pairs = [part.split(":") for part in parts]
        indices = np.array([int(index) for index, _ in pairs], np.int64)
        values = np.array([float(value) for _, value in pairs], np.float64)
    except (ValueError, OverflowError):
        raise DesireEdgeError(
            f"{place}: expected features by number, as in 4:1 9:0.25, and found {line.strip()[:60]!r}",
            "input-type",
        ) from None
    order = np.argsort(indices, kind="stable")
    indices, values = indices[order], values[order]
    if len(indices) and (indices[0] < 0 or indices[-1] >= MOST_FEATURES):
        raise DesireEdgeError(
            f"{place}: features are numbered from 0 to {MOST_FEATURES - 1}", "input-feature"
        )
    if (twice := np.flatnonzero(np.diff(indices) == 0)).size:
        raise DesireEdgeError(f"{place}: the feature {indices[twice[0]]} is there twice", "input-feature")
    return Row(
        SparseVector(indices, values),
        place,
        check_names(labels, str(place)) if request.labelled else (),
        group=group,
    )


def _range(rows: list[Row]) -> tuple[int, int]:
    """The least and the greatest number of a feature; (1, 0) where there is none."""
    ends = [row.raw.indices[[0, -1]] for row in rows if isinstance(row.raw, SparseVector) and len(row.raw)]
    return (int(min(end[0] for end in ends)), int(max(end[1] for end in ends))) if ends else (1, 0)


def _label_names(path: Path, request: Request) -> tuple[Path, list[str]] | None:
    """The names of labels in the file beside `path` that holds them, and the file; None where there is none."""
    for file in (path.with_suffix(".labels"), path.with_name("labels.txt"), path.with_name("Y.txt")):
        if file.is_file():
            names = text_of(request.content(file), str(file)).splitlines()
            return file, [name.rpartition("->")[2] if file.name == "Y.txt" else name for name in names]
    return None


def _named(row: Row, names: list[str], file: Path) -> tuple[str, ...]:
    for label in row.labels:
        if int(label) >= len(names):
            raise DesireEdgeError(
                f"{row.place}: the label {label} has no name in {file}, which has {len(names)} lines, the first for "
                "label 0"
            )
    return check_names([names[int(label)] for label in row.labels], str(row.place))
