"""What a user can say of a backbone, and what it needs installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto
from torch import nn

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import InputSpec

Tune = Callable[[nn.Module, InputSpec, ModelProto | None], None]
"""Trains a backbone's module in place, given what it takes, and the graph from x to its pixels, of pictures."""


@dataclass(frozen=True)
class BackboneOptions:
    """How pixels become a graph's input; None for what the backbone was trained with.

    Attributes:
        image_size: the side of the square it takes, in pixels.
        image_mean, image_std: (v − mean) / std of a channel's value v from 0 to 255.
        image_crop: the share of the shorter side that the square in the middle keeps.
        lexicon: the run's, for what makes features of it.
        vector: how many numbers an example of the data set has, where it has vectors.
        tune: trains the torch module before it is written as a graph; None to leave it as it comes.
    """

    image_size: int | None = None
    image_mean: tuple[float, float, float] | None = None
    image_std: tuple[float, float, float] | None = None
    image_crop: float | None = None
    vector: int | None = None
    lexicon: Path | None = None
    tune: Tune | None = None


def needed(package: str, backbone: str) -> Any:
    """The package imported, or a `DesireEdgeError` that says how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise DesireEdgeError(
            f"the backbone {backbone} needs the package {package.replace('_', '-')} ({error}); install it with "
            "`pip install 'desire-edge[encoders]'`"
        ) from error
