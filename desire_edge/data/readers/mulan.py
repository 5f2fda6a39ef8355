"""Mulan's multi-label format: a sparse ARFF file and an XML header that names its label columns.

Described in G. Tsoumakas, E. Spyromitros-Xioufis, J. Vilcek, I. Vlahavas, "Mulan: A Java Library for
Multi-Label Learning", JMLR 12 (2011).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names

LABEL_PREFIX = "TAG_"


@dataclass(frozen=True, eq=False)
class MulanTable:
    """One ARFF file's rows: float32 `features` [rows, features] and bool `targets` [rows, labels]."""

    features: NDArray[np.float32]
    feature_names: tuple[str, ...]
    targets: NDArray[np.bool_]
    labels: tuple[str, ...]


def read_mulan(arff_path: Path, xml_path: Path) -> MulanTable:
    """Read a sparse Mulan ARFF file (latin-1) with its XML label header.

    Columns keep the file's order; those the header names are labels, and the prefix `TAG_` is taken off
    their names.
    Raises `DesireEdgeError` for a file that cannot be read, a line that is not sparse ARFF (with its
    number), a value that is not a finite number, a label column that holds something other than 0 and 1,
    and a header that names a column the ARFF file does not have.
    """
    header = _label_columns(xml_path)
    names, lines = _sparse_rows(arff_path)
    missing = header - set(names)
    if missing:
        raise DesireEdgeError(
            f"{xml_path} names the label {min(missing)!r}, which is no column of {arff_path.name}; "
            "the two files must belong together"
        )
    is_label = np.array([name in header for name in names], dtype=np.bool_)
    table = _dense(lines, len(names), arff_path)
    label_values = table[:, is_label]
    if not np.isin(label_values, (0.0, 1.0)).all():
        row, column = np.argwhere(~np.isin(label_values, (0.0, 1.0)))[0]
        label = np.flatnonzero(is_label)[column]
        raise DesireEdgeError(
            f"{arff_path}, data row {row + 1}: the label {names[label]!r} is {label_values[row, column]:g}; "
            "a label is 0 or 1"
        )
    return MulanTable(
        features=np.ascontiguousarray(table[:, ~is_label]),
        feature_names=tuple(name for name, label in zip(names, is_label, strict=True) if not label),
        targets=np.ascontiguousarray(label_values == 1.0),
        labels=check_names(
            [name.removeprefix(LABEL_PREFIX) for name, label in zip(names, is_label, strict=True) if label],
            str(xml_path),
        ),
    )


def _label_columns(xml_path: Path) -> set[str]:
    try:
        root = ElementTree.fromstring(xml_path.read_bytes())
    except OSError as error:
        raise DesireEdgeError(f"cannot read {xml_path}: {error.strerror or error}") from error
    except ElementTree.ParseError as error:
        raise DesireEdgeError(f"{xml_path} is not valid XML: {error}") from error
    # Hierarchical headers nest labels, so every descendant counts, in whatever namespace.
    names = {
        element.attrib["name"]
        for element in root.iter()
        if element.tag.rpartition("}")[2] == "label" and "name" in element.attrib
    }
    if not names:
        raise DesireEdgeError(f'{xml_path} names no labels; Mulan\'s header has <label name="..."/> elements')
    return names


def _sparse_rows(arff_path: Path) -> tuple[list[str], list[dict[int, float]]]:
    """Column names and, for each row, its column → value entries."""
    import arff

    try:
        with arff_path.open(encoding="latin-1") as file:
            content = arff.load(file, return_type=arff.LOD)
    except OSError as error:
        raise DesireEdgeError(f"cannot read {arff_path}: {error.strerror or error}") from error
    except (ValueError, OverflowError) as error:
        # Let through by liac-arff, without a line: an unknown escape, NaN or infinity in an integer column.
        raise DesireEdgeError(f"{arff_path} is not valid sparse ARFF: {error}") from error
    except arff.ArffException as error:
        # Not its message, which liac-arff makes with a format string that breaks on a "%" in the line.
        raise DesireEdgeError(
            f"{arff_path}, line {error.line}: not valid sparse ARFF ({type(error).__name__}); "
            "rows look like {3 1,17 1}"
        ) from error
    for name, kind in content["attributes"]:
        if kind == "STRING":
            raise DesireEdgeError(f"{arff_path}: the column {name!r} holds strings; only numbers can be read")
        # A sparse row leaves out a nominal column's first value, and here what is left out reads as zero.
        if isinstance(kind, list) and kind[0] != "0":
            raise DesireEdgeError(
                f"{arff_path}: the column {name!r} lists the values {kind}; the first must be 0, as sparse "
                "rows leave it out"
            )
    return [name for name, _ in content["attributes"]], content["data"]


def _dense(lines: list[dict[int, float]], columns: int, arff_path: Path) -> NDArray[np.float32]:
    table = np.zeros((len(lines), columns), dtype=np.float32)
    for row, entries in enumerate(lines):
        try:
            values = [float(value) for value in entries.values()]
        except (TypeError, ValueError) as error:
            raise DesireEdgeError(
                f"{arff_path}, data row {row + 1}: every value must be a number ({error})"
            ) from error
        with np.errstate(over="ignore"):  # beyond float32 becomes infinite, and is refused below
            table[row, list(entries)] = values
    finite = np.isfinite(table).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise DesireEdgeError(f"{arff_path}, data row {row + 1}: a value is not a finite float32 number")
    return table
