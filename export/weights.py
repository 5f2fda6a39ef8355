"""What a bundle has of a run's head.

Of the paper's that is also what export computes once so that a device need not: P, R, Q0 of the low-rank adaptation,
and its conditioning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from desire_edge.models import extract
from desire_edge.runtime.heads import PaperSemantics, PriorSemantics, Semantics
from desire_edge.training.learner import MetaLearner
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.run import Run

Float64 = NDArray[np.float64]


def semantics_of(run: Run) -> tuple[Semantics, Float64 | None]:
    """A run's head as a bundle has it, and the axes along which its features lie there; None where they stay."""
    known_labels = run.config.meta.known_labels > 0
    if isinstance(run.learner, PriorLearner):
        learned = {name: value.detach().cpu().numpy() for name, value in run.learner.state_dict().items()}
        return PriorSemantics.of(learned, known_labels=known_labels), None
    learner = run.meta_learner
    weights = _head_weights(learner)
    axes, lengths = base_axes(weights["w_base"])
    arrays = {
        **weights,
        "w1": axes.T @ weights["w1"],
        "w_base": axes.T @ weights["w_base"],
        "step_sizes": learner.step_sizes.detach().cpu().numpy(),
        "q0": output_gram(weights["w2"], weights["b2"]),
        "base_bias": run.classifier.bias.detach().cpu().numpy(),
        "threshold_weights": learner.threshold_weights.cpu().numpy(),
    }
    if not known_labels:
        arrays |= {
            "p": axes.T @ inference_product(weights["w_base"], weights["w_i"]),
            "r": np.diag(lengths),
        }
    return PaperSemantics.of(arrays), axes


def axes_of(run: Run) -> Float64 | None:
    """The axes along which a run's features lie in its bundle; None where they stay as they are."""
    return (
        base_axes(_head_weights(run.learner)["w_base"])[0] if isinstance(run.learner, MetaLearner) else None
    )


def conditioning_of(run: Run) -> float:
    """The `conditioning` of the training rows' features; 0 of a head that has none."""
    if not isinstance(run.learner, MetaLearner):
        return 0.0
    z = extract(run.extractor, run.data.x[run.data.rows.train]).double().cpu().numpy()
    weights = _head_weights(run.learner)
    return conditioning(z, weights["w1"], weights["b1"], weights["w2"], weights["b2"])


def _head_weights(learner: MetaLearner) -> dict[str, Float64]:
    return {
        name: tensor.detach().cpu().double().numpy() for name, tensor in learner.head.state_dict().items()
    }


def inference_product(w_base: Float64, w_i: Float64) -> Float64:
    """P = W_base W_I: w_base [d, B], w_i [B, d] -> [d, d]. With it the base labels vanish from the inner loop."""
    return w_base @ w_i


def base_axes(w_base: Float64) -> tuple[Float64, Float64]:
    """The orthogonal U [d, d] and the σ ≥ 0 [d] with ‖z W_base‖ = ‖(z U) σ‖ for every z: those of W_base's SVD.

    Adaptation does not notice a rotation of the features: SGD on w1 depends on them through z zᵀ alone, and turns with
    them. So a bundle's extractor gives z U for z, its w1, w_base and p are Uᵀ times the model's, and R = diag(σ).
    """
    dimension, base = w_base.shape
    # Where there are more base labels than dimensions U is whole without, and V would be large.
    axes, values, _ = np.linalg.svd(w_base, full_matrices=base < dimension)
    lengths = np.zeros(dimension)
    lengths[: len(values)] = values
    return axes, lengths


def output_gram(w2: Float64, b2: Float64) -> Float64:
    """Q0 = W2~ W2~ᵀ with W2~ = [W_2; b_2]: w2 [h, d], b2 [d] -> [h+1, h+1]."""
    augmented = np.vstack([w2, b2])
    return augmented @ augmented.T


def conditioning(z: Float64, w1: Float64, b1: Float64, w2: Float64, b2: Float64) -> float:
    """κ, the largest ‖H W_2‖ / ‖W_Z(z)‖ over the rows of z [n, d]: how much of W_2's output its bias cancels."""
    before = np.maximum(z @ w1 + b1, 0) @ w2
    return float(np.max(np.linalg.norm(before, axis=1) / np.linalg.norm(before + b2, axis=1)))
