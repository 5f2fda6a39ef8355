"""NumPy's arrays: .npz with vectors and labels, .npy with the labels in a text file beside it. Nothing is unpickled."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError, shown
from desire_edge.inputs.examples import Examples, Place, Request, Row, checked_labels
from desire_edge.inputs.files import text_of
from desire_edge.inputs.npy import read_npy
from desire_edge.inputs.readers.labels import names_of
from desire_edge.inputs.readers.records import examples

ENDINGS = (".npz", ".npy")
NAME = "NumPy (.npz with x and labels, .npy beside NAME.labels.txt)"
VECTORS = ("x", "X", "features", "embeddings")
LABELS = ("labels", "y", "Y", "targets")
NAMES = ("label_names", "names", "classes")
GROUP, SPLIT = ("group", "groups"), ("split",)


def read(path: Path, request: Request) -> Examples:
    """Read the file at `path`.

    A .npz file holds `x` [n, features]; `labels` or `y`, either text [n], as cells of a table hold labels, or 0 and 1
    [n, L] with the L `label_names`; and, if wanted, `group` and `split`, [n]. For NAME.npy the labels of each row
    stand in a line of NAME.labels.txt.
    """
    if path.suffix.lower() == ".npy":
        x, cells, files = _npy(path, request)
        found = {"vector": path.name} | ({"labels": files[1].name} if files[1:] else {})
        arrays: Mapping[str, NDArray[Any]] = {}
        names: list[str] = []
    else:
        arrays, files = _npz(path, request), (path,)
        vectors = _called(
            (request.columns.vector,) if request.columns.vector else VECTORS, arrays, path, "vector"
        )
        x = arrays[vectors]
        cells, found, names = _cells(arrays, path, request)
        found = {"vector": vectors, **found}
    if x.ndim != 2 or x.dtype.kind not in "fiub" or not x.shape[1]:
        raise DesireEdgeError(
            f"{path}: the vectors have shape {list(x.shape)} and type {x.dtype}; a row of numbers an example is "
            "needed, [rows, features]",
            "input-shape",
        )
    request.check_count(len(x), path)
    groups, splits = (_words(arrays, names, len(x), path) for names in (GROUP, SPLIT))
    if cells is not None and len(cells) != len(x):
        raise DesireEdgeError(
            f"{path} has {len(x)} vectors and labels of {len(cells)} examples; there must be as many"
        )
    rows = []
    for index, vector in enumerate(x):
        place = Place(str(path), index + 1, "row")
        labels = checked_labels(cells[index], (), (), str(place))[0] if cells is not None else ()
        rows.append(Row(vector, place, labels, group=groups[index], split=splits[index]))
    read = examples(path, tuple(rows), found, files, request)
    return replace(read, features=x.shape[1], label_names=tuple(names))


def _npy(path: Path, request: Request) -> tuple[NDArray[Any], list[Any] | None, tuple[Path, ...]]:
    """The matrix of a .npy file, and the labels of each row, a line each."""
    x = read_npy(request.content(path), str(path))
    beside = path.with_name(f"{path.stem}.labels.txt")
    if not request.labelled:
        return x, None, (path,)
    if not beside.is_file():
        raise DesireEdgeError(
            f"{path} has no labels; write those of each row in a line of {beside.name} beside it"
        )
    lines = text_of(request.content(beside), str(beside)).split("\n")
    if lines[-1] == "":
        lines.pop()
    separator = request.columns.label_separator
    cells = [
        names_of(line, separator, (), f"{beside}, line {number}")
        for number, line in enumerate(lines, start=1)
    ]
    return x, cells, (path, beside)


def _npz(path: Path, request: Request) -> dict[str, NDArray[Any]]:
    """The arrays of numbers and of text in a .npz file, by name."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".npy")]
            request.check_bytes(sum(info.file_size for info in members), path)
            return {
                info.filename.removesuffix(".npy"): read_npy(
                    archive.read(info),
                    f"{path}, array {shown(info.filename.removesuffix('.npy'))}",
                    text=True,
                )
                for info in members
            }
    # The last for names of members that are no UTF-8.
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ) as error:
        raise DesireEdgeError(f"{path} is not a readable .npz file: {error}", "npy") from error
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error


def _cells(
    arrays: Mapping[str, NDArray[Any]], path: Path, request: Request
) -> tuple[list[Any] | None, dict[str, str], list[str]]:
    """The labels of each row, unchecked, the array that they are in, and the names of all, where there are such."""
    if not request.labelled:
        return None, {}, []
    name = _called(request.columns.labels or LABELS, arrays, path, "labels")
    marks = arrays[name]
    names = _label_names(arrays, name, path)
    if marks.ndim == 1 and marks.dtype.kind in "Uiu":
        where = f"{path}, array {name}"
        separator = request.columns.label_separator
        return [names_of(cell, separator, names, where) for cell in marks.tolist()], {"labels": name}, names
    if marks.ndim != 2 or marks.dtype.kind not in "fiub" or not np.isin(marks, (0, 1)).all():
        raise DesireEdgeError(
            f"{path}: the array {name} has shape {list(marks.shape)} and type {marks.dtype}; labels are text, one an "
            "example, or 0 and 1 [rows, labels]",
            "names-type",
        )
    if len(names) != marks.shape[1]:
        raise DesireEdgeError(
            f"{path}: the array {name} has {marks.shape[1]} columns, and there are {len(names)} label_names; there "
            "must be one a column"
        )
    cells = [[names[column] for column in np.flatnonzero(row)] for row in marks]
    return cells, {"labels": f"{name} and label_names"}, names


def _label_names(arrays: Mapping[str, NDArray[Any]], labels: str, path: Path) -> list[str]:
    """What the array of `NAMES` that is there calls the columns of `labels`; [] where there is none."""
    for name in NAMES:
        if name in arrays and name != labels:
            if arrays[name].ndim != 1 or arrays[name].dtype.kind != "U":
                raise DesireEdgeError(
                    f"{path}: the array {name} has shape {list(arrays[name].shape)} and type {arrays[name].dtype}; "
                    "names of labels are text, one a column",
                    "names-type",
                )
            return [str(each) for each in arrays[name].tolist()]
    return []


def _called(names: Sequence[str], arrays: Mapping[str, NDArray[Any]], path: Path, option: str) -> str:
    """The first of `names` that is an array of the file."""
    for name in names:
        if name in arrays:
            return name
    there = ", ".join(shown(name) for name in arrays) or "none"
    raise DesireEdgeError(
        f"{path} has no array {' or '.join(names)}; it has {there}; name the one to use with --{option}-column",
        "columns",
    )


def _words(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str], rows: int, path: Path
) -> list[str | None]:
    """A word an example from the first of `names` that is there; None each where none is."""
    for name in names:
        if name in arrays:
            if arrays[name].shape != (rows,):
                raise DesireEdgeError(f"{path}: the array {name} must have {rows} entries, one an example")
            return [str(word) for word in arrays[name].tolist()]
    return [None] * rows
