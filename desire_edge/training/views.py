"""The head on rows that neither it nor F was fitted on: what thresholds and stated coverages are learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.learner import Learner
from desire_edge.training.prior.closed_form import fit
from desire_edge.training.prior.learner import PriorLearner


@dataclass(frozen=True, eq=False)
class View:
    """A head, and what its tasks are made of.

    Attributes:
        learner: a run's, or one like it.
        z: [rows, d] features of all rows.
        support, queries: the rows that examples and queries are drawn from.
        masked: base labels that F has not seen, which count for nothing; None where all count.
    """

    learner: Learner
    z: Tensor
    support: NDArray[np.int64]
    queries: NDArray[np.int64]
    masked: NDArray[np.int64] | None = None


def view_of(learner: Learner, batcher: EpisodeBatcher, fold: Fold, z: Tensor) -> View:
    """The head as a fold's rows give it, with the trust that `learner` has learned; z [rows, d] are its features.

    The paper's head is the same whatever the fold, for its features are of one space.
    """
    if not isinstance(learner, PriorLearner):
        return View(learner, z, fold.rows, fold.queries, fold.labels)
    like = learner.like(learner.r.shape[1])
    rows = torch.from_numpy(fold.rows).to(z.device)
    fit(like, z[rows], batcher.targets[rows][:, batcher.base], batcher.w[:, batcher.base])
    with torch.no_grad():
        like.scalars.copy_(learner.scalars)
    return View(like, z, fold.rows, fold.queries)
