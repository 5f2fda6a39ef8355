"""NumPy's .npy files, of plain numbers alone: what is read comes from anyone, and nothing is unpickled."""

from __future__ import annotations

import ast
import math
import re
import reprlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError

MAGIC = b"\x93NUMPY"
MAX_HEADER = 10_000  # bytes
MAX_CHARACTER = 0x10FFFF
_NUMBERS = re.compile("[<>|=]?(b1|[iu][1248]|f[248])")
_TEXT = re.compile("[<>|=]?U[1-9][0-9]{0,5}")


def read_npy(content: bytes, where: str, *, text: bool = False) -> NDArray[Any]:
    """The array that a .npy file of version 1, 2 or 3 holds, in C or Fortran order, of either byte order.

    With `text`, arrays of strings are read too.

    Raises:
        DesireEdgeError: not such a file, data cut short or left over, or numbers that are not plain ones.
    """
    try:
        descr, fortran, shape, start = _header(content)
        if not isinstance(descr, str) or not (_NUMBERS.fullmatch(descr) or (text and _TEXT.fullmatch(descr))):
            raise DesireEdgeError(
                f"{where} does not hold plain numbers, but {reprlib.repr(descr)}", "input-type"
            )
        dtype = np.dtype(descr)
        expected, found = math.prod(shape) * dtype.itemsize, len(content) - start
        if found != expected:
            raise ValueError(f"it holds {found} bytes of data, and its header says {expected}")
        array = np.frombuffer(content, dtype, offset=start)
        if dtype.kind == "U" and (array.view(dtype.byteorder + "u4") > MAX_CHARACTER).any():
            raise ValueError("its text holds what is no character")
        return array.reshape(shape, order="F" if fortran else "C")
    except (ValueError, OverflowError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        reason = str(error).partition("\n")[0] or "its header cannot be read"
        raise DesireEdgeError(f"{where} is not a readable .npy file: {reason}", "npy") from error


def _header(content: bytes) -> tuple[Any, bool, tuple[int, ...], int]:
    """The type as NumPy writes it, whether the order is Fortran's, the shape, and where the data begin."""
    version = content[6:8]
    if not content.startswith(MAGIC) or version not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError("it does not begin like one of version 1, 2 or 3")
    begin = 10 if version == b"\1\0" else 12
    length = int.from_bytes(content[8:begin], "little")
    if length > min(MAX_HEADER, len(content) - begin):
        raise ValueError("its header is cut short or too long")
    values = ast.literal_eval(content[begin : begin + length].decode("utf-8").strip())
    if not isinstance(values, dict) or set(values) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header does not say type, order and shape")
    fortran, shape = values["fortran_order"], values["shape"]
    if not isinstance(fortran, bool) or not isinstance(shape, tuple):
        raise ValueError("its header's order or shape is none")
    if not all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in shape):
        raise ValueError(f"its shape is {reprlib.repr(shape)}")
    return values["descr"], fortran, shape, begin + length
