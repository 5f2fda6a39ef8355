"""NumPy's files are read to the last byte, and nothing in them is run."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from desire_edge import DesireEdgeError
from desire_edge.inputs.npy import read_npy

NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


def written(array: NDArray[Any], version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version)
    return stream.getvalue()


@given(hnp.arrays(NUMBERS, SHAPES), st.sampled_from([(1, 0), (2, 0), (3, 0)]), st.booleans())
def test_what_numpy_writes_is_read_back(array: NDArray[Any], version: tuple[int, int], fortran: bool) -> None:
    found = read_npy(written(np.asfortranarray(array) if fortran else array, version), "a.npy")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(st.binary(max_size=4), st.integers(0, 140), st.integers(0, 20))
def test_damaged_bytes_are_read_or_refused(damage: bytes, place: int, more: int) -> None:
    whole = written(np.arange(3, dtype="<f4")) + bytes(more)
    try:
        read_npy(whole[:place] + damage + whole[place + len(damage) :], "a.npy")
    except DesireEdgeError as error:
        assert str(error).startswith("a.npy ")
        assert error.code in ("npy", "input-type")


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3, np.longdouble),
        np.zeros(3, complex),
        np.array(["a"]),
        np.zeros(3, "<M8[s]"),
        np.zeros(3, [("a", "<f4")]),
    ],
    ids=str,
)
def test_other_types_are_refused(array: NDArray[Any]) -> None:
    with pytest.raises(DesireEdgeError, match="does not hold plain numbers") as refused:
        read_npy(written(array), "a.npy")
    assert refused.value.code == "input-type"


class Runs:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("unpickled",)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO()
    np.save(stream, np.array([Runs()], object), allow_pickle=True)
    for content in (stream.getvalue(), pickle.dumps(Runs())):
        with pytest.raises(DesireEdgeError):
            read_npy(content, "a.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("shape", ["(0, 99999999999999999999999)", f"({'0,' * 99})", f"({'9' * 5000},)"])
def test_a_shape_that_no_array_has_is_refused(shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}".encode()
    with pytest.raises(DesireEdgeError, match=r"is not a readable \.npy file") as refused:
        read_npy(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header, "a.npy")
    assert refused.value.code == "npy"
