"""A user's own ONNX file as a backbone; what it takes says what kind of input it is for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import ImageInput, InputSpec, TokensInput, VectorInput
from desire_edge.inputs.assets import sha256_of
from desire_edge.inputs.tokens import TOKENIZER
from desire_edge.models.backbones.frozen import GRAPH, FrozenStage, Part
from desire_edge.models.backbones.graphs import (
    OPSET,
    joined,
    model_of,
    of_opset,
    pixels_to_square,
    with_sizes,
)
from desire_edge.models.backbones.options import BackboneOptions

PREFIX = "onnx:"
LONGEST = 256
FLOAT, UINT8, INT64 = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64


def build(folder: Path, options: BackboneOptions, file: Path) -> FrozenStage:
    """Write the user's graph into `folder`, with pre-processing before it and, for tokens, their mean after it."""
    model = _read(file)
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = {value.name: value.type.tensor_type for value in model.graph.input if value.name not in weights}
    kinds = [kind.elem_type for kind in inputs.values()]
    shape = [
        [size.dim_value for size in kind.shape.dim] for kind in inputs.values()
    ]  # 0 where it is not fixed
    spec: InputSpec
    if (
        1 <= len(kinds) <= 3
        and all(kind == INT64 for kind in kinds)
        and all(len(sizes) == 2 for sizes in shape)
    ):
        spec, whole = _tokens(model, list(inputs), file, folder)
    elif len(kinds) == 1 and kinds[0] in (FLOAT, UINT8) and len(shape[0]) == 4:
        spec, whole = ImageInput(), _image(model, next(iter(inputs)), kinds[0], shape[0], options, file)
    elif len(kinds) == 1 and kinds[0] == FLOAT and len(shape[0]) == 2 and (shape[0][1] or options.vector):
        spec, whole = (
            VectorInput(shape[0][1] or options.vector or 0),
            _input_called(model, next(iter(inputs)), "x"),
        )
        whole = with_sizes(whole, "x", [shape[0][0] or "n", spec.features])
    else:
        raise DesireEdgeError(
            f"{file} takes {', '.join(f'{name} {sizes}' for name, sizes in zip(inputs, shape, strict=True))}; a "
            "backbone takes one float32 [n, features], one picture of fixed size (float32 or uint8, [n, 3, size, size] "
            "or [n, size, size, 3]), or token ids int64 [n, length]"
        )
    whole = _features(whole, spec, file)
    onnx.save(whole, folder / GRAPH)
    part = Part(file.name, sha256_of(file), "the user's own", "backbone")
    stage = FrozenStage(f"{PREFIX}{file}", folder, spec, 1, lineage=(part,))
    return _measured(stage, file)


def _read(file: Path) -> ModelProto:
    try:
        model = onnx.load(file)
        onnx.checker.check_model(model)
    except Exception as error:  # of onnx, of protobuf, of the system
        raise DesireEdgeError(f"{file} is not an ONNX model that can be read: {error}") from error
    if len(model.graph.output) < 1 or any(node.domain not in ("", "ai.onnx") for node in model.graph.node):
        raise DesireEdgeError(f"{file} uses operators that are not ONNX's own; export it without them")
    return of_opset(model, OPSET)


def _image(
    model: ModelProto, name: str, kind: int, sizes: Sequence[int], options: BackboneOptions, file: Path
) -> ModelProto:
    last = sizes[3] == 3
    size = options.image_size or sizes[1 if last else 2] or sizes[2 if last else 3]
    if not size or (not last and sizes[1] != 3):
        raise DesireEdgeError(
            f"{file} takes pictures {list(sizes)}; say how large with --image-size, of three channels first or last"
        )
    mean, std = options.image_mean or (0.0,) * 3, options.image_std or (255.0 if kind == FLOAT else 1.0,) * 3
    before = pixels_to_square(size, mean, std, options.image_crop or 1.0, channels_last=last)
    if kind == UINT8:
        rounded = [
            helper.make_node("Round", ["pixels"], ["whole"]),
            helper.make_node("Clip", ["whole", "zero", "most"], ["clipped"]),
            helper.make_node("Cast", ["clipped"], ["bytes"], to=UINT8),
        ]
        shape = [size.dim_value for size in before.graph.output[0].type.tensor_type.shape.dim]
        before = joined(
            before,
            model_of(
                rounded,
                [helper.make_tensor_value_info("pixels", FLOAT, shape)],
                [helper.make_tensor_value_info("bytes", UINT8, shape)],
                {"zero": np.array(0, np.float32), "most": np.array(255, np.float32)},
            ),
        )
    wanted = before.graph.output[0].name
    shape = [value.dim_value for value in before.graph.output[0].type.tensor_type.shape.dim]
    return joined(before, with_sizes(_input_called(model, name, wanted), wanted, shape))


def _tokens(model: ModelProto, names: list[str], file: Path, folder: Path) -> tuple[TokensInput, ModelProto]:
    """Token ids x -> what transformers' exports take: the ids, which of them count, and types, all 0."""
    tokenizer = file.parent / TOKENIZER
    if not tokenizer.is_file():
        raise DesireEdgeError(f"{file} takes token ids; put its {TOKENIZER} beside it")
    shutil.copyfile(tokenizer, folder / TOKENIZER)
    pad = _pad(TokensInput.of(folder / TOKENIZER, longest=LONGEST, pad=0))
    spec = TokensInput.of(folder / TOKENIZER, longest=LONGEST, pad=pad)
    nodes = [
        helper.make_node("Equal", ["x", "pad"], ["empty"]),
        helper.make_node("Not", ["empty"], ["some"]),
        helper.make_node("Cast", ["some"], ["mask"], to=INT64),
    ]
    for name in names:
        kind = "mask" if "mask" in name else "types" if "type" in name else "x"
        nodes.append(
            helper.make_node("Sub", ["mask", "mask"], [name])
            if kind == "types"
            else helper.make_node("Identity", [kind], [name])
        )
    before = model_of(
        nodes,
        [helper.make_tensor_value_info("x", INT64, ["n", "length"])],
        [helper.make_tensor_value_info(name, INT64, ["n", "length"]) for name in names],
        {"pad": np.array(pad, np.int64)},
    )
    for name in names:
        model = with_sizes(model, name, ["n", "length"])
    return spec, joined(before, model)


def _pad(spec: TokensInput) -> int:
    for token in ("[PAD]", "<pad>", "<|endoftext|>"):
        if (found := spec.tokenizer.token_to_id(token)) is not None:
            return int(found)
    return 0


def _features(model: ModelProto, spec: InputSpec, file: Path) -> ModelProto:
    """The first output as `features`: [n, width] as it is, [n, length, width] as the mean of its tokens."""
    output = model.graph.output[0]
    rank = len(output.type.tensor_type.shape.dim)
    tokens = isinstance(spec, TokensInput)
    width = output.type.tensor_type.shape.dim[rank - 1].dim_value if rank else 0
    if output.type.tensor_type.elem_type != FLOAT or rank not in ((2, 3) if tokens else (2,)):
        raise DesireEdgeError(
            f"{file}'s first output {output.name} is not float32 [n, features]; let its features be the first output"
        )
    nodes = [helper.make_node("Identity", [output.name], ["features"])]
    constants: dict[str, np.ndarray[Any, Any]] = {}
    if tokens and rank == 3:
        assert isinstance(spec, TokensInput)
        constants = {"axis": np.array([1], np.int64), "last": np.array([-1], np.int64),
                     "least": np.array(1, np.float32), "no_token": np.array(spec.pad, np.int64)}  # fmt: skip
        nodes = [
            helper.make_node("Equal", ["x", "no_token"], ["is_empty"]),
            helper.make_node("Not", ["is_empty"], ["counts"]),
            helper.make_node("Cast", ["counts"], ["weights_flat"], to=FLOAT),
            helper.make_node("Unsqueeze", ["weights_flat", "last"], ["weights"]),
            helper.make_node("Mul", [output.name, "weights"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axis"], ["total"], keepdims=0),
            helper.make_node("ReduceSum", ["weights", "axis"], ["tokens"], keepdims=0),
            helper.make_node("Max", ["tokens", "least"], ["divisor"]),
            helper.make_node("Div", ["total", "divisor"], ["features"]),
        ]
    names = {name for node in model.graph.node for name in node.output} | {
        t.name for t in model.graph.initializer
    }
    clash = names & ({name for node in nodes for name in node.output} | set(constants))
    if clash:
        raise DesireEdgeError(f"{file} calls a value {sorted(clash)[0]!r}; give it another name")
    whole = ModelProto()
    whole.CopyFrom(model)
    whole.graph.node.extend(nodes)
    whole.graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in constants.items())
    del whole.graph.output[:]
    whole.graph.output.append(helper.make_tensor_value_info("features", FLOAT, ["n", width or "width"]))
    return whole


def _measured(stage: FrozenStage, file: Path) -> FrozenStage:
    """The stage with the width that its graph gives for an example, run once."""
    example: dict[str, np.ndarray[Any, Any]] = {
        "image": np.zeros((9, 7, 3), np.uint8),
        "tokens": np.ones(3, np.int64),
        "vector": np.zeros(stage.input.features, np.float32),
    }
    try:
        (found,) = stage._session().run(["features"], {"x": example[stage.input.kind][None]})
    except Exception as error:  # of ONNX Runtime
        raise DesireEdgeError(f"ONNX Runtime cannot run {file}: {str(error).splitlines()[0]}") from error
    if found.ndim != 2 or len(found) != 1 or not np.isfinite(found).all():
        raise DesireEdgeError(
            f"{file} gives {list(found.shape)} of one example, not [1, features], all finite"
        )
    return FrozenStage(stage.name, stage.folder, stage.input, found.shape[1], lineage=stage.lineage)


def _input_called(model: ModelProto, name: str, wanted: str) -> ModelProto:
    """A copy whose input `name` is called `wanted`."""
    changed = ModelProto()
    changed.CopyFrom(model)
    taken = {value for node in changed.graph.node for value in (*node.input, *node.output)}
    if wanted != name and wanted in taken:
        raise DesireEdgeError(
            f"the ONNX model calls a value {wanted!r} that is not its input; give it another name"
        )
    for node in changed.graph.node:
        node.input[:] = [wanted if value == name else value for value in node.input]
    for value in (*changed.graph.input, *changed.graph.output):
        if value.name == name:
            value.name = wanted
    return changed
