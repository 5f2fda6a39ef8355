"""A decoder as many are that are no protobuf library: where a field for one message stands twice, the last counts.

So read Netron, tinygrad and npm's onnx-proto. It has a wire format of its own, so that it shares no fault with ours.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def last_wins(content: bytes, kind: type[Message]) -> Any:
    """The message of this kind in `content`."""
    found, at = kind(), 0
    while at < len(content):
        start = at
        key, at = number(content, at)
        size = {1: 8, 5: 4}.get(key & 7, 0)
        if key & 7 == 0:
            _, at = number(content, at)
        elif key & 7 == 2:
            size, at = number(content, at)
        inner, at = content[at : at + size], at + size
        field = kind.DESCRIPTOR.fields_by_number[key >> 3]
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            found.MergeFromString(content[start:at])  # of numbers and texts protobuf too keeps the last
            continue
        one = last_wins(inner, field.message_type._concrete_class)
        if field.is_repeated:
            getattr(found, field.name).append(one)
        else:
            getattr(found, field.name).CopyFrom(one)
    return found


def number(content: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, and where it ends."""
    end = at
    while content[end] & 0x80:
        end += 1
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(content[at : end + 1])), end + 1
