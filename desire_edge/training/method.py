"""The interface every method of the comparison stands behind, and the outer loop they share.

A method is a torch module from a batch of episodes to the logits of all their rows, after 0, 1, …, T steps of
whatever it calls adapting. It takes any number of ways and shots, and labels in any order: reordering an episode's
labels reorders its logits. Baselines, which know no label names, start every label's classifier from one learned weight
vector and bias; DESIRE-Net and its ablations start it from the label's word vector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

import torch
from torch import Tensor, nn

from desire_edge.errors import DesireEdgeError
from desire_edge.training.config import MetaConfig, Rate, Section
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.loss import masked_bce
from desire_edge.training.schedule import schedule

Features = Literal["semantic", "plain", "raw"]
SEARCHES = 6
"""How many configurations every method's `SEARCH` holds: the same for all, so that none is tuned harder."""


class Method(nn.Module, ABC):
    """A few-shot method: features and targets of a support set -> logits of support and query.

    All methods are built alike: `Class(rows, w_base, config, trunk)`.

    Args of a subclass:
        rows: [rows, features], the training rows of what `EpisodeBatch.z` holds: frozen z, or raw x where `trunk` is
            given. A method takes their width and their mean lengths from them, and keeps none.
        w_base: [d, B] word vectors of the base labels; only DESIRE-Net and its ablations look at them.
        config: an instance of `CONFIG`.
        trunk: hidden sizes of the layers from raw x that the method learns in place of F; None on frozen z.

    Class attributes:
        CONFIG: the type of the method's settings; `CONFIG()` holds the defaults.
        SEARCH: `SEARCHES` sets of overrides of `CONFIG`, for the search on validation labels; the first is empty.
        FEATURES: what it stands on where it has no trunk: the z of F pre-trained with word vectors ("semantic") or
            without ("plain"), or "raw" x.
    """

    CONFIG: ClassVar[type[Section]]
    SEARCH: ClassVar[tuple[dict[str, Any], ...]]
    FEATURES: ClassVar[Features] = "semantic"

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: Section, trunk: Sequence[int] | None = None
    ) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Logits of all rows after 0 … T steps, T + 1 tensors [E, S+Q, N].

        They are differentiable with respect to the parameters where gradients are enabled. In training mode T is the
        configured number of inner steps; in evaluation mode the number of steps at test time, where the two differ.
        """


class OuterSettings(Protocol):
    """What the outer loop reads of a method's settings."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def gradient_clip(self) -> float: ...


class OuterConfig(Section):
    """Settings of the outer loop."""

    learning_rate: Rate = 1e-3
    gradient_clip: Rate = 1.0


class MetaTrained(Method):
    """A method with something to learn from training episodes.

    The outer loop is that of second-order MAML unless a method says otherwise: Adam on the query loss after the last
    step, by `outer_step`.
    """

    def __init__(
        self, rows: Tensor, w_base: Tensor, config: OuterSettings, trunk: Sequence[int] | None = None
    ) -> None:
        nn.Module.__init__(self)
        self.outer = config

    def optimizer(self) -> torch.optim.Optimizer:
        """The outer loop's optimiser; the schedule scales each group's `initial_lr`."""
        return torch.optim.Adam([{"params": list(self.parameters()), "initial_lr": self.outer.learning_rate}])

    def outer_loss(self, episodes: EpisodeBatch, progress: float) -> Tensor:
        """What the outer loop minimises at `progress` in [0, 1) of meta-training: a scalar."""
        return query_loss(self(episodes)[-1], episodes)

    def outer_step(self, optimizer: torch.optim.Optimizer, episodes: EpisodeBatch, progress: float) -> float:
        """One outer update; returns its loss.

        Args:
            optimizer: from `optimizer()`.
            episodes: a batch of training episodes.
            progress: the share of meta-training that is done, in [0, 1).

        Raises:
            FloatingPointError: the loss or its gradient is not finite; the weights are then as they were.
        """
        self.train()
        loss = self.outer_loss(episodes, progress)
        return outer_step(optimizer, loss, clip=self.outer.gradient_clip, progress=progress)


def outer_step(optimizer: torch.optim.Optimizer, loss: Tensor, *, clip: float, progress: float) -> float:
    """One outer update, of DESIRE-Net and of every baseline; returns the loss.

    Args:
        optimizer: of groups with an `initial_lr`, which falls on half a cosine to zero.
        loss: the outer loss, a scalar.
        clip: what each group's gradient is clipped to, in l2 norm and on its own: a loss that is steep in the step
            sizes does not keep the weights from learning.
        progress: the share of meta-training that is done, in [0, 1).

    Raises:
        FloatingPointError: the loss or its gradient is not finite; the weights are then as they were.
    """
    if not torch.isfinite(loss):
        raise FloatingPointError("the outer loss is not finite")
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * schedule(progress)
        if not torch.isfinite(nn.utils.clip_grad_norm_(group["params"], clip)):
            raise FloatingPointError("the outer gradient is not finite")
    optimizer.step()
    return float(loss.detach())


def outer_loss(logits: list[Tensor], episodes: EpisodeBatch, config: MetaConfig) -> Tensor:
    """The query loss after the last step and, by their weights, before any step and after each in between: a scalar.

    The weights of all steps are as in MAML++'s multi-step loss (Antoniou et al. 2019), but stay as they are.

    Args:
        logits: of all rows after 0 … T steps.
        episodes: what they are logits of.
        config: `zero_shot_weight` and `multi_step_weight`.
    """
    zero = config.zero_shot_weight
    loss = (1 - zero) * query_loss(logits[-1], episodes) + zero * query_loss(logits[0], episodes)
    if config.multi_step_weight and len(logits) > 2:
        between = torch.stack([query_loss(step, episodes) for step in logits[1:-1]])
        loss = loss + config.multi_step_weight * between.sum()
    return loss


def query_loss(logits: Tensor, episodes: EpisodeBatch) -> Tensor:
    """The masked loss of the query rows of logits [E, S+Q, N], the mean over episodes: a scalar."""
    query = slice(episodes.support, None)
    return masked_bce(logits[:, query], episodes.targets[:, query], episodes.mask[:, query]).mean()


def without_trunk(method: Method, trunk: Sequence[int] | None) -> None:
    """Refuse a trunk, for a method that by definition stands on a frozen F."""
    if trunk is not None:
        raise DesireEdgeError(
            f"{type(method).__name__} stands on frozen features and takes no trunk; leave it out, or compare on raw "
            "input with MAML, MAML++, Reptile, ATAML or ProtoNet"
        )
