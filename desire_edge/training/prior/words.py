"""Whether words beside the features pay, by tasks over the validation labels.

A sentence's vector says what it is about, its words also which names and jargon are in it: few examples tell from them,
and more of them tell more. Where the vectors are sums of word vectors already, or the texts are short and the same
things are said in many words, they only blur what is alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.metrics import micro_auc
from desire_edge.models import parts_of
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.prior.gains import over_labels, told_apart
from desire_edge.training.prior.learner import PriorLearner
from desire_edge.training.prior.trust import blind_batch, blind_learner, fold_episodes

CELLS = ((5, 1), (5, 5), (10, 5), (10, 20))
"""Ways and shots of the tasks, where the validation labels give them."""
EPISODES, BATCH = 24, 8
LEAST_LABELS = 8
"""That tasks tell apart: fewer say too little."""


@dataclass(frozen=True)
class WordsGain:
    """Micro AUC with words less that without.

    Attributes:
        mean, error: over tasks, and its standard error over labels.
        tasks: how many.
    """

    mean: float
    error: float
    tasks: int

    @property
    def pays(self) -> bool:
        """Whether it is above its standard error."""
        return self.mean > self.error


@torch.no_grad()
def gain_of_words(
    learner: PriorLearner,
    batcher: EpisodeBatcher,
    folds: Sequence[tuple[Fold, Tensor]],
    validation: NDArray[np.int64],
    *,
    seed: int,
) -> WordsGain | None:
    """What the words are worth that end the features, with the trust that nothing has been learned about yet.

    Args:
        learner: says how many of the features they are.
        batcher: of the run's targets and names.
        folds: base labels and rows that are held out, and the features [rows, d] for them.
        validation: the validation labels.
        seed: of the tasks.

    Returns:
        None where the validation labels give no tasks, or too few to tell.
    """
    rng = np.random.default_rng([seed, 16])
    gains, labels = list[float](), list[NDArray[np.int64]]()
    for fold, z in folds:
        dense = parts_of(z, learner.words)[0]
        with_words = blind_learner(learner, batcher, fold, z)
        without = blind_learner(learner.without_words(), batcher, fold, dense)
        if with_words is None or without is None:
            return None
        for ways, shots in CELLS:
            episodes = fold_episodes(batcher, fold, validation, ways, shots, EPISODES, rng)
            for start in range(0, len(episodes), BATCH):
                some = episodes[start : start + BATCH]
                ours = _aucs(with_words[0], blind_batch(batcher, some, z))
                gains += (ours - _aucs(without[0], blind_batch(batcher, some, dense))).tolist()
                labels += [episode.labels for episode in some]
    if told_apart(labels) < LEAST_LABELS:
        return None
    mean, error = over_labels(np.array(gains), labels)
    return WordsGain(mean, error, len(gains))


def _aucs(learner: PriorLearner, batch: EpisodeBatch) -> NDArray[np.float64]:
    """Micro AUC of each task's query rows, [tasks]."""
    logits, wanted = (
        values[:, batch.support :].cpu().numpy() for values in (learner(batch)[-1], batch.targets)
    )
    return np.array([micro_auc(truth > 0, found) for truth, found in zip(wanted, logits, strict=True)])
