"""Mulan's multi-label format: an ARFF file, sparse or dense, and an XML header that names its label columns.

Described in G. Tsoumakas, E. Spyromitros-Xioufis, J. Vilcek, I. Vlahavas, "Mulan: A Java Library for
Multi-Label Learning", JMLR 12 (2011).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request, Row
from desire_edge.inputs.files import read_bounded
from desire_edge.inputs.names import check_names
from desire_edge.inputs.readers.records import examples

ENDINGS = (".arff", ".xml")
NAME = "Mulan (.arff beside .xml)"
LABEL_PREFIX = "TAG_"
MOST_NUMBERS = 2**31  # of a table in memory, 8 GiB: a sparse file may be small and its table huge
PARTS = ("train", "test")  # NAME-train.arff and NAME-test.arff belong to NAME.xml
_ROW = re.compile(r"^\s*@data\s*(?:%.*\s+|\s+)*(\S)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, eq=False)
class MulanTable:
    """One ARFF file's rows: float32 `features` [rows, features] and bool `targets` [rows, labels]."""

    features: NDArray[np.float32]
    feature_names: tuple[str, ...]
    targets: NDArray[np.bool_]
    labels: tuple[str, ...]


def read(path: Path, request: Request) -> Examples:
    """Read the pair of files that the .arff or .xml file, or the folder, at `path` belongs to.

    NAME.xml belongs to NAME.arff, or to NAME-train.arff and NAME-test.arff, which are two splits.
    """
    header, tables = _pair(path)
    rows: list[Row] = []
    feature_names: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    for arff_path in tables:
        request.check_bytes(arff_path.stat().st_size, arff_path)
        most = MOST_NUMBERS if request.max_bytes is None else request.max_bytes // 4
        table = read_mulan(arff_path, header, most)
        if feature_names not in ((), table.feature_names):
            raise DesireEdgeError(
                f"{arff_path} has other columns than {tables[0]}; they must be parts of one data set"
            )
        feature_names, label_names = table.feature_names, table.labels
        part = arff_path.stem.rpartition("-")[2].lower()
        for number, (x, carried) in enumerate(zip(table.features, table.targets, strict=True), start=1):
            labels = (
                tuple(table.labels[column] for column in np.flatnonzero(carried)) if request.labelled else ()
            )
            split = part if part in PARTS and len(tables) > 1 else None
            rows.append(Row(x, Place(str(arff_path), number, "row"), labels, split=split))
        request.check_count(len(rows), path)
    found = {"vector": f"{len(feature_names)} columns", "labels": f"the columns that {header.name} names"}
    read = examples(path, tuple(rows), found, (*tables, header), request)
    return replace(read, features=len(feature_names), feature_names=feature_names, label_names=label_names)


def holds(path: Path) -> bool:
    """Whether the folder at `path` has both files."""
    return any(path.glob("*.arff")) and any(path.glob("*.xml"))


def _pair(path: Path) -> tuple[Path, list[Path]]:
    """The header and the tables that `path`, one of them or their folder, belongs to."""
    folder = path if path.is_dir() else path.parent
    there = sorted(folder.glob("*.xml"))
    if path.suffix.lower() == ".arff":
        stem = re.sub(f"-({'|'.join(PARTS)})$", "", path.stem, flags=re.IGNORECASE)
        named = [header for header in there if header.stem in (path.stem, stem)]
        tables = [path]
    else:
        named = there if path.is_dir() else [path]
        stems = [header.stem for header in named]
        tables = [
            table
            for table in sorted(folder.glob("*.arff"), reverse=True)  # train before test
            if table.stem
            in [f"{stem}{part}" for stem in stems for part in ("", *(f"-{part}" for part in PARTS))]
        ]
    if len(named) != 1 or not tables:
        raise DesireEdgeError(
            f"{path} needs one pair of files, NAME.arff and NAME.xml, beside each other (or NAME-train.arff and "
            f"NAME-test.arff); there are {', '.join(file.name for file in (*sorted(folder.glob('*.arff')), *there))}"
        )
    if len({table.stem in (f"{named[0].stem}-{part}" for part in PARTS) for table in tables}) > 1:
        raise DesireEdgeError(
            f"{folder} holds {named[0].stem}.arff and its parts; name the .arff file that counts"
        )
    return named[0], tables


def read_mulan(arff_path: Path, xml_path: Path, most: int = MOST_NUMBERS) -> MulanTable:
    """Read a Mulan ARFF file (UTF-8 or latin-1) with its XML label header.

    Columns keep the file's order; those the header names are labels, and the prefix `TAG_` is taken off their names.

    Raises:
        DesireEdgeError: a file that cannot be read, or of more than `most` numbers with its zeros; a line that is not
            ARFF (with its number); a value that is not a finite number; a label column that holds something other than
            0 and 1; a header that names a column the ARFF file does not have.
    """
    header = _label_columns(xml_path)
    names, lines = _rows(arff_path)
    missing = header - set(names)
    if missing:
        raise DesireEdgeError(
            f"{xml_path} names the label {min(missing)!r}, which is no column of {arff_path.name}; "
            "the two files must belong together"
        )
    is_label = np.array([name in header for name in names], dtype=np.bool_)
    table = _dense(lines, len(names), arff_path, most)
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
        root = ElementTree.fromstring(read_bounded(xml_path))
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


def _rows(arff_path: Path) -> tuple[list[str], list[dict[int, float]]]:
    """Column names and, for each row, its column → value entries."""
    content = read_bounded(arff_path, None)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    first = _ROW.search(text)
    sparse = first is None or first[1] == "{"
    kinds, rows = _parsed(text, sparse, arff_path)
    values = {}
    for column, (name, kind) in enumerate(kinds):
        if kind == "STRING":
            raise DesireEdgeError(f"{arff_path}: the column {name!r} holds strings; only numbers can be read")
        if not isinstance(kind, list):
            continue
        values[column] = numbers = _numbers_of(name, kind, arff_path)
        # A sparse row leaves out a nominal column's first value, and here what is left out reads as zero.
        if sparse and numbers[kind[0]] != 0:
            raise DesireEdgeError(
                f"{arff_path}: the column {name!r} lists the values {kind}; the first must be 0, as sparse "
                "rows leave it out"
            )
    entries = rows if sparse else [dict(enumerate(row)) for row in rows]
    for row in entries:
        for column in values.keys() & row.keys():
            row[column] = values[column].get(row[column])
    return [name for name, _ in kinds], entries


def _parsed(text: str, sparse: bool, arff_path: Path) -> tuple[list[tuple[str, Any]], list[Any]]:
    """The attributes and the rows, as liac-arff gives them."""
    try:
        import arff
    except ModuleNotFoundError as error:
        raise DesireEdgeError(
            f"{arff_path} is read with liac-arff, which is not installed; pip install liac-arff "
            "(desire-edge[train] has it), or write JSON Lines"
        ) from error
    what, shape = ("sparse ", "{3 1,17 1}") if sparse else ("", "0,1,0.5")
    try:
        content = arff.loads(text, return_type=arff.LOD if sparse else arff.DENSE)
    except (ValueError, OverflowError) as error:
        # Let through by liac-arff, without a line: an unknown escape, NaN or infinity in an integer column.
        raise DesireEdgeError(f"{arff_path} is not valid {what}ARFF: {error}") from error
    except arff.ArffException as error:
        # Not its message, which liac-arff makes with a format string that breaks on a "%" in the line.
        raise DesireEdgeError(
            f"{arff_path}, line {error.line}: not valid {what}ARFF ({type(error).__name__}); rows look like {shape}"
        ) from error
    return content["attributes"], content["data"]


def _numbers_of(name: str, values: list[str], arff_path: Path) -> Mapping[str, float]:
    """The numbers that a column's values are: as they are written, or, of two words, 0 for the first and 1."""
    try:
        return {value: float(value) for value in values}
    except ValueError:
        if len(values) == 2:
            return {value: float(number) for number, value in enumerate(values)}
        raise DesireEdgeError(
            f"{arff_path}: the column {name!r} holds words, {', '.join(values[:5])}; only numbers, or one of two "
            "words, can be read: write a column of 0 and 1 a word"
        ) from None


def _dense(lines: list[dict[int, float]], columns: int, arff_path: Path, most: int) -> NDArray[np.float32]:
    if len(lines) * columns > most:
        raise DesireEdgeError(
            f"{arff_path} has {len(lines)} rows of {columns} columns, {len(lines) * columns * 4 / 2**30:.1f} GiB "
            "without its sparsity, so it is not read; leave out rows, or columns that hardly any row has",
            "file-large",
        )
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
