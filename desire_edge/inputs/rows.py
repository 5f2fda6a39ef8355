"""Lists as people have them: of one entry an example, in an iterator, an array, a sparse matrix or a table.

No library is imported to know its values by: what has the methods of scipy's matrices, or of pandas' tables, is one.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import RawInput

NUMBERS = "fiub"
"""The kinds of NumPy's types that hold plain numbers."""


@runtime_checkable
class SparseMatrix(Protocol):
    """A matrix [n, columns] as scipy has them, of any format."""

    def tocsr(self) -> Iterable[Any]:
        """The same by rows."""


@runtime_checkable
class Table(Protocol):
    """A table of n rows and named columns, as a pandas DataFrame is."""

    @property
    def columns(self) -> Any:
        """The columns' names."""

    @property
    def dtypes(self) -> Any:
        """The columns' types."""

    def to_numpy(self, dtype: Any, *, na_value: Any) -> NDArray[Any]:
        """The values, [n, columns], with `na_value` for what is missing."""


Inputs = Iterable[RawInput] | SparseMatrix | Table
"""n raw inputs: a list or iterator of them, or the rows of an array, a sparse matrix or a table of numbers."""
NameLists = Iterable[Iterable[str]] | Table
"""n lists of labels: a list or iterator of them, or a table of 0 and 1 whose columns are the labels."""


def input_rows(values: Inputs, what: str, noun: str) -> list[RawInput]:
    """The n raw inputs that `values` hold, in their order; an iterator is taken once.

    Args:
        values: the inputs. The rows of a sparse matrix stay sparse.
        what: what takes them, in errors.
        noun: what errors call one of them.

    Raises:
        DesireEdgeError: no list of inputs but one of them, a column that holds no numbers, or an input that is missing
            or is a path.
    """
    rows: list[RawInput]
    if isinstance(values, SparseMatrix) and not _is_vector(values):  # before mappings, which some of them are
        rows = list(values.tocsr())
    elif isinstance(values, str | bytes | Mapping | os.PathLike) or _is_vector(values):
        raise DesireEdgeError(f"{what} takes a list of inputs, and this is one; put it into a list")
    elif isinstance(values, Table):
        rows = list(_numbers(values, np.float32, f"{what} takes one column of texts, or columns of numbers"))
    else:
        rows = _ordered(values, f"{what} takes a list of inputs")
    for number, row in enumerate(rows):
        if missing := _missing(row):
            raise DesireEdgeError(
                f"{noun} {number} has no text ({missing}); drop it or give it one", "input-missing"
            )
        if isinstance(row, os.PathLike):
            raise DesireEdgeError(
                f"{noun} {number} is a path, {os.fspath(row)!r}; give what the file holds, as "
                "desire_edge.inputs.read_input reads it",
                "input-type",
            )
    return rows


def name_rows(values: NameLists, what: str, noun: str) -> list[Iterable[str]]:
    """The n lists of names that `values` hold, in their order, the names unchecked; an iterator is taken once.

    Args:
        values: the lists.
        what: what errors call them.
        noun: what errors call what one of them is of.

    Raises:
        DesireEdgeError: no list of lists, or a table of anything but 0 and 1.
    """
    wanted = f"{what} must be a list of names an {noun}, or a table of 0 and 1 whose columns are the names"
    if isinstance(values, SparseMatrix) or (isinstance(values, np.ndarray) and values.dtype.kind in NUMBERS):
        raise DesireEdgeError(f"{wanted}, and are a matrix of numbers, without names", "names-type")
    if isinstance(values, str | bytes | Mapping):
        raise DesireEdgeError(f"{wanted}, and are {reprlib.repr(values)}", "names-type")
    if not isinstance(values, Table):
        return _ordered(values, wanted)
    names = list(values.columns)
    marks = _numbers(values, np.float64, wanted)
    for number, column in np.argwhere((marks != 0) & (marks != 1)):
        raise DesireEdgeError(
            f"{noun} {number} has {marks[number, column]:g} for {names[column]!r} in the table of {what}; it must be "
            "0 or 1"
        )
    return [[names[column] for column in np.flatnonzero(row)] for row in marks]


def example_numbers(values: Iterable[int]) -> list[int]:
    """The numbers of examples that `values` hold, NumPy's among them; an iterator is taken once."""
    numbers = _listed(values, "the examples to remove must be a list of numbers")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise DesireEdgeError(
                f"{reprlib.repr(number)} is no example's number; examples are whole numbers, from 0"
            )
    return [int(number) for number in numbers]


def _ordered(values: Any, wanted: str) -> list[Any]:
    """The items of `values`, which must be an iterable with an order."""
    if isinstance(values, set | frozenset):
        raise DesireEdgeError(f"{wanted}, and this is a set, which has no order")
    return _listed(values, wanted)


def _listed(values: Any, wanted: str) -> list[Any]:
    """The items of `values`, which must be an iterable."""
    try:
        items = iter(values)
    except TypeError:
        raise DesireEdgeError(f"{wanted}, and this is {reprlib.repr(values)}") from None
    return list(items)


def _is_vector(values: Any) -> bool:
    """Whether `values` are the numbers of one input: an array or a pandas Series of numbers."""
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    return getattr(values, "ndim", 2) == 1 and kind in NUMBERS and values.shape[0] > 0


def _missing(value: Any) -> str:
    """The name of what stands for a text that is not there: None, NaN, pandas' NA and NaT; empty for what is there."""
    if isinstance(value, float | np.floating):
        return "NaN" if np.isnan(value) else ""
    return str(value) if value is None or type(value).__name__ in ("NAType", "NaTType") else ""


def _numbers(table: Table, dtype: Any, wanted: str) -> NDArray[Any]:
    """The values of `table` [n, columns], all of whose columns must hold plain numbers; missing ones are NaN."""
    for name, kind in zip(table.columns, table.dtypes, strict=True):
        if getattr(kind, "kind", "O") not in NUMBERS:
            raise DesireEdgeError(f"{wanted}; the column {name!r} is of type {kind}, not of numbers")
    with np.errstate(over="ignore"):  # too large for float32: infinite, and refused as such
        return table.to_numpy(dtype, na_value=np.nan)
