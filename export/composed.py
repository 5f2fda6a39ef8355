"""The whole extractor of a run with a frozen stage: its graph, then the part that was trained, in one graph x -> z."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import TokensInput
from desire_edge.lexicon.encoded import NORM
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.graphs import joined, with_sizes
from desire_edge.models.hashed import token_table
from desire_edge.training.names import EncodedNames

from .graphs import finish, float_value


def composed(
    stage: FrozenStage,
    trained: ModelProto,
    batch: int,
    dimensions: tuple[int, int],
    names: EncodedNames | None,
    hashed: int = 0,
) -> ModelProto:
    """The stage's graph followed by `trained`, features [batch, width] as its x -> z [batch, d]; d, d_w: `dimensions`.

    With `hashed`, the token ids, hashed into so many numbers, come after the features in what `trained` takes.
    Where the stage's encoder makes labels' vectors, too, there is a second output, `name` [1, d_w]: the vector of
    the label whose name is given as x.

    Raises:
        DesireEdgeError: more than one example at once than the stage can take.
    """
    if stage.graph is None:
        return trained
    before = onnx.load(stage.graph)
    sizes = [size.dim_value or size.dim_param for size in before.graph.input[0].type.tensor_type.shape.dim]
    if batch != 1 and (stage.input.ragged or isinstance(sizes[0], int)):
        raise DesireEdgeError(
            f"the backbone {stage.name} takes one example at a time; export it with --batch 1"
        )
    before = with_sizes(before, "x", [batch, *sizes[1:]])
    before = with_sizes(before, "features", [batch, stage.width])
    given = "features"
    if hashed:
        given = _add_hashed(before, stage, batch, hashed)
    after = ModelProto()
    after.CopyFrom(trained)
    for node in after.graph.node:
        node.input[:] = [given if name == "x" else name for name in node.input]
    after.graph.input[0].name = given
    whole = joined(before, after)
    del whole.graph.output[:], whole.graph.value_info[:]
    whole.graph.output.append(float_value("z", batch, dimensions[0]))
    if names is not None:
        _add_names(whole, names.mean)
        whole.graph.output.append(float_value("name", 1, dimensions[1]))
    return finish(whole)


def _add_names(model: ModelProto, mean: NDArray[np.float32]) -> None:
    """Give the graph the nodes from `features` [1, width] to `name` [1, width], as `EncodedNames` makes it."""
    steps = (
        ("Sub", "name.centred", "features", "name.mean"),
        ("Mul", "name.squares", "name.centred", "name.centred"),
        ("ReduceSum", "name.square", "name.squares", "name.axis"),
        ("Add", "name.positive", "name.square", "name.epsilon"),
        ("Sqrt", "name.length", "name.positive"),
        ("Div", "name.unit", "name.centred", "name.length"),
        ("Mul", "name", "name.unit", "name.norm"),
    )
    constants: dict[str, NDArray[Any]] = {
        "name.mean": mean[None],
        "name.axis": np.array([1], np.int64),
        "name.epsilon": np.array(1e-12, np.float32),
        "name.norm": np.array(NORM, np.float32),
    }
    model.graph.node.extend(
        helper.make_node(kind, inputs, [output], name=output) for kind, output, *inputs in steps
    )
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())


def _add_hashed(model: ModelProto, stage: FrozenStage, batch: int, size: int) -> str:
    """Give the graph the nodes from token ids x to `hashed_tokens` of them, behind the features; the whole's name."""
    assert isinstance(stage.input, TokensInput), (
        "what takes no tokens has no graph, and hashes words on the device"
    )
    places, signs = token_table(stage.input.vocabulary, stage.input.pad)
    nodes = [
        helper.make_node("Gather", ["words.places", "x"], ["words.place"], name="words.place"),
        helper.make_node("Gather", ["words.signs", "x"], ["words.sign"], name="words.sign"),
        helper.make_node(
            "ScatterElements",
            ["words.zeros", "words.place", "words.sign"],
            ["words.sum"],
            name="words.sum",
            axis=1,
            reduction="add",
        ),
        helper.make_node("Abs", ["words.sum"], ["words.size"], name="words.size"),
        helper.make_node("Add", ["words.size", "words.one"], ["words.more"], name="words.more"),
        helper.make_node("Log", ["words.more"], ["words.log"], name="words.log"),
        helper.make_node("Sign", ["words.sum"], ["words.side"], name="words.side"),
        helper.make_node("Mul", ["words.log", "words.side"], ["words.hashed"], name="words.hashed"),
        helper.make_node("Concat", ["features", "words.hashed"], ["words.all"], name="words.all", axis=1),
    ]
    constants: dict[str, NDArray[Any]] = {
        "words.places": places,
        "words.signs": signs,
        "words.zeros": np.zeros((batch, size), np.float32),
        "words.one": np.array(1, np.float32),
    }
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.output.append(float_value("words.all", batch, stage.width + size))
    return "words.all"
