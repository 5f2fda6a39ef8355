"""A user's own torch module as a backbone, by the name it is imported by."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import onnx
import torch
from torch import nn

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import ImageInput, InputSpec, VectorInput
from desire_edge.models.backbones.frozen import GRAPH, FrozenStage, Part
from desire_edge.models.backbones.graphs import joined, pixels_to_square, torch_to_onnx
from desire_edge.models.backbones.options import BackboneOptions

PREFIX = "module:"


def build(folder: Path, options: BackboneOptions, name: str) -> FrozenStage:
    """Write the module called `name` as a graph into `folder`."""
    return from_module(module_of(name), folder, options, f"{PREFIX}{name}")


def module_of(name: str) -> nn.Module:
    """The module PKG.NAME: one, or a class or function that gives one; the folder one is in counts as a package."""
    package, _, attribute = name.rpartition(".")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(package), attribute)
        module = found if isinstance(found, nn.Module) else found()
    except Exception as error:  # the user's own code runs here
        raise DesireEdgeError(
            f"the backbone {PREFIX}{name} cannot be had: {type(error).__name__}: {error}"
        ) from error
    finally:
        sys.path.pop(0)
    if not isinstance(module, nn.Module):
        raise DesireEdgeError(f"{PREFIX}{name} is no torch module, but {type(module).__name__}")
    return module


def from_module(module: nn.Module, folder: Path, options: BackboneOptions, name: str) -> FrozenStage:
    """Write `module` as a graph into `folder`: of pictures with `image_size`, else of vectors.

    It takes float32 [n, features], or pixels [n, 3, size, size] from 0 to 1 if nothing else is said, and gives
    [n, width].
    """
    size = options.image_size
    if size is None and options.vector is None:
        raise DesireEdgeError(
            f"the backbone {name} takes vectors, or pictures with --image-size; these data are neither"
        )
    example = torch.zeros(1, 3, size, size) if size else torch.zeros(1, options.vector or 1)
    spec: InputSpec = ImageInput() if size else VectorInput(example.shape[1])
    before = None
    if size:
        mean, std = options.image_mean or (0.0,) * 3, options.image_std or (255.0,) * 3
        before = pixels_to_square(size, mean, std, options.image_crop or 1.0)
    if options.tune is not None:
        options.tune(module, spec, before)
    module = module.cpu().eval()
    try:
        with torch.no_grad():
            made = module(example)
        graph = torch_to_onnx(module, example, "pixels" if size else "x", "features")
    except Exception as error:  # the user's own code runs here
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DesireEdgeError(
            f"the backbone {name} cannot take {list(example.shape)} or be exported: {reason}"
        ) from error
    if not isinstance(made, torch.Tensor) or made.ndim != 2 or len(made) != 1:
        raise DesireEdgeError(f"the backbone {name} gives no [n, width] of [n, …]")
    if before is not None:
        graph = joined(before, graph)
    onnx.save(graph, folder / GRAPH)
    part = Part(name, f"torch {torch.__version__}", "the user's own", "backbone")
    return FrozenStage(name, folder, spec, made.shape[1], lineage=(part,))
