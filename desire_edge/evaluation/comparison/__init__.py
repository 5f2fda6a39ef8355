"""Table 1: every method of the paper on the same tasks, trained on the same data with the same budget."""

from desire_edge.evaluation.comparison.plan import Plan
from desire_edge.evaluation.comparison.runner import Comparison

__all__ = ["Comparison", "Plan"]
