"""Pieces of ONNX graphs that a frozen stage is made of: from torch, from a user's file, pre-processing, end to end."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto, TensorProto, compose, helper, numpy_helper, version_converter
from torch import Tensor, nn

from desire_edge.errors import DesireEdgeError

OPSET = 18  # the first with Resize that takes the mean of what it makes smaller
IR_VERSION = 8


def torch_to_onnx(
    module: nn.Module, x: Tensor, inputs: str, output: str, opset: int = OPSET, dynamic: Sequence[str] = ()
) -> ModelProto:
    """A module in evaluation mode as ONNX: `inputs`, shaped as `x`, -> `output`.

    `dynamic` names the first dimensions of x whose size is not fixed.
    """
    # Torch's exporter speaks of its own affairs: torchvision is not there, a function of its own is deprecated.
    logging.getLogger("torch.onnx._internal.exporter").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            (x,),
            input_names=[inputs],
            output_names=[output],
            opset_version=opset,
            dynamo=True,
            optimize=False,  # it takes ε² = 1e-12 for 0 and drops it: 0/0 for a text of which no word is known
            verbose=False,
            dynamic_shapes=({axis: torch.export.Dim(name) for axis, name in enumerate(dynamic)},)
            if dynamic
            else None,
        )
    assert program is not None
    model = program.model_proto
    for entry in list(model.metadata_props):
        model.metadata_props.remove(entry)
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


def joined(first: ModelProto, second: ModelProto) -> ModelProto:
    """The graph of `second` after that of `first`, whose outputs of the same names as inputs there go into these."""
    shared = {value.name for value in first.graph.output} & {value.name for value in second.graph.input}
    opset = max(_opset(first), _opset(second))
    parts = []
    for prefix, model, kept in (
        ("first.", first, {value.name for value in (*first.graph.input, *first.graph.output)}),
        ("second.", second, {value.name for value in second.graph.output} | shared),
    ):
        part = ModelProto()
        part.CopyFrom(of_opset(model, opset))
        part.ir_version = IR_VERSION
        del part.graph.value_info[:]
        part = compose.add_prefix(part, prefix)
        _renamed(part, {prefix + name: name for name in kept})
        parts.append(part)
    whole: ModelProto = compose.merge_models(
        parts[0], parts[1], io_map=[(name, name) for name in sorted(shared)]
    )
    del whole.opset_import[:]  # one for each part
    whole.opset_import.append(helper.make_opsetid("", opset))
    return whole


def of_opset(model: ModelProto, opset: int) -> ModelProto:
    """The model with at least this operator set."""
    if _opset(model) >= opset:
        return model
    try:
        return version_converter.convert_version(model, opset)
    except RuntimeError as error:
        raise DesireEdgeError(
            f"the ONNX model's operator set {_opset(model)} cannot be brought to {opset} ({error}); export it anew "
            f"with opset {opset}"
        ) from error


def with_sizes(model: ModelProto, name: str, sizes: Sequence[int | str]) -> ModelProto:
    """A copy whose input or output `name` has this shape."""
    changed = ModelProto()
    changed.CopyFrom(model)
    for value in (*changed.graph.input, *changed.graph.output):
        if value.name == name:
            value.CopyFrom(helper.make_tensor_value_info(name, value.type.tensor_type.elem_type, list(sizes)))
    del changed.graph.value_info[:]
    return changed


def pixels_to_square(
    size: int, mean: Sequence[float], std: Sequence[float], crop: float, *, channels_last: bool = False
) -> ModelProto:
    """x uint8 [1, height, width, 3] -> `pixels` float32 [1, 3, size, size], or [1, size, size, 3] with `channels_last`.

    The square in the middle whose side is `crop` of the shorter one, antialiased, then (v − mean) / std a channel.
    """
    constants: dict[str, np.ndarray[Any, Any]] = {
        "middle": np.array([1], np.int64),
        "last": np.array([3], np.int64),
        "permille": np.array(round(1000 * crop), np.int64),
        "thousand": np.array(1000, np.int64),
        "one": np.array(1, np.int64),
        "two": np.array(2, np.int64),
        "axes": np.array([1, 2], np.int64),
        "sizes": np.array([1, 3, size, size], np.int64),
        "mean": np.array(mean, np.float32).reshape(1, 3, 1, 1),
        "std": np.array(std, np.float32).reshape(1, 3, 1, 1),
    }
    nodes: list[NodeProto] = []

    def op(kind: str, output: str, *inputs: str, **attributes: Any) -> None:
        nodes.append(helper.make_node(kind, list(inputs), [output], name=output, **attributes))

    op("Shape", "shape", "x")
    op("Slice", "height_width", "shape", "middle", "last")
    op("ReduceMin", "shorter", "height_width", keepdims=1)
    op("Mul", "many", "shorter", "permille")
    op("Div", "some", "many", "thousand")
    op("Max", "side", "some", "one")
    op("Sub", "around", "height_width", "side")
    op("Div", "begin", "around", "two")
    op("Add", "end", "begin", "side")
    op("Slice", "cropped", "x", "begin", "end", "axes")
    op("Transpose", "planes", "cropped", perm=[0, 3, 1, 2])
    op("Cast", "float", "planes", to=TensorProto.FLOAT)
    op("Resize", "resized", "float", "", "", "sizes", mode="linear", antialias=1, exclude_outside=1,
       coordinate_transformation_mode="half_pixel")  # fmt: skip
    op("Sub", "centred", "resized", "mean")
    op("Div", "normalised" if channels_last else "pixels", "centred", "std")
    if channels_last:
        op("Transpose", "pixels", "normalised", perm=[0, 2, 3, 1])
    shape = [1, size, size, 3] if channels_last else [1, 3, size, size]
    return model_of(
        nodes,
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, "height", "width", 3])],
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        constants,
    )


def model_of(
    nodes: Sequence[NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray[Any, Any]],
) -> ModelProto:
    """A model of those nodes and constants."""
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def _opset(model: ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 1)


def _renamed(model: ModelProto, names: dict[str, str]) -> None:
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
