"""Reptile."""

from __future__ import annotations

import torch
from torch import Tensor

from desire_edge.baselines.adaptation import Weights, copies, label_logits, sgd_step
from desire_edge.baselines.maml import Maml, MamlConfig
from desire_edge.training.config import Positive, Rate
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.loss import inner_loss


class ReptileConfig(MamlConfig):
    """Settings of Reptile; `learning_rate` is the outer step ε, which falls linearly to zero.

    An inner step sees one of `minibatches` equal parts of the episode's rows.
    """

    inner_steps: Positive = 10
    test_steps: Positive = 10
    step_size: Rate = 0.06
    learning_rate: Rate = 1.0
    minibatches: Positive = 5


class Reptile(Maml):
    """Nichol, Achiam, Schulman, "On First-Order Meta-Learning Algorithms", 2018.

    The initialisation moves towards the weights that several steps of SGD on an episode reach, θ ← θ + ε (θ' − θ),
    with θ' the mean over a batch of episodes: no second derivatives, no split into support and query. Every inner
    step sees another minibatch of the episode's rows, as the paper finds that steps on one and the same batch do not
    meta-learn. The classifiers of an episode's labels start as copies of one, so that one moves towards their mean.
    """

    CONFIG = ReptileConfig
    SEARCH = (
        {},
        {"step_size": 0.12},
        {"step_size": 0.2},
        {"inner_steps": 5},
        {"inner_steps": 20, "test_steps": 20},
        {"step_size": 0.2, "test_steps": 5},
    )

    config: ReptileConfig

    def optimizer(self) -> torch.optim.Optimizer:
        """Plain SGD: with θ − θ' for a gradient and ε for a learning rate it makes Reptile's update."""
        return torch.optim.SGD([{"params": list(self.parameters()), "initial_lr": self.outer.learning_rate}])

    def outer_step(self, optimizer: torch.optim.Optimizer, episodes: EpisodeBatch, progress: float) -> float:
        """θ ← θ + ε (1 − progress) (θ' − θ); returns the mean loss of the minibatches that led to θ'."""
        weights, loss = self.trained(episodes)
        if not torch.isfinite(loss):
            raise FloatingPointError("the inner loss is not finite")
        for name, theta in self.theta.items():
            reached = weights[name].mean(dim=0)
            theta.grad = theta.detach() - (
                reached.mean(dim=-1, keepdim=True) if name.startswith("head") else reached
            )
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * (1 - progress)
        optimizer.step()
        return float(loss)

    def trained(self, episodes: EpisodeBatch) -> tuple[Weights, Tensor]:
        """θ' of every episode, each [E, …], after the inner steps on minibatches of all its rows; the mean loss."""
        x, parts = self.standardize(episodes.z), min(self.config.minibatches, episodes.z.shape[1])
        sizes = dict.fromkeys(self.theta, self.config.step_size)
        weights = {name: weight.detach() for name, weight in copies(self.theta, episodes).items()}
        losses = []
        for step in range(self.config.inner_steps):
            # Rows come label by label, so every parts-th row makes a minibatch with most labels in it.
            rows = slice(step % parts, None, parts)
            with torch.enable_grad():
                weights = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
                loss = inner_loss(
                    label_logits(weights, x[:, rows]), episodes.targets[:, rows], episodes.mask[:, rows]
                )
                weights = sgd_step(weights, loss.sum(), sizes, create_graph=False)
            losses.append(loss.detach().mean())
        return {name: weight.detach() for name, weight in weights.items()}, torch.stack(losses).mean()
