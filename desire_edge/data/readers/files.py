"""Data sets in files of the user's own, of any format that `desire_edge.inputs.readers` reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.data.dataset import Dataset
from desire_edge.data.splits import drawn_rows
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.assets import sha256_of
from desire_edge.inputs.examples import Columns, Examples, Row, Stored
from desire_edge.inputs.names import clean_name
from desire_edge.inputs.readers import format_of, read_examples
from desire_edge.inputs.readers.columns import TEST, TRAIN
from desire_edge.inputs.readers.svmlight import SparseVector

SOURCE = "the path of a file or folder of examples"
# The share of a data set that serves as its test part where it has none, drawn with a fixed seed: the same file, the
# same part.
TEST_SHARE = 0.2
TEST_SEED = 0
NAMES_SHOWN = 5
MOST_NUMBERS = 2**31  # of a matrix in memory, 8 GiB


def reads(source: str) -> bool:
    """Whether `source` is a path: it is there, or ends like a file of examples."""
    return Path(source).exists() or format_of(Path(source)) is not None


def name_of(path: Path) -> str:
    """What the data set at `path` is called, which may be ".", the folder that one is in."""
    return (path if path.name not in ("", "..") else path.resolve()).stem


def load_files(path: Path | str, columns: Columns | None = None, test: Path | str | None = None) -> Dataset:
    """Read a data set from the file or folder at `path`, of any format.

    Labels are the distinct names that examples carry, in alphabetical order. The test part is what the data say it
    is, by a column or folders of splits (validation rows count as training rows: settings are chosen on labels of
    their own), or the file `test`, with the same columns; else a fixed, seeded 20 % of the examples, whole groups
    where there are groups.

    Raises:
        DesireEdgeError: a file cannot be read, or names the file, the line or row, the column and how to mend it.
    """
    path = Path(path)
    parts = [read_examples(path, columns)]
    if test is not None:
        parts.append(read_examples(test, columns))
    rows = [row for part in parts for row in part.rows]
    labels = tuple(sorted({name for row in rows for name in row.labels}))
    if not labels:
        raise DesireEdgeError(
            f'{path} has no labelled example; each is like {{"text": "...", "labels": ["..."]}} in JSON Lines'
        )
    column = {name: index for index, name in enumerate(labels)}
    targets = np.zeros((len(rows), len(labels)), dtype=np.bool_)
    for index, row in enumerate(rows):
        targets[index, [column[name] for name in row.labels]] = True
    groups = tuple(row.group for row in rows) if any(row.group is not None for row in rows) else None
    features, feature_names, texts, images = _inputs(rows, parts)
    return Dataset(
        name=name_of(path),
        labels=labels,
        targets=targets,
        test_rows=_test_rows(rows, groups, len(parts[0].rows) if test is not None else None, path),
        features=features,
        feature_names=feature_names,
        texts=texts,
        source=", ".join(f"{part.path.name} (sha256 {digest(part)})" for part in parts),
        images=images,
        groups=groups,
        places=tuple(row.name for row in rows),
        found=parts[0].found,
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings))
        + _unused_labels(parts, labels),
    )


def _unused_labels(parts: Sequence[Examples], labels: Sequence[str]) -> tuple[str, ...]:
    """A warning of names that the data give labels which no example carries: nothing can be learned of these."""
    named = {clean_name(name) for part in parts for name in part.label_names}
    unused = sorted(named - set(labels))
    if not unused:
        return ()
    more = f" and {len(unused) - NAMES_SHOWN} more" if len(unused) > NAMES_SHOWN else ""
    names = ", ".join(f"'{name}'" for name in unused[:NAMES_SHOWN])
    return (f"{parts[0].path}: no example carries the labels {names}{more}, so they are left out",)


def digest(examples: Examples) -> str:
    """The SHA-256 of a file of examples; of several, and of the files that rows refer to, that of all of theirs."""
    files = dict.fromkeys(examples.files)
    files |= dict.fromkeys(
        row.raw.content
        for row in examples.rows
        if isinstance(row.raw, Stored) and isinstance(row.raw.content, Path)
    )
    digests = {file: sha256_of(file) for file in files}
    if len(digests) == 1:
        return next(iter(digests.values()))
    root = examples.path if examples.path.is_dir() else examples.path.parent
    lines = sorted(f"{file.relative_to(root).as_posix()} {value}\n" for file, value in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _test_rows(
    rows: Sequence[Row], groups: Sequence[str | None] | None, first: int | None, path: Path
) -> NDArray[np.bool_]:
    """Which rows are the test part: those from `first` on, what the data say, or a share of them."""
    if first is not None:
        marks = np.arange(len(rows)) >= first
    elif any(row.split is not None for row in rows):
        marks = np.array([_is_test(row) for row in rows], np.bool_)
    else:
        marks = np.zeros(len(rows), np.bool_)
    if not marks.any():
        marks[drawn_rows(np.arange(len(rows)), TEST_SHARE, TEST_SEED, groups)] = True
    if groups is not None:
        seen: dict[str, int] = {}
        for index, group in enumerate(groups):
            other = seen.setdefault(group, index) if group is not None else index
            if marks[other] != marks[index]:
                raise DesireEdgeError(
                    f"{path}: the group '{group}' has {rows[other].name} in one part and {rows[index].name} in the "
                    "other; put all of a group into the training or the test part"
                )
    return marks


def _is_test(row: Row) -> bool:
    split = (row.split or TRAIN[0]).lower()
    if split not in (*TRAIN, *TEST):
        raise DesireEdgeError(f"{row.place}: the split '{row.split}' is none of {', '.join((*TRAIN, *TEST))}")
    return split in TEST


Inputs = tuple[
    NDArray[np.float32] | None, tuple[str, ...], tuple[str, ...] | None, tuple[Path | bytes, ...] | None
]


def _inputs(rows: Sequence[Row], parts: Sequence[Examples]) -> Inputs:
    """The rows' inputs, which are all of one kind: vectors and their names, texts, pictures."""
    raws = []
    kinds: dict[str, Row] = {}
    for row in rows:
        is_image = isinstance(row.raw, Stored) and row.raw.is_picture
        raw = row.raw if is_image else row.read()
        raws.append(raw)
        kind = "a picture" if is_image else "a text" if isinstance(raw, str) else "sparse features"
        kinds.setdefault(kind if is_image or isinstance(raw, str | Mapping) else "a vector", row)
    if len(kinds) > 1:
        (one, first), (other, second), *_ = kinds.items()
        raise DesireEdgeError(
            f"{first.name} is {one} and {second.name} is {other}; all examples of a data set must be of one kind",
            "input-kind",
        )
    if "a picture" in kinds:
        return None, (), None, tuple(raw.content for raw in raws if isinstance(raw, Stored))
    if "a text" in kinds:
        return None, (), tuple(raw for raw in raws if isinstance(raw, str)), None
    names = parts[0].feature_names
    if any(part.feature_names != names for part in parts):
        raise DesireEdgeError(f"{parts[1].path} has other features than {parts[0].path}")
    if "a vector" in kinds:
        return _stacked(rows, raws), names, None, None
    width = max((part.features or 0 for part in parts), default=0)
    if not width:
        names = tuple(sorted({str(name) for raw in raws if isinstance(raw, Mapping) for name in raw}))
    return (
        _spread([raw for raw in raws if isinstance(raw, Mapping)], rows, names, width or len(names)),
        names,
        None,
        None,
    )


def _stacked(rows: Sequence[Row], raws: Iterable[object]) -> NDArray[np.float32]:
    """Vectors [rows, features], which must be of one length and finite."""
    vectors = []
    for row, raw in zip(rows, raws, strict=True):
        vector = np.asarray(raw)
        if vector.dtype.kind not in "fiub":
            raise DesireEdgeError(f"{row.name} does not hold plain numbers", "input-type")
        with np.errstate(over="ignore"):
            vectors.append(_finite(vector.reshape(-1).astype(np.float32), row))
        if len(vectors[-1]) != len(vectors[0]):
            raise DesireEdgeError(
                f"{row.name} has {len(vectors[-1])} features, and {rows[0].name} has {len(vectors[0])}; all must "
                "have as many",
                "input-shape",
            )
    return np.stack(vectors)


def _spread(
    raws: Sequence[Mapping[str, float]], rows: Sequence[Row], names: Sequence[str], width: int
) -> NDArray[np.float32]:
    """Sparse features with their zeros, [rows, features]: by name, or, without names, by index."""
    if len(raws) * width > MOST_NUMBERS:
        raise DesireEdgeError(
            f"{len(raws)} examples of {width} features are {len(raws) * width * 4 / 2**30:.0f} GiB without their "
            "sparsity; reduce the features to some thousand, for example with scikit-learn's TruncatedSVD, and "
            "write .npz"
        )
    index = {name: place for place, name in enumerate(names)}
    x = np.zeros((len(raws), width), np.float32)
    for place, (raw, row) in enumerate(zip(raws, rows, strict=True)):
        with np.errstate(over="ignore"):
            if isinstance(raw, SparseVector):
                x[place, raw.indices] = raw.numbers
            else:
                for name, value in raw.items():
                    if isinstance(value, bool) or not isinstance(value, int | float):
                        raise DesireEdgeError(
                            f"{row.name}: the value of feature '{name}' is {value!r:.40}, not a number",
                            "input-type",
                        )
                    x[place, index[name]] = value
        _finite(x[place], row)
    return x


def _finite(x: NDArray[np.float32], row: Row) -> NDArray[np.float32]:
    if not np.isfinite(x).all():
        bad = int(np.argmin(np.isfinite(x)))
        raise DesireEdgeError(
            f"{row.name}: feature {bad} is {x[bad]}; every feature must be a finite number", "input-finite"
        )
    return x
