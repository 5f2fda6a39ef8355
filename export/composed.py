"""The whole extractor of a run with a frozen stage: its graph, then the part that was trained, in one graph x -> z."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.encoded import NORM
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.graphs import joined, with_sizes
from desire_edge.training.names import EncodedNames

from .graphs import finish, float_value


def composed(
    stage: FrozenStage, trained: ModelProto, batch: int, dimension: int, names: EncodedNames | None
) -> ModelProto:
    """The stage's graph followed by `trained`, features [batch, width] as its x -> z [batch, dimension].

    Where the stage's encoder makes labels' vectors, too, there is a second output, `name` [1, dimension]: the vector of
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
    after = ModelProto()
    after.CopyFrom(trained)
    for node in after.graph.node:
        node.input[:] = ["features" if name == "x" else name for name in node.input]
    after.graph.input[0].name = "features"
    whole = joined(before, after)
    del whole.graph.output[:], whole.graph.value_info[:]
    whole.graph.output.append(float_value("z", batch, dimension))
    if names is not None:
        _add_names(whole, names.mean)
        whole.graph.output.append(float_value("name", 1, dimension))
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
