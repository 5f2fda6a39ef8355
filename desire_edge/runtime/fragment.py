"""Completing an ONNX file without the onnx package.

Serialised protobuf messages concatenate: parsing `model + fragment` merges the two, embedded messages field by field,
repeated fields one after the other. So the extractor, all but its output, becomes a whole model when the head's nodes
are appended, and the weights they refer to, each as a ModelProto that holds nothing else. Export writes the nodes; this
module writes the weights: a handful of fields of ModelProto, GraphProto and TensorProto (onnx.proto3).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

MODEL_GRAPH, MODEL_METADATA = 7, 14
GRAPH_INITIALIZER = 5
TENSOR_DIMS, TENSOR_DATA_TYPE, TENSOR_NAME, TENSOR_RAW_DATA = 1, 2, 8, 9
ENTRY_KEY, ENTRY_VALUE = 1, 2
FLOAT = 1  # TensorProto.DataType
VARINT, LENGTH_DELIMITED = 0, 2


def model_fragment(initializers: Mapping[str, NDArray[np.float32]], metadata: Mapping[str, str]) -> bytes:
    """A serialised ModelProto with these float32 initialisers and these metadata_props, and nothing else."""
    graph = b"".join(
        _message(GRAPH_INITIALIZER, _tensor(name, array)) for name, array in initializers.items()
    )
    entries = b"".join(
        _message(MODEL_METADATA, _message(ENTRY_KEY, key.encode()) + _message(ENTRY_VALUE, value.encode()))
        for key, value in metadata.items()
    )
    return (_message(MODEL_GRAPH, graph) if graph else b"") + entries


def _tensor(name: str, array: NDArray[np.float32]) -> bytes:
    if array.dtype != np.float32:
        raise TypeError(f"initialiser {name} is {array.dtype}, not float32")
    dims = b"".join(_varint(TENSOR_DIMS << 3 | VARINT) + _varint(size) for size in array.shape)
    return (
        dims
        + _varint(TENSOR_DATA_TYPE << 3 | VARINT)
        + _varint(FLOAT)
        + _message(TENSOR_NAME, name.encode())
        + _message(TENSOR_RAW_DATA, np.ascontiguousarray(array, "<f4").tobytes())
    )


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A non-negative integer, seven bits a byte, low bits first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
