"""The models that a device splices are, byte for byte or field for field, what the onnx package makes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from desire_edge import DesireEdgeError
from desire_edge.runtime.model_file import complete_model
from desire_edge.runtime.wire import bytes_field, fields, number_field

FLOATS = npst.arrays(
    np.float32,
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    elements=st.floats(width=32),
)
NAMES = st.text(min_size=1, max_size=300)
TEXT = st.text(max_size=300)
PART = bytes_field(7, bytes_field(1, b""))  # a graph of one empty node, which onnx would write so


def built_by_onnx(initializers: dict[str, NDArray[np.float32]], metadata: dict[str, str]) -> bytes:
    model = onnx.ModelProto()
    model.graph.node.add()
    for name, array in initializers.items():
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    for key, value in metadata.items():
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=value))
    return bytes(model.SerializeToString())


@given(st.dictionaries(NAMES, FLOATS, max_size=4), st.dictionaries(TEXT, TEXT, max_size=4))
def test_weights_and_metadata_are_what_onnx_writes(
    initializers: dict[str, NDArray[np.float32]], metadata: dict[str, str]
) -> None:
    assert complete_model({"x": PART}, initializers, metadata) == built_by_onnx(initializers, metadata)


@pytest.mark.parametrize("size", [1, 31, 32, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 3_000_000])
def test_lengths_at_the_edges_of_a_varint(size: int) -> None:
    arrays, metadata = {"a": np.arange(size, dtype=np.float32)}, {"k": "x" * size}
    assert complete_model({"x": PART}, arrays, metadata) == built_by_onnx(arrays, metadata)


def test_arrays_are_written_row_by_row_whatever_their_layout() -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    for view in (array, array[::2], array.T, array[:, ::-1]):
        parsed = onnx.load_model_from_string(complete_model({"x": PART}, {"a": view}, {}))
        assert np.array_equal(numpy_helper.to_array(parsed.graph.initializer[0]), view)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_only_float32_is_taken(dtype: type) -> None:
    with pytest.raises(TypeError, match="not float32"):
        complete_model({"x": PART}, {"a": np.zeros(3, dtype)}, {})


def piece(name: str, arrays: dict[str, NDArray[np.float32]], *outputs: str) -> ModelProto:
    """A model with a graph of every kind of field."""
    model = ModelProto(ir_version=8, producer_name=name, opset_import=[onnx.helper.make_opsetid("", 18)])
    model.graph.name = name
    model.graph.node.append(onnx.helper.make_node("Identity", [f"{name}.in"], [f"{name}.out"]))
    for key, array in arrays.items():
        model.graph.initializer.append(numpy_helper.from_array(array, key))
    model.graph.input.append(onnx.helper.make_tensor_value_info(f"{name}.in", 1, [1]))
    for output in outputs:
        model.graph.output.append(onnx.helper.make_tensor_value_info(output, 1, [1]))
    model.graph.value_info.append(onnx.helper.make_tensor_value_info(f"{name}.between", 1, [1]))
    return model


PIECES = st.lists(st.dictionaries(NAMES, FLOATS, max_size=2), min_size=1, max_size=3)


@given(PIECES)
def test_a_spliced_model_is_the_pieces_merged_but_for_the_first_ones_name_and_output(
    arrays: list[dict[str, NDArray[np.float32]]],
) -> None:
    pieces = [piece(f"p{index}", values, "y", "z") for index, values in enumerate(arrays)]
    for other in pieces[2:]:
        other.graph.ClearField("name")  # as base.fragment.onnx, so that the name is said once
    parts = {model.producer_name: model.SerializeToString() for model in pieces}
    spliced = complete_model(parts, {"w": np.ones(2, np.float32)}, {"k": "v"})
    expected = pieces[0]
    expected.graph.ClearField("name")
    del expected.graph.output[:]
    for other in pieces[1:]:
        expected.graph.MergeFrom(other.graph)
    expected.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    expected.metadata_props.append(onnx.StringStringEntryProto(key="k", value="v"))
    assert onnx.load_model_from_string(spliced) == expected
    assert [field.number for field in fields(spliced)].count(7) == 1
    assert len(spliced) == expected.ByteSize(), "nothing stands there twice"


def test_a_graph_in_several_fields_becomes_one() -> None:
    """As in bundles of schema 3, whose extractor's output stands in a `graph` of its own."""
    whole = piece("p", {"a": np.ones(3, np.float32)}, "z")
    body, output = ModelProto(), ModelProto()
    body.CopyFrom(whole)
    del body.graph.output[:]
    output.graph.output.extend(whole.graph.output)
    in_two = body.SerializeToString() + output.SerializeToString()
    assert [field.number for field in fields(in_two)].count(7) == 2
    once, twice = (
        complete_model({"x": part, "y": PART}, {}, {}) for part in (whole.SerializeToString(), in_two)
    )
    assert once == twice


FRAGMENTS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda part: part,
    "its graph in two fields": lambda part: part + PART,
    "fields of a fixed width before it": lambda part: b"\x0d" + bytes(4) + b"\x11" + bytes(8) + part,
    "metadata after it": lambda part: part + bytes_field(14, bytes_field(1, b"k"), bytes_field(2, b"v")),
    "a graph that is a number after it": lambda part: part + number_field(7, 5),
    "a number of 64 bits after it": lambda part: part + number_field(1, 2**64 - 1),
    "nothing": lambda part: b"",
    "an empty graph": lambda part: bytes_field(7),
    "a graph that is a number": lambda part: number_field(7, 5),
    "cut by a byte": lambda part: part[:-1],
    "cut in half": lambda part: part[: len(part) // 2],
    "cut within a length": lambda part: part[:2],
    "a graph longer than its file": lambda part: b"\x3a\x7f" + part[-3:],
    "a node longer than its graph": lambda part: bytes_field(7, b"\x0a\x7f" + part[-3:]),
    "a length of terabytes": lambda part: part + b"\x0a" + b"\xff" * 9 + b"\x01",
    "a number of 65 bits": lambda part: part + b"\x08" + b"\xff" * 9 + b"\x02",
    "a number without an end": lambda part: part + b"\x08" + b"\x80" * 99,
    "field 0": lambda part: part + b"\x00\x01",
    "a field beyond 29 bits": lambda part: part + b"\x88\x80\x80\x80\x80\x01\x00",
    "a group": lambda part: part + b"\x0b\x0c",
    "a group within its graph": lambda part: bytes_field(7, b"\x0b\x0c"),
}
"""What a fragment may be, made of a good one; from "nothing" on it must be refused. The clients have them too."""
GOOD = list(FRAGMENTS)[: list(FRAGMENTS).index("nothing")]
BAD = [name for name in FRAGMENTS if name not in GOOD]
FRAGMENT = piece("task", {"b": np.ones(3, np.float32)}, "y").SerializeToString()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_beside_a_fragments_graph_is_left_away(name: str) -> None:
    extractor = piece("x", {"a": np.ones(2, np.float32)}, "z").SerializeToString()
    spliced = complete_model({"x": extractor, "y": FRAGMENTS[name](FRAGMENT)}, {}, {})
    found = onnx.load_model_from_string(spliced)
    assert (found.ir_version, found.producer_name, found.graph.name) == (8, "x", "task")
    assert not found.metadata_props
    assert [field.number for field in fields(spliced)].count(7) == 1


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_whole_model_is_refused_by_its_name(name: str) -> None:
    broken = FRAGMENTS[name](FRAGMENT)
    sentence = r"^tagger\.desire/y\.onnx is not a whole ONNX file: .*; export the bundle again$"
    for parts in ({"x": PART, "tagger.desire/y.onnx": broken}, {"tagger.desire/y.onnx": broken, "z": PART}):
        with pytest.raises(DesireEdgeError, match=sentence) as caught:
            complete_model(parts, {}, {})
        assert caught.value.code == "onnx"


@given(st.binary(max_size=60))
def test_no_bytes_bring_it_down(content: bytes) -> None:
    try:
        complete_model({"x": PART, "y": b"\x3a" + content}, {}, {})
    except DesireEdgeError as error:
        assert "y is not a whole ONNX file" in str(error)


@given(st.dictionaries(NAMES, FLOATS, min_size=1, max_size=3))
def test_weights_are_read_as_they_were_to_the_bit(arrays: dict[str, NDArray[np.float32]]) -> None:
    found = onnx.load_model_from_string(complete_model({"x": PART}, arrays, {})).graph.initializer
    assert [tensor.name for tensor in found] == list(arrays)
    for tensor, array in zip(found, arrays.values(), strict=True):
        assert tuple(tensor.dims) == array.shape
        assert numpy_helper.to_array(tensor).tobytes() == array.tobytes()
        assert len(tensor.raw_data) == 4 * math.prod(array.shape)
