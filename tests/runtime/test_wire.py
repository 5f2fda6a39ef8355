"""Protobuf's wire format: what is written is read again, as protobuf reads it, and no bytes bring the reader down."""

from __future__ import annotations

import onnx
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.runtime.wire import bytes_field, fields, number_field

NUMBERS = st.integers(1, 2**29 - 1)
VALUES = st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=300))


def encoded(number: int, value: int | bytes) -> bytes:
    return number_field(number, value) if isinstance(value, int) else bytes_field(number, value)


def read(message: bytes) -> list[tuple[int, int | bytes]]:
    return [
        (number, value if isinstance(value, int) else bytes(value)) for number, value, _ in fields(message)
    ]


@given(st.lists(st.tuples(NUMBERS, VALUES), max_size=8))
def test_what_is_written_is_read_again(message: list[tuple[int, int | bytes]]) -> None:
    written = [encoded(number, value) for number, value in message]
    assert read(b"".join(written)) == message
    assert [bytes(field.encoded) for field in fields(b"".join(written))] == written


@given(st.lists(st.tuples(NUMBERS, VALUES), max_size=8))
def test_protobuf_reads_the_same(message: list[tuple[int, int | bytes]]) -> None:
    written = b"".join(encoded(number + 10_000, value) for number, value in message if number < 2**28)
    found = UnknownFieldSet(onnx.ModelProto.FromString(written))
    assert [(field.field_number, field.data) for field in found] == read(written)


def test_fields_of_a_fixed_width_are_numbers() -> None:
    assert read(b"\x0d\x01\x00\x00\x00\x11\x02" + bytes(7)) == [(1, 1), (2, 2)]


def test_the_parts_of_a_field_are_one() -> None:
    assert bytes_field(7, b"ab", bytearray(b"c"), memoryview(b"d")) == bytes_field(7, b"abcd")


BROKEN = {
    "a length of more than there is": (b"\x0a\x05abcd", "the field at byte 0 breaks off"),
    "a length of terabytes": (b"\x08\x01\x0a" + b"\xff" * 9 + b"\x01", "the field at byte 2 breaks off"),
    "a length without its end": (b"\x0a\x80", "the number at byte 1 has no end, or over 64 bits"),
    "a number of 65 bits": (b"\x08" + b"\xff" * 9 + b"\x02", "the number at byte 1 has no end, or over 64"),
    "a number without an end": (b"\x08" + b"\x80" * 99, "the number at byte 1 has no end, or over 64 bits"),
    "half of a fixed width": (b"\x0d\x01\x00", "the field at byte 0 breaks off"),
    "field 0": (b"\x08\x01\x00\x01", "no field begins at byte 2"),
    "a field beyond 29 bits": (b"\x88\x80\x80\x80\x80\x01\x00", "no field begins at byte 0"),
    "the start of a group": (b"\x0b\x0c", "no field begins at byte 0"),
    "the end of a group": (b"\x0c", "no field begins at byte 0"),
    "a kind that is none": (b"\x0e\x01", "no field begins at byte 0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_message_is_refused(name: str) -> None:
    message, expected = BROKEN[name]
    with pytest.raises(ValueError, match=expected):
        list(fields(message))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(message: bytes) -> None:
    found = b""
    try:
        for field in fields(message):
            found += field.encoded
    except ValueError:
        assert message.startswith(found) and len(found) < len(message)
    else:
        assert found == message


@given(st.lists(st.tuples(NUMBERS, VALUES), min_size=1, max_size=4), st.data())
def test_a_message_that_breaks_off_is_refused_or_ends_between_fields(
    message: list[tuple[int, int | bytes]], data: st.DataObject
) -> None:
    written = b"".join(encoded(number, value) for number, value in message)
    cut = written[: data.draw(st.integers(0, len(written) - 1))]
    ends = [len(b"".join(encoded(*field) for field in message[:count])) for count in range(len(message))]
    if len(cut) in ends:
        assert read(cut) == message[: ends.index(len(cut))]
    else:
        with pytest.raises(ValueError, match=r"breaks off|has no end"):
            list(fields(cut))


def test_a_million_fields_are_read_one_after_the_other() -> None:
    """In the work of a million: with a copy of the rest for each, this would be a matter of an hour."""
    assert sum(1 for _ in fields(b"\x08\x01" * 10**6)) == 10**6
