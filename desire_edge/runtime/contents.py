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
from desire_edge.inputs.tokens import TOKENIZER
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.manifest import (
    ADAPT,
    BASE,
    BASE_FRAGMENT,
    EXTRACTOR,
    HEAD,
    HEAD_FRAGMENT,
    LEXICON,
    MANIFEST,
    SEMANTICS,
)
from desire_edge.runtime.model_file import (
    GRAPH_INITIALIZER,
    MODEL_GRAPH,
    TENSOR_DATA_TYPE,
    TENSOR_DIMS,
    TENSOR_NAME,
)
from desire_edge.runtime.wire import fields

PURPOSES = {
    MANIFEST: "what the bundle is, and its files' digests",
    BASE: "from input to features, and with a user's part to probabilities",
    EXTRACTOR: "from input to features",
    HEAD: "from features to probabilities, the task's weights given",
    HEAD_FRAGMENT: "the same, to complete a model with",
    BASE_FRAGMENT: "the base labels' output, to complete a model with",
    ADAPT: "from examples to the task's weights, as a graph",
    SEMANTICS: "what was meta-learned",
    LEXICON: "words and their vectors",
    TOKENIZER: "from text to tokens",
}
# By TensorProto.DataType, and by safetensors' names.
_ONNX_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16"}
_SAFETENSORS_TYPES = {"F32": "float32", "I8": "int8", "U8": "uint8", "U16": "uint16", "U32": "uint32"}
MAX_DIMS = 64  # numpy's bound


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
    """The initialisers of a serialised ModelProto's graph; a bundle of schema 3 may have it in several fields."""
    return [
        _tensor(tensor)
        for graph in _messages(content, MODEL_GRAPH)
        for tensor in _messages(graph, GRAPH_INITIALIZER)
    ]


def _messages(content: bytes | memoryview, number: int) -> Iterator[memoryview]:
    for field in fields(content):
        if field.number == number and isinstance(field.value, memoryview):
            yield field.value


def _tensor(content: memoryview) -> Held:
    shape: list[int] = []
    kind, name = 0, memoryview(b"")
    for number, value, _ in fields(content):
        if number == TENSOR_DIMS and isinstance(value, int):
            shape.append(value)
        elif number == TENSOR_DATA_TYPE and isinstance(value, int):
            kind = value
        elif number == TENSOR_NAME and isinstance(value, memoryview):
            name = value
        if len(shape) > MAX_DIMS:
            raise ValueError(f"an array has more than {MAX_DIMS} dimensions")
    return Held.of(bytes(name).decode(), _ONNX_TYPES.get(kind), shape)
