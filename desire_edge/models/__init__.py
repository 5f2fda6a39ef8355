"""DESIRE-Net as torch modules: the feature extractor F and the semantic inference head, Eq. (1)."""

from desire_edge.models.extractor import Extractor
from desire_edge.models.inference import SemanticInference
from desire_edge.models.norm import EPSILON, smooth_norm, smooth_normalize

__all__ = ["EPSILON", "Extractor", "SemanticInference", "smooth_norm", "smooth_normalize"]
