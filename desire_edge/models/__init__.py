"""DESIRE-Net as torch modules: the feature extractor F and the semantic inference head, Eq. (1)."""

from desire_edge.models.backbones import Backbone, Mlp
from desire_edge.models.extractor import WORDS_SHARE, Extractor, centred, extract, parts_of, turned_extractor
from desire_edge.models.inference import SemanticInference
from desire_edge.models.norm import EPSILON, smooth_norm, smooth_normalize

__all__ = [
    "EPSILON",
    "WORDS_SHARE",
    "Backbone",
    "Extractor",
    "Mlp",
    "SemanticInference",
    "centred",
    "extract",
    "parts_of",
    "smooth_norm",
    "smooth_normalize",
    "turned_extractor",
]
