"""A pretrained backbone tuned on the base labels before all else; from then on it is frozen, as any other."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from onnx import ModelProto
from torch import Tensor, nn

from desire_edge.data import Dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import InputSpec, TokensInput
from desire_edge.models.backbones.frozen import FrozenStage, Part, Report
from desire_edge.models.backbones.options import Tune
from desire_edge.training.checkpoint import (
    Progress,
    load_checkpoint,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from desire_edge.training.config import ExtractorConfig
from desire_edge.training.features import x_of
from desire_edge.training.schedule import schedule

CHECKPOINT = "backbone.safetensors"  # until the run begins
BATCH = 32
WEIGHT_DECAY = 0.01

Batch = Callable[[NDArray[np.int64]], Tensor]
"""What the module takes of some rows."""


def tuner(
    config: ExtractorConfig,
    dataset: Dataset,
    rows: NDArray[np.int64],
    base: NDArray[np.int64],
    folder: Path,
    *,
    seed: int,
    device: torch.device,
    report: Report | None = None,
) -> Tune:
    """What tunes a backbone's module: with a linear layer to the base labels after it, on the training rows.

    AdamW, the learning rate warmed up over a tenth and then a cosine to zero; the linear layer's is that of
    pre-training. A checkpoint an epoch, in `folder`, so that one that was stopped goes on to the same weights.

    Args:
        config: epochs and learning rates.
        dataset: targets and raw inputs.
        rows: that training sees.
        base: the base labels.
        folder: the run's.
        seed: the run's.
        device: where it is trained.
        report: called with the examples done, of all epochs'.
    """

    def tune(module: nn.Module, spec: InputSpec, before: ModelProto | None) -> None:
        batch = _batches(spec, before, dataset)
        key = {
            "settings": config.model_dump(mode="json"),
            "source": dataset.source,
            "rows and labels": hashlib.sha256(rows.tobytes() + base.tobytes()).hexdigest(),
            "seed": seed,
        }
        targets = torch.from_numpy(dataset.targets[np.ix_(rows, base)])
        module.to(device).eval()
        with torch.no_grad():
            width = module(batch(rows[:2]).to(device)).shape[1]
        torch.manual_seed(seed)
        layer = nn.Linear(width, len(base)).to(device)
        rates = (config.backbone_learning_rate, config.learning_rate)
        optimizer = torch.optim.AdamW(
            [{"params": list(part.parameters())} for part in (module, layer)], weight_decay=WEIGHT_DECAY
        )
        both = nn.ModuleList([module, layer])
        kept = folder / CHECKPOINT
        progress = _resumed(kept, both, optimizer, key)
        batches = math.ceil(len(rows) / BATCH)
        for epoch in range(progress.finished, config.backbone_epochs):
            torch.manual_seed(seed * 100_003 + epoch)
            order = torch.randperm(len(rows))
            both.train()
            total = 0.0
            for index in range(batches):
                share = (epoch + index / batches) / config.backbone_epochs
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * schedule(share, warm_up=0.1)
                some = order[index * BATCH : (index + 1) * BATCH]
                logits = layer(module(batch(rows[some.numpy()]).to(device)))
                loss = F.binary_cross_entropy_with_logits(logits, targets[some].float().to(device))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                total += float(loss.detach()) * len(some)
                if report is not None:
                    report(epoch * len(rows) + index * BATCH + len(some), config.backbone_epochs * len(rows))
            if not math.isfinite(total):
                raise DesireEdgeError(
                    "tuning the backbone diverged; use a smaller extractor.backbone_learning_rate"
                )
            progress.finished = epoch + 1
            progress.history.append({"finished": epoch + 1, "loss": total / len(rows)})
            folder.mkdir(parents=True, exist_ok=True)
            tensors = {**both.state_dict(), **optimizer_tensors(optimizer)}
            save_checkpoint(kept, tensors, progress)
        both.eval()

    return tune


def tuned(
    stage: FrozenStage, config: ExtractorConfig, dataset: Dataset, base: NDArray[np.int64]
) -> FrozenStage:
    """The stage, which says what it was tuned on."""
    what = Part(
        dataset.name,
        f"{config.backbone_epochs} epochs",
        "the data's own",
        f"tuned on {len(base)} base labels",
    )
    stage = replace(stage, lineage=(*stage.lineage, what))
    stage.save()
    return stage


def _resumed(kept: Path, both: nn.Module, optimizer: torch.optim.Optimizer, key: dict[str, Any]) -> Progress:
    """Where an earlier tuning of the same stands, put into place; the start where there is none."""
    if not kept.is_file():
        return Progress(history=[key])
    tensors, progress = load_checkpoint(kept)
    if progress.history[:1] != [key]:
        return Progress(history=[key])
    both.load_state_dict({name: each for name, each in tensors.items() if not name.startswith("optimizer.")})
    restore_optimizer(optimizer, tensors)
    return progress


def _batches(spec: InputSpec, before: ModelProto | None, dataset: Dataset) -> Batch:
    """What gives the module's input of some rows."""
    x_of_row = x_of(spec, dataset)
    session: Any = None
    if before is not None:
        import onnxruntime

        session = onnxruntime.InferenceSession(before.SerializeToString(), providers=["CPUExecutionProvider"])

    def batch(rows: NDArray[np.int64]) -> Tensor:
        x = [x_of_row(row) for row in rows.tolist()]
        if session is not None:
            pixels = [session.run(["pixels"], {"x": item[None]})[0] for item in x]
            return torch.from_numpy(np.concatenate(pixels))
        if isinstance(spec, TokensInput):
            return torch.from_numpy(spec.padded(x))
        return torch.from_numpy(np.stack(x).astype(np.float32))

    return batch
