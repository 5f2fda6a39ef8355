"""Every ONNX file of ours has one graph, and says the same to all who read it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx
import pytest
from last_wins import last_wins
from onnx import ModelProto, checker
from parts.readers import READERS, OnnxFile, difference, graph_fields, onnx_files
from trained import Trained

from desire_edge import Bundle, Support

TOLERANCE = 1e-5
NAMES = ("base.onnx", "head.onnx", "adapt.onnx", "model.onnx", "model.onnx --keep-base")


@pytest.fixture(scope="module")
def files(exported: Trained) -> Mapping[str, OnnxFile]:
    """The graphs of a bundle and the models adapted with it, each with a task of its own."""
    query = exported.run.data.x[exported.episode.query[0]]
    found = onnx_files(Bundle.open(exported.bundle, "cpu"), Support.read(exported.support), query)
    assert tuple(file.name for file in found) == NAMES
    return {file.name: file for file in found}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_one_graph(name: str, files: Mapping[str, OnnxFile]) -> None:
    assert graph_fields(files[name].content) == 1
    model = onnx.load_model_from_string(files[name].content)
    checker.check_model(model, full_check=True)
    assert model.graph.node and model.graph.input and model.graph.output


@pytest.mark.parametrize("name", NAMES)
def test_who_keeps_the_last_of_two_sees_what_onnx_sees(name: str, files: Mapping[str, OnnxFile]) -> None:
    content = files[name].content
    assert last_wins(content, ModelProto) == onnx.load_model_from_string(content)


def test_who_keeps_the_last_of_two_sees_no_nodes_where_the_graph_stands_twice() -> None:
    model = ModelProto()
    model.graph.node.add(op_type="Identity")
    twice = model.SerializeToString() + ModelProto(graph={"name": "more"}).SerializeToString()
    assert graph_fields(twice) == 2
    assert len(onnx.load_model_from_string(twice).graph.node) == 1
    assert not last_wins(twice, ModelProto).graph.node


@pytest.mark.parametrize("name", NAMES)
def test_onnx_own_evaluator_agrees(name: str, files: Mapping[str, OnnxFile]) -> None:
    assert difference(files[name], "onnx") <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("reader", [reader for reader in READERS if reader != "onnx"])
@pytest.mark.parametrize("name", NAMES)
def test_another_reader_agrees(name: str, reader: str, files: Mapping[str, OnnxFile]) -> None:
    assert difference(files[name], reader) <= TOLERANCE
