"""The hand-written protobuf is, byte for byte, what the onnx package writes."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from onnx import numpy_helper

from desire_edge.runtime.fragment import model_fragment

FLOATS = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    elements=st.floats(width=32),
)
NAMES = st.text(min_size=1, max_size=300)
TEXT = st.text(max_size=300)


def built_by_onnx(initializers: dict[str, NDArray[np.float32]], metadata: dict[str, str]) -> bytes:
    model = onnx.ModelProto()
    for name, array in initializers.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    for key, value in metadata.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))
    return bytes(model.SerializeToString())


@given(st.dictionaries(NAMES, FLOATS, max_size=4), st.dictionaries(TEXT, TEXT, max_size=4))
def test_a_fragment_is_what_onnx_writes(
    initializers: dict[str, NDArray[np.float32]], metadata: dict[str, str]
) -> None:
    assert model_fragment(initializers, metadata) == built_by_onnx(initializers, metadata)


@pytest.mark.parametrize("size", [1, 31, 32, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 3_000_000])
def test_lengths_at_the_edges_of_a_varint(size: int) -> None:
    array = np.arange(size, dtype=np.float32)
    value = "x" * size
    assert model_fragment({"a": array}, {"k": value}) == built_by_onnx({"a": array}, {"k": value})


def test_arrays_are_written_row_by_row_whatever_their_layout() -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    for view in (array, array[::2], array.T, array[:, ::-1]):
        parsed = onnx.load_model_from_string(model_fragment({"a": view}, {}))
        assert np.array_equal(numpy_helper.to_array(parsed.graph.initializer[0]), view)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_only_float32_is_taken(dtype: type) -> None:
    with pytest.raises(TypeError, match="not float32"):
        model_fragment({"a": np.zeros(3, dtype)}, {})


@given(st.lists(st.dictionaries(NAMES, FLOATS, min_size=1, max_size=2), max_size=3))
def test_fragments_add_up(parts: list[dict[str, NDArray[np.float32]]]) -> None:
    whole = onnx.load_model_from_string(b"".join(model_fragment(part, {"n": "1"}) for part in parts))
    expected = [(name, array.shape) for part in parts for name, array in part.items()]
    assert [(tensor.name, tuple(tensor.dims)) for tensor in whole.graph.initializer] == expected
    assert len(whole.metadata_props) == len(parts)
    for tensor, array in zip(
        whole.graph.initializer, (array for part in parts for array in part.values()), strict=True
    ):
        assert numpy_helper.to_array(tensor).tobytes() == array.tobytes()
        assert len(tensor.raw_data) == 4 * math.prod(array.shape)
