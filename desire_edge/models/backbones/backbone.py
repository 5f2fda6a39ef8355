"""What the extractor asks of a backbone."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Backbone(nn.Module, ABC):
    """x [batch, features] -> [batch, `width`], whatever has parameters of its own or none.

    Attributes:
        features: how many numbers it takes.
        width: how many it makes of an example.
    """

    features: int
    width: int

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """x [batch, features] float32 -> [batch, `width`] float32."""
