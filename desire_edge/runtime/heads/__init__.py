"""What learns on a device, one module a kind: `paper` by gradient steps, `prior` by a kernel.

Each has its arrays (`semantics.safetensors`), packs them for the core, names the task's weights, and explains logits.
"""

from __future__ import annotations

from desire_edge.runtime.heads.paper import PaperSemantics
from desire_edge.runtime.heads.prior import PriorSemantics

Semantics = PaperSemantics | PriorSemantics
HEADS = {kind.KIND: kind for kind in (PaperSemantics, PriorSemantics)}
"""By the name that a manifest has."""

__all__ = ["HEADS", "PaperSemantics", "PriorSemantics", "Semantics"]
