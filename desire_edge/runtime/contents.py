"""What a bundle's files hold: every array's type, shape and bytes, read without the onnx package."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from desire_edge.errors import DesireEdgeError
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.fragment import (
    GRAPH_INITIALIZER,
    LENGTH_DELIMITED,
    MODEL_GRAPH,
    TENSOR_DATA_TYPE,
    TENSOR_DIMS,
    TENSOR_NAME,
    VARINT,
)
from desire_edge.runtime.manifest import (
    ADAPT,
    BASE_FRAGMENT,
    EXTRACTOR,
    HEAD,
    HEAD_FRAGMENT,
    LEXICON,
    MANIFEST,
    SEMANTICS,
)

PURPOSES = {
    MANIFEST: "what the bundle is, and its files' digests",
    EXTRACTOR: "from input to features",
    HEAD: "from features to probabilities, the task's weights given",
    HEAD_FRAGMENT: "the same, to complete a model with",
    BASE_FRAGMENT: "the base labels' output, to complete a model with",
    ADAPT: "from examples to the task's weights, as a graph",
    SEMANTICS: "what was meta-learned",
    LEXICON: "words and their vectors",
}
# By TensorProto.DataType, and by safetensors' names.
_ONNX_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
_SAFETENSORS_TYPES = {"F32": "float32", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32"}
_FIXED = {1: 8, 5: 4}  # bytes of protobuf's wire types that are neither varints nor length-delimited


@dataclass(frozen=True)
class Held:
    """One array of a file: name, type, shape, and the bytes of its numbers."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @classmethod
    def of(cls, name: str, dtype: str | None, shape: Iterable[int]) -> Held:
        """The array of this name, type and shape; a type that no bundle of ours has is refused."""
        if dtype is None:
            raise ValueError(f"the array {reprlib.repr(name)} is of a type that no bundle has")
        shape = tuple(shape)
        return cls(name, dtype, shape, np.dtype(dtype).itemsize * math.prod(shape))


@dataclass(frozen=True)
class FileContents:
    """One file of a bundle: bytes, its share of the whole bundle, what it is for, and its arrays, the largest first."""

    name: str
    bytes: int
    share: float
    purpose: str
    arrays: tuple[Held, ...]

    def to_json(self) -> dict[str, Any]:
        """The contents as JSON values."""
        return asdict(self)


def bundle_contents(bundle: Bundle) -> tuple[FileContents, ...]:
    """Every file of an opened bundle, the largest first.

    Raises:
        DesireEdgeError: a file that is no ONNX graph or no safetensors file.
    """
    sizes = {name: record.bytes for name, record in bundle.manifest.files.items()}
    sizes[MANIFEST] = (bundle.path / MANIFEST).stat().st_size
    total = sum(sizes.values())
    return tuple(
        FileContents(name, size, size / total, PURPOSES[name], file_arrays(bundle.path / name))
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
    )


def file_arrays(path: Path) -> tuple[Held, ...]:
    """The arrays of an ONNX or safetensors file, the largest first; none of any other.

    Raises:
        DesireEdgeError: no such file inside, or one that breaks off.
    """
    try:
        if path.suffix == ".onnx":
            found = _onnx_arrays(path.read_bytes())
        elif path.suffix == ".safetensors":
            found = _safetensors_arrays(path)
        else:
            found = []
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise DesireEdgeError(f"{path} cannot be read: {error}; export the bundle again") from error
    return tuple(sorted(found, key=lambda array: -array.bytes))


def _safetensors_arrays(path: Path) -> list[Held]:
    with safe_open(path, framework="numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        return [
            Held.of(name, _SAFETENSORS_TYPES.get(part.get_dtype()), part.get_shape())
            for name, part in slices.items()
        ]


def _onnx_arrays(content: bytes) -> list[Held]:
    """The initialisers of a serialised ModelProto, or of several end to end."""
    return [
        _tensor(tensor)
        for field, graph in _fields(content)
        if field == MODEL_GRAPH and isinstance(graph, bytes)
        for inner, tensor in _fields(graph)
        if inner == GRAPH_INITIALIZER and isinstance(tensor, bytes)
    ]


def _tensor(content: bytes) -> Held:
    fields = [*_fields(content)]
    shape = [size for field, size in fields if field == TENSOR_DIMS and isinstance(size, int)]
    kinds = [kind for field, kind in fields if field == TENSOR_DATA_TYPE and isinstance(kind, int)]
    names = [name.decode() for field, name in fields if field == TENSOR_NAME and isinstance(name, bytes)]
    return Held.of(names[-1], _ONNX_TYPES.get(kinds[-1]), shape)


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a serialised message: numbers, and of all others their bytes."""
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        kind = tag & 7
        if kind == VARINT:
            value, at = _varint(content, at)
            yield tag >> 3, value
            continue
        length = _FIXED.get(kind)
        if kind == LENGTH_DELIMITED:
            length, at = _varint(content, at)
        if length is None or length > len(content) - at:
            raise ValueError(f"its message breaks off at byte {at}")
        yield tag >> 3, content[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, seven bits a byte, low bits first, and where it ends."""
    value = 0
    for place in range(10):
        byte = content[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError(f"a number has no end at byte {at}")
