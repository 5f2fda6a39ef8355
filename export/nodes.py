"""A builder of ONNX graphs: nodes in the order in which they run, and the constants that all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, ValueInfoProto, helper


class Graph:
    """Nodes, in the order in which they run. All but constants is called `prefix` and what it is."""

    def __init__(self, constants: dict[str, NDArray[Any]], prefix: str = "") -> None:
        self.nodes: list[NodeProto] = []
        self.constants = constants
        self.prefix = prefix

    def __call__(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output, of which `name` is the last part."""
        name = self.prefix + (name or f"{kind}.{len(self.nodes)}")
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """A constant, one for all graphs that ask for it."""
        self.constants.setdefault(name, value)
        return name

    def integers(self, *values: int) -> str:
        """A constant of int64, [n]."""
        return self.constant(f"integers.{'.'.join(map(str, values))}", np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A constant [1, 1]."""
        return self.constant(f"number.{value!r}", np.array([[value]], np.float32))

    def choose(
        self, tests: Sequence[str], choices: Sequence[GraphProto], outputs: Sequence[ValueInfoProto]
    ) -> list[str]:
        """The outputs of the first choice whose test holds, else of the last. Ifs within ifs: no other choice runs."""
        graph = choices[-1]
        for index in reversed(range(len(tests))):
            ending = f".{index}" if index else ""
            values = [named(f"{self.prefix}{value.name}{ending}", value) for value in outputs]
            node = helper.make_node(
                "If",
                [tests[index]],
                [value.name for value in values],
                name=f"{self.prefix}If.{len(self.nodes)}{ending}",
                then_branch=choices[index],
                else_branch=graph,
            )
            graph = helper.make_graph([node], node.name, [], values)
        self.nodes.extend(graph.node)
        return [value.name for value in graph.output]


def named(name: str, value: ValueInfoProto) -> ValueInfoProto:
    """The same type, called `name`."""
    return ValueInfoProto(name=name, type=value.type)


def shape_of(value: ValueInfoProto) -> list[int]:
    """Its shape, which is fixed."""
    return [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
