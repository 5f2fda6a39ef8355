"""Backbones: what comes before the projection to word-vector space, a file a kind."""

from desire_edge.models.backbones.backbone import Backbone
from desire_edge.models.backbones.mlp import Mlp

__all__ = ["Backbone", "Mlp"]
