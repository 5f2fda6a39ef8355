"""Where a run stands, in one file: tensors as safetensors, the rest as JSON in its header, no pickle.

One file, because it is replaced as a whole: a kill between two files would leave weights and progress at odds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path

Stage = Literal["pretrain", "folds", "meta", "fit", "maps", "thresholds", "done"]


@dataclass
class Progress:
    """How far a run is, and what it has seen on the way.

    Attributes:
        stage: what is going on; `meta` is of the head `paper`, `fit` and `maps` of the head `prior`.
        finished: epochs (pretrain), folds or batches (meta) that are done.
        seconds: training time so far, over all sittings.
        history: one entry an epoch, one a fold, and one every `validate_every` batches, with loss and validation AUC.
        coverage: what sets of labels state, as `Coverage.to_json`; empty where nothing can be stated.
    """

    stage: Stage = "pretrain"
    finished: int = 0
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    coverage: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(path: Path, tensors: dict[str, Tensor], progress: Progress) -> None:
    """Write tensors and progress to `path`, atomically."""
    with atomic_path(path) as temporary:
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            temporary,
            {"progress": json.dumps(asdict(progress))},
        )


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], Progress]:
    """What `save_checkpoint` wrote, or a `DesireEdgeError` that names the file."""
    try:
        with safe_open(path, framework="pt") as file:
            progress = Progress(**json.loads(file.metadata()["progress"]))
            return {name: file.get_tensor(name) for name in file.keys()}, progress  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DesireEdgeError(f"{path} is not a checkpoint of a training run: {error}") from error


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's state as tensors `optimizer.INDEX.NAME`."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"optimizer.{index}.{name}": torch.as_tensor(value)
        for index, values in state.items()
        for name, value in values.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave; the parameter groups keep the settings they were built with."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        prefix, _, rest = key.partition(".")
        if prefix == "optimizer":
            index, _, name = rest.partition(".")
            like = parameters[int(index)]
            # A fused optimiser goes through the memory of a parameter and its state as it lies.
            laid_out = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
            state.setdefault(int(index), {})[name] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
