"""From Python: a user's own encoder and data to a bundle, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.options import BackboneOptions
from desire_edge.models.backbones.stages import Build, build_stage
from desire_edge.models.backbones.torch_module import from_module
from desire_edge.runtime.manifest import Manifest
from desire_edge.training.config import load_config
from desire_edge.training.run import Run
from desire_edge.training.stages import Report, train

from .bundle import ExportOptions, check_out, export_bundle
from .parity import Parity


def to_bundle(
    encoder: nn.Module | Path | str,
    data: Path | str,
    out: Path | str,
    *,
    settings: Sequence[str] = (),
    run: Path | str | None = None,
    options: ExportOptions | None = None,
    report: Report | None = None,
) -> tuple[Manifest, Parity]:
    """Meta-train a head on the features of a frozen `encoder` and write the bundle `out`.

    Args:
        encoder: a torch module or an ONNX file, [n, features] or [n, 3, size, size] -> [n, width]; or the name of a
            backbone, as `desire-edge train --backbone` takes it.
        data: the examples, as `desire-edge train --data` takes them.
        out: the bundle, NAME.desire.
        settings: of training, as in "meta.batches=500"; for a module of pictures "extractor.image_size=224".
        run: where the training run goes; by default it is not kept.
        options: of export.
        report: called as training goes on.

    Raises:
        DesireEdgeError: says what is missing: data that cannot be read, too few labels, an encoder that takes another
            input than the data have, or that cannot be exported.
    """
    check_out(Path(out), zipped=options is not None and options.zipped)  # before hours of training
    if isinstance(encoder, nn.Module):
        name = "module:encoder"
    elif Path(encoder).suffix == ".onnx":
        name = f"onnx:{Path(encoder).absolute()}"
    else:
        name = str(encoder)
    given: Mapping[str, Any] = {"data": str(data), "extractor": {"backbone": name}}
    config = load_config(None, settings, given)
    with TemporaryDirectory(prefix="desire-edge-") as folder:
        place = Path(run) if run is not None else Path(folder) / "run"
        trained = Run.create(place, config, torch.device("cpu"), build=_builder(encoder))
        train(trained, report or _silent)
        return export_bundle(trained, Path(out), options)


def _builder(encoder: nn.Module | Path | str) -> Build:
    """What builds the stage of `encoder`."""
    if not isinstance(encoder, nn.Module):
        return build_stage

    def build(name: str, folder: Path, options: BackboneOptions) -> FrozenStage:
        folder.mkdir(parents=True, exist_ok=True)
        stage = from_module(encoder, folder, options, type(encoder).__name__)
        stage.save()
        return stage

    return build


def _silent(*_: object) -> None:
    """Say nothing."""
