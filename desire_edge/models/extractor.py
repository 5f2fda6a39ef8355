"""F, the semantic-aware feature extractor."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from desire_edge.models.backbones import Backbone


class Extractor(nn.Module):
    """F: x [batch, features] -> z [batch, d], a backbone and a projection into word-vector space.

    DESIRE-Net (Wang et al., AAAI 2021) trains it so that `z @ W_base` gives the logits of the base labels. With `Mlp`
    for a backbone it has 500-1000-1000-d units by default, as in the authors' later SIN.
    """

    def __init__(self, backbone: Backbone, dimension: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = nn.Linear(backbone.width, dimension)
        self.register_load_state_dict_pre_hook(_with_todays_names)  # type: ignore[no-untyped-call]

    @property
    def dimension(self) -> int:
        """The d of z."""
        return self.projection.out_features

    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] float32 -> z [batch, d] float32."""
        z: Tensor = self.projection(self.backbone(x))
        return z


def _with_todays_names(extractor: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename tensors saved by version 0.3, whose `layers` held the backbone's and, last of all, the projection."""
    earlier = [name for name in state if name.startswith((f"{prefix}layers.", f"{prefix}embedding"))]
    layers = [int(name.split(".")[prefix.count(".") + 1]) for name in earlier if "layers" in name]
    projection = f"{prefix}layers.{max(layers, default=0)}."
    for name in earlier:
        if name.startswith(projection):
            state[f"{prefix}projection.{name.removeprefix(projection)}"] = state.pop(name)
        else:
            state[f"{prefix}backbone.{name.removeprefix(prefix)}"] = state.pop(name)


@torch.no_grad()
def extract(extractor: Extractor, x: NDArray[np.float32], batch: int = 4096) -> Tensor:
    """z [rows, d] of all rows x [rows, features], without dropout; a batch at a time goes to the extractor's device."""
    extractor.eval()
    device = extractor.projection.weight.device
    parts = (x[start : start + batch] for start in range(0, len(x), batch))
    return torch.cat([extractor(torch.from_numpy(part).to(device)) for part in parts])


def turned_extractor(extractor: Extractor, axes: NDArray[np.float64]) -> Extractor:
    """The extractor of z U, for an orthogonal U [d, d]."""
    turned = copy.deepcopy(extractor)
    with torch.no_grad():
        for parameter in (turned.projection.weight, turned.projection.bias):  # [d, width] and [d]
            parameter.copy_(torch.from_numpy(axes.T @ parameter.double().numpy()))
    return turned
