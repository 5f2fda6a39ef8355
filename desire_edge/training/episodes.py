"""From sampled episodes to the tensors the inner loop takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from desire_edge.data import Episode
from desire_edge.training.inner_loop import Episodes


class EpisodeBatcher:
    """Turns episodes over a data set's rows and labels into `Episodes`.

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
    ) -> Episodes:
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
        return Episodes(
            z=z[rows],
            targets=targets,
            mask=torch.ones_like(targets),
            w_novel=self.w[:, columns].permute(1, 0, 2),
            base_mask=base_mask,
            support=len(episodes[0].support),
            known_labels=self.targets[rows][:, :, self.base].to(z.dtype) if known_labels else None,
        )
