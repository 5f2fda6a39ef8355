"""ONNX files, made and read without the onnx package: a few fields of ModelProto, GraphProto and TensorProto.

A model is spliced: the fields of its pieces' graphs, end to end, are those of its one graph. Protobuf would merge two
`graph` fields in one file just so, but many readers of ONNX keep the last of them and see no nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.runtime.wire import Field, bytes_field, fields, number_field

MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_NAME, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT = 2, 5, 11, 12
TENSOR_DIMS, TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA = 1, 2, 8, 9
VALUE_NAME = 1
ENTRY_KEY, ENTRY_VALUE = 1, 2
FLOAT = 1  # TensorProto.DataType

PARTS = ("task.", "base.")
"""What the names of a base's inputs begin with that have a default: a user's part, and the base labels'."""


def standalone_model(
    name: str,
    base: bytes,
    weights: Mapping[str, NDArray[np.float32]],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
) -> bytes:
    """The model that a bundle's base is with a user's part for good: one ModelProto of one graph.

    Args:
        name: of the base, in errors.
        base: its bytes.
        weights: float32, what its inputs that have a default are to be. Other defaults stay as they are.
        outputs: those it keeps.
        metadata: of the model.

    Raises:
        DesireEdgeError: a base that breaks off, is no ONNX file or has no graph.
    """

    def kept(field: Field) -> bool:
        if field.number == GRAPH_INPUT:
            return not _name(field, VALUE_NAME).startswith(PARTS)
        if field.number == GRAPH_OUTPUT:
            return _name(field, VALUE_NAME) in outputs
        return field.number != GRAPH_INITIALIZER or _name(field, TENSOR_NAME) not in weights

    others, graph = _taken_apart(name, base, kept)
    return _joined(others, graph, weights, metadata)


def complete_model(
    parts: Mapping[str, bytes],
    initializers: Mapping[str, NDArray[np.float32]],
    metadata: Mapping[str, str],
) -> bytes:
    """The model that a bundle's files before schema 7 make with float32 initialisers and metadata_props.

    Args:
        parts: the files by their names in errors. The first, the extractor, is taken but for its graph's name and
            output; of the fragments that follow, their graphs.
        initializers: the weights that the fragments wait for.
        metadata: of the model.

    Raises:
        DesireEdgeError: a file that breaks off, is no ONNX file or has no graph.
    """
    (extractor, *fragments) = parts.items()
    others, graph = _taken_apart(*extractor, lambda field: field.number not in (GRAPH_NAME, GRAPH_OUTPUT))
    for fragment in fragments:
        graph += _taken_apart(*fragment, lambda field: True)[1]
    return _joined(others, graph, initializers, metadata)


def _joined(
    others: bytearray,
    graph: bytearray,
    weights: Mapping[str, NDArray[np.float32]],
    metadata: Mapping[str, str],
) -> bytes:
    for name, array in weights.items():
        graph += bytes_field(GRAPH_INITIALIZER, _tensor(name, array))
    entries = (
        bytes_field(
            MODEL_METADATA, bytes_field(ENTRY_KEY, key.encode()), bytes_field(ENTRY_VALUE, text.encode())
        )
        for key, text in metadata.items()
    )
    return b"".join((others, bytes_field(MODEL_GRAPH, graph), *entries))


def _taken_apart(name: str, model: bytes, kept: Callable[[Field], bool]) -> tuple[bytearray, bytearray]:
    """What a serialised ModelProto holds beside its graph, and its graph's fields that are `kept`."""
    others, graph = bytearray(), bytearray()
    try:
        for field in fields(model):
            if field.number != MODEL_GRAPH:
                others += field.encoded
            elif isinstance(field.value, memoryview):
                for inner in fields(field.value):
                    if kept(inner):
                        graph += inner.encoded
        if not graph:
            raise ValueError("it holds no graph")
    except ValueError as error:
        raise DesireEdgeError(
            f"{name} is not a whole ONNX file: {error}; export the bundle again", "onnx"
        ) from error
    return others, graph


def _name(message: Field, number: int) -> str:
    """The name that a message says in its field `number`; "" where it says none."""
    if not isinstance(message.value, memoryview):
        raise ValueError("what should be a message is a number")
    for field in fields(message.value):
        if field.number == number and isinstance(field.value, memoryview):
            return bytes(field.value).decode()
    return ""


def _tensor(name: str, array: NDArray[np.float32]) -> bytes:
    if array.dtype != np.float32:
        raise TypeError(f"initialiser {name} is {array.dtype}, not float32")
    return b"".join(
        (
            *(number_field(TENSOR_DIMS, size) for size in array.shape),
            number_field(TENSOR_DATA_TYPE, FLOAT),
            bytes_field(TENSOR_NAME, name.encode()),
            bytes_field(TENSOR_RAW_DATA, np.ascontiguousarray(array, "<f4").tobytes()),
        )
    )
