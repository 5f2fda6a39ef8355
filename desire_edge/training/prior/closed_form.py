"""The closed form of the head `prior`: ridge classifiers of the base labels, and maps from them to labels' names.

W_Z where features and names are of different spaces, and W_I, are halves of ESZSL (Romera-Paredes and Torr, "An
embarrassingly simple approach to zero-shot learning", ICML 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from desire_edge.models import WORDS_SHARE, smooth_normalize
from desire_edge.training.calibrated import calibrated
from desire_edge.training.prior.learner import PriorLearner

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
"""Of the base labels' classifiers; cross-validation chooses."""
NAME_PENALTY, MAP_PENALTY = 10.0, 3.0
CHUNK = 8192  # rows whose targets are held as numbers at once


@dataclass(frozen=True)
class Sums:
    """What rows are to ridge regression, however many there are; float64.

    Attributes:
        rows: how many.
        gram: ΣxᵀX [d, d].
        products: Xᵀ Y [d, B].
        squares: ΣY² [B], of the targets as wanted.
    """

    rows: int
    gram: Tensor
    products: Tensor
    squares: Tensor

    @classmethod
    def of(cls, z: Tensor, targets: Tensor) -> Sums:
        """Of z [rows, d] and targets [rows, B] bool, centred and over the square root of their standard deviations, so
        that frequent labels do not decide alone.
        """
        d, base = z.shape[1], targets.shape[1]
        share = _share(targets)
        spread = (share * (1 - share)).sqrt().sqrt()
        scale = torch.where(spread > 0, 1 / spread.clamp(min=1e-12), 0.0)
        gram, products = z.new_zeros(d, d, dtype=torch.float64), z.new_zeros(d, base, dtype=torch.float64)
        for start in range(0, len(z), CHUNK):
            x = z[start : start + CHUNK].double()
            gram += x.T @ x
            products += x.T @ ((targets[start : start + CHUNK].double() - share) * scale)
        return cls(len(z), gram, products, len(z) * share * (1 - share) * scale**2)


def _share(targets: Tensor) -> Tensor:
    """The share of each label, [B], of many rows."""
    counts = [targets[start : start + CHUNK].sum(dim=0) for start in range(0, len(targets), CHUNK)]
    return torch.stack(counts).sum(dim=0).double() / max(1, len(targets))


def classifiers(sums: Sums) -> tuple[Tensor, float]:
    """Ridge classifiers [d, B] of the base labels, with the penalty of least generalised cross-validation error (Golub,
    Heath and Wahba, 1979), and that penalty.
    """
    values, axes = torch.linalg.eigh(sums.gram)
    values = values.clamp(min=0)
    turned = axes.T @ sums.products
    energy = turned.square().sum(dim=1)

    def error(penalty: float) -> float:
        inverse = 1 / (values + penalty)
        left = sums.squares.sum() - ((2 * inverse - inverse**2 * values) * energy).sum()
        freedom = (values * inverse).sum() / max(1, sums.rows)
        return float(left / (1 - freedom).clamp(min=1e-6) ** 2)

    penalty = min(PENALTIES, key=error)
    return axes @ (turned / (values + penalty)[:, None]), penalty


@torch.no_grad()
def fit(learner: PriorLearner, z: Tensor, targets: Tensor, w_base: Tensor) -> float:
    """Set all of `learner` but its scalars; the penalty that was chosen.

    Args:
        learner: of d features, d_w of names, B base labels.
        z: [rows, d] of the rows that training sees, unit vectors.
        targets: [rows, B] bool.
        w_base: [d_w, B], the base labels' names as the lexicon gives them.
    """
    sums = Sums.of(z, targets)
    r, penalty = classifiers(sums)
    names = smooth_normalize(w_base.double().T)  # [B, d_w]
    mean = names.mean(dim=0)
    names = smooth_normalize(names - mean)
    # A sample of the rows is enough for scales.
    some = slice(None, None, max(1, len(z) // CHUNK))
    sample = z[some].double()
    r, base_bias = calibrated(r, sample @ r, targets[some].double())
    gram = names @ names.T
    inference = torch.linalg.solve(_penalised(gram, NAME_PENALTY), names)
    inference = inference / (smooth_normalize(sample @ r) @ inference).norm(dim=1).mean().clamp(min=1e-12)
    if learner.name_map is not None:
        # What it is without words, of features that are shorter beside them.
        dense, length = z.shape[1] - learner.words, (1 - WORDS_SHARE) ** 0.5 if learner.words else 1.0
        name_map = torch.zeros_like(learner.name_map, dtype=torch.float64)
        if learner.shared_space:
            name_map[:dense] = torch.eye(dense, device=name_map.device) / length
        else:
            gram, products = sums.gram[:dense, :dense] / length**2, sums.products[:dense] / length
            name_map[:dense] = _name_map(gram, products, names)
            name_map /= (sample @ name_map).norm(dim=1).mean().clamp(min=1e-12)
        learner.name_map.copy_(name_map)
    learner.name_mean.copy_(mean)
    learner.r.copy_(r)
    learner.base_bias.copy_(base_bias)
    learner.inference.copy_(inference)
    return penalty


def _name_map(gram: Tensor, products: Tensor, names: Tensor) -> Tensor:
    """ESZSL's map [d, d_w] from features to the space of names [B, d_w]; `gram` and `products` as in `Sums`."""
    by_features = torch.linalg.solve(_penalised(gram, MAP_PENALTY), products)  # [d, B]
    solution: Tensor = torch.linalg.solve(_penalised(names.T @ names, MAP_PENALTY), (by_features @ names).T).T
    return solution


def _penalised(gram: Tensor, penalty: float) -> Tensor:
    return gram + penalty * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
