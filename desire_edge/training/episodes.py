"""The episodes of training: drawn, and made the tensors the inner loop takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import MetaConfig
from desire_edge.training.folds import Fold
from desire_edge.training.inner_loop import EpisodeBatch


class EpisodeBatcher:
    """Makes an `EpisodeBatch` of episodes over a data set's rows and labels.

    Args:
        z: [rows, d] features of every row, on the device that trains.
        targets: [rows, labels] bool.
        w: [d, labels] label vectors.
        base: [B] indices of the base labels, in the order of W_base's columns.
    """

    def __init__(
        self, z: Tensor, targets: NDArray[np.bool_], w: NDArray[np.float32], base: NDArray[np.int64]
    ) -> None:
        self.z = z
        self.targets = torch.from_numpy(targets).to(z.device)
        self.w = torch.from_numpy(w).to(z.device)
        self.base_position = np.full(targets.shape[1], -1)
        self.base_position[base] = np.arange(len(base))
        self.base_count = len(base)
        self.base = torch.from_numpy(base).to(z.device)

    def stack(
        self,
        episodes: Sequence[Episode],
        *,
        known_labels: bool = False,
        z: Tensor | None = None,
        masked: NDArray[np.int64] | None = None,
    ) -> EpisodeBatch:
        """E episodes of equal sizes -> one batch, on z's device. Labels of theirs that are base labels are masked.

        Args:
            episodes: rows and labels.
            known_labels: give every row its true base labels.
            z: features to use in place of the batcher's own, [rows, d]: those of another fold's F.
            masked: base labels to mask in every episode, beside its own.
        """
        z = self.z if z is None else z
        device = z.device
        rows = torch.from_numpy(np.stack([np.concatenate([e.support, e.query]) for e in episodes])).to(device)
        labels = np.stack([episode.labels for episode in episodes])
        positions = self.base_position[labels]
        base_mask: Tensor | None = None
        if masked is not None or (positions >= 0).any():
            keep = np.ones((len(episodes), self.base_count), np.float32)
            which, where = np.nonzero(positions >= 0)
            keep[which, positions[which, where]] = 0
            if masked is not None:
                keep[:, self.base_position[masked]] = 0
            base_mask = torch.from_numpy(keep).to(device)
        columns = torch.from_numpy(labels).to(device)
        targets = self.targets[rows[:, :, None], columns[:, None, :]].to(z.dtype)
        return EpisodeBatch(
            z=z[rows],
            targets=targets,
            mask=torch.ones_like(targets),
            w_novel=self.w[:, columns].permute(1, 0, 2),
            base_mask=base_mask,
            support=len(episodes[0].support),
            known_labels=self.targets[rows][:, :, self.base].to(z.dtype) if known_labels else None,
        )


class EpisodeStream:
    """The training batches, each a function of the seed and its number alone, so that a resumed run repeats them."""

    def __init__(
        self,
        targets: NDArray[np.bool_],
        base: NDArray[np.int64],
        rows: NDArray[np.int64],
        batcher: EpisodeBatcher,
        config: MetaConfig,
        seed: int,
        folds: Sequence[tuple[Fold, Tensor]] = (),
    ) -> None:
        self._config, self._seed, self._batcher, self._folds = config, seed, batcher, folds

        @cache
        def sampler(ways: int, shots: int, fold: int | None) -> EpisodeSampler:
            labels, support, query = base, rows, rows
            if fold is not None:
                labels, support, query = folds[fold][0].labels, folds[fold][0].rows, folds[fold][0].queries
            return EpisodeSampler(
                targets, labels, support, query, ways=ways, shots=shots, queries=config.queries
            )

        self._sampler = sampler

    def batch(self, index: int) -> EpisodeBatch:
        """Batch number `index`: episodes of one size, drawn from the configured ways and shots."""
        config = self._config
        rng = np.random.default_rng([self._seed, index])
        ways, shots = (int(rng.integers(low, high + 1)) for low, high in (config.ways, config.shots))
        fold = int(rng.integers(len(self._folds))) if self._folds else None
        sampler = self._sampler(ways, shots, fold)
        episodes = [sampler.sample(rng) for _ in range(config.episodes)]
        known_labels = bool(rng.random() < config.known_labels)
        if fold is None:
            return self._batcher.stack(episodes, known_labels=known_labels)
        held_out, z = self._folds[fold]
        return self._batcher.stack(episodes, known_labels=known_labels, z=z, masked=held_out.labels)


def check_episodes(
    targets: NDArray[np.bool_],
    labels: NDArray[np.int64],
    support: NDArray[np.int64],
    query: NDArray[np.int64],
    config: MetaConfig,
) -> None:
    """Raise a `DesireEdgeError` that names the settings if the largest episodes cannot be drawn from these labels."""
    ways, shots = config.ways[1], config.shots[1]
    try:
        EpisodeSampler(
            targets, labels, support, query, ways=ways, shots=shots, queries=config.queries
        ).check()
    except DesireEdgeError as error:
        raise DesireEdgeError(
            f"{len(labels)} base labels do not give training episodes of {ways} ways and {shots} shots ({error}); "
            "lower meta.ways, meta.shots, meta.queries or meta.folds, as in --set 'meta.ways=[1, 4]'"
        ) from error
