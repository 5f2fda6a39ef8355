"""Protobuf's wire format, written and read: what making and weighing ONNX files needs of it, without a library.

A message is its fields end to end. A field is a key (its number, and which kind it is), then a number, seven bits a
byte, or a length and as many bytes: text, raw data, a message in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, LENGTH_DELIMITED = 0, 2
_FIXED = {1: 8, 5: 4}  # bytes of the kinds that have a width
_LONGEST = 10  # bytes of a number of 64 bits


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: which field it is.
        value: of a length-delimited one its bytes, else its number.
        encoded: all its bytes, the key too.
    """

    number: int
    value: int | memoryview
    encoded: memoryview


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of a serialised message in their order; nothing is copied, and messages within are not looked into.

    Raises:
        ValueError: it breaks off, or is no such message.
    """
    view = memoryview(message)
    at = 0
    while at < len(view):
        start = at
        key, at = _read_varint(view, at)
        number, kind = key >> 3, key & 7
        if number == 0 or key >= 2**32 or kind not in (VARINT, LENGTH_DELIMITED, *_FIXED):
            raise ValueError(f"no field begins at byte {start}")
        if kind == VARINT:
            value, at = _read_varint(view, at)
            yield Field(number, value, view[start:at])
            continue
        if kind == LENGTH_DELIMITED:
            length, at = _read_varint(view, at)
        else:
            length = _FIXED[kind]
        if length > len(view) - at:
            raise ValueError(f"the field at byte {start} breaks off")
        content = view[at : at + length]
        at += length
        fixed = kind != LENGTH_DELIMITED
        yield Field(number, int.from_bytes(content, "little") if fixed else content, view[start:at])


def number_field(number: int, value: int) -> bytes:
    """The field `number` that holds a non-negative integer."""
    return _varint(number << 3 | VARINT) + _varint(value)


def bytes_field(number: int, *content: bytes | bytearray | memoryview) -> bytes:
    """The field `number` that holds bytes, given in parts."""
    length = sum(map(len, content))
    return b"".join((_varint(number << 3 | LENGTH_DELIMITED), _varint(length), *content))


def _read_varint(view: memoryview, at: int) -> tuple[int, int]:
    """The number at byte `at`, and where it ends."""
    value = 0
    for place, byte in enumerate(view[at : at + _LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80 and value < 2**64:
            return value, at + place + 1
    raise ValueError(f"the number at byte {at} has no end, or over 64 bits")


def _varint(value: int) -> bytes:
    """A non-negative integer, seven bits a byte, low bits first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
