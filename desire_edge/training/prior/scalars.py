"""The values of the head `prior`'s scalars: how far its parts are trusted, by the size of a task."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from desire_edge.scalars import SCALARS

CAUTIOUS = {
    **{"names": 1.5, "names_examples": -0.05, "names_labels": 0.1},
    **{"base": -0.5, "base_examples": -0.1, "base_labels": 0.35},
    **{"examples": 1.2, "examples_examples": -0.1, "examples_labels": -0.4},
    **{"neighbours": 0.0, "neighbours_examples": -0.6, "neighbours_labels": -0.1},
    **{"temperature": 0.44, "temperature_labels": -0.08},
    **{"bias_variance": 1.5, "bias": 0.53, "bias_labels": -1.0},
    **{"shift": 0.12, "shift_labels": 0.05, "balance": 0.4},
}
"""What to start from on data that nothing is known of; those not named are 0. `benchmarks/own.py --part default` says
what they are worth where nothing is learned, and chooses `names`, `base` and `neighbours` again.
"""
FEW = 10
"""Of so many base labels, half of that trust in them is left."""


@dataclass(frozen=True)
class Trust:
    """The scalars for tasks of one size; [E, 1, 1] each for E episodes, or numbers."""

    names: Tensor
    base: Tensor
    examples: Tensor
    neighbours: Tensor
    temperature: Tensor
    bias_variance: Tensor
    bias: Tensor
    shift: Tensor
    balance: Tensor


def cautious(base_labels: int) -> Tensor:
    """`CAUTIOUS` as [21], with less trust in base labels, and in items that are alike by them, where these are few."""
    less = math.log(base_labels / (base_labels + FEW))
    values = {**CAUTIOUS, **{name: CAUTIOUS[name] + less for name in ("base", "neighbours")}}
    return torch.tensor([values.get(name, 0.0) for name in SCALARS])


def trust_of(scalars: Tensor, known: Tensor, labels: int) -> Trust:
    """What the scalars [21] say of tasks of `labels` labels with `known` [E] known targets each, a label on average."""
    value = dict(zip(SCALARS, scalars, strict=True))
    examples = torch.log(known.clamp(min=1) / 25)[:, None, None].to(scalars.dtype)
    ways = math.log(labels / 5)

    def trust(name: str) -> Tensor:
        return torch.exp(value[name] + value[f"{name}_examples"] * examples + value[f"{name}_labels"] * ways)

    return Trust(
        names=trust("names"),
        base=trust("base"),
        examples=trust("examples"),
        neighbours=trust("neighbours"),
        temperature=trust("temperature"),
        bias_variance=value["bias_variance"].exp(),
        bias=value["bias"] + value["bias_labels"] * math.log(labels),
        shift=value["shift"] + value["shift_labels"] * ways,
        balance=value["balance"],
    )
