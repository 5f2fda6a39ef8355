"""Tiny bundles whose examples differ in shape: pictures, and texts through a tokenizer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from vectors.tiny import D, make_bundle, numbers

from desire_edge import Bundle
from desire_edge.export.bundle import ExportOptions, with_head
from desire_edge.export.graphs import finish, float_value, serialize
from desire_edge.files import write_json
from desire_edge.inputs import ImageInput, InputSpec, TokensInput
from desire_edge.runtime.manifest import BASE, MANIFEST, FileRecord, Manifest, bundle_files

WORDS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "bread", "jazz", "a", "trumpet")


def tiny_tokenizer(folder: Path) -> Path:
    """A `tokenizer.json` of eight words, which asks to be filled up and cut off: what a spec says counts, not that."""
    tokenizer = Tokenizer(
        models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_padding(length=32)
    tokenizer.enable_truncation(3)
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def image_graph() -> ModelProto:
    """x uint8 [1, height, width, 3] -> z [1, d]: a picture's mean colour, from -1 to 1, times a matrix."""
    nodes = [
        helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["colour"]),
        helper.make_node("MatMul", ["colour", "w"], ["z"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "axes": np.array([1, 2], np.int64),
        "scale": np.array(127.5, np.float32),
        "one": np.array(1, np.float32),
        "w": numbers("image.w", 3, D, scale=2),
    }
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, [1, "height", "width", 3])
    return graph_of(nodes, x, constants)


def tokens_graph(vocabulary: int) -> ModelProto:
    """x int64 [1, length] -> z [1, d]: the mean of the tokens' rows of a matrix."""
    nodes = [
        helper.make_node("Gather", ["w", "x"], ["rows"]),
        helper.make_node("ReduceMean", ["rows", "axes"], ["z"], keepdims=0),
    ]
    constants: dict[str, NDArray[Any]] = {
        "axes": np.array([1], np.int64),
        "w": numbers("tokens.w", vocabulary, D, scale=2),
    }
    x = helper.make_tensor_value_info("x", TensorProto.INT64, [1, "length"])
    return graph_of(nodes, x, constants)


def graph_of(nodes: list[NodeProto], x: ValueInfoProto, constants: dict[str, NDArray[Any]]) -> ModelProto:
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "extractor", [x], [float_value("z", 1, D)], weights)
    model: ModelProto = finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]))
    return model


def write_base(folder: Path, extractor: ModelProto) -> None:
    """Put another extractor, which takes one example at a time, before the head of the bundle in `folder`."""
    semantics = Bundle(folder, Manifest.read(folder / MANIFEST), "cpu").semantics
    base = with_head(extractor, semantics, ExportOptions(batch=1), any_batch=False)
    (folder / BASE).write_bytes(serialize(base))


def ragged_bundle(folder: Path, graph: ModelProto, spec: InputSpec, tokenizer: Path | None = None) -> Path:
    """The golden bundle `plain` with another extractor and input."""
    make_bundle(folder)
    write_base(folder, graph)
    if tokenizer is not None:
        (folder / tokenizer.name).write_bytes(tokenizer.read_bytes())
    manifest = Manifest.read(folder / MANIFEST)
    files = {name: FileRecord.of(folder / name) for name in bundle_files(spec)}
    write_json(folder / MANIFEST, replace(manifest, input=spec, files=files).to_json())
    return folder


def image_bundle(folder: Path) -> Path:
    """A bundle of pictures."""
    return ragged_bundle(folder, image_graph(), ImageInput())


def tokens_bundle(folder: Path, tokenizer: Path) -> Path:
    """A bundle of texts as tokens."""
    spec = TokensInput.of(tokenizer, longest=6, pad=0)
    return ragged_bundle(folder, tokens_graph(spec.vocabulary), spec, tokenizer)
