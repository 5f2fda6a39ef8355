"""The inner loop of meta-training: a few SGD steps on the support set's loss (`inner_loss`), differentiable, over a
batch of episodes.

Plain SGD on a Linear layer changes its output at any row by a kernel product of inputs, so the loop never builds
adapted d×d or B×d matrices: it carries the support's gradients and applies them to support and query rows alike. This
is exact (it is the same SGD), and autograd differentiates it for the outer loop at second order.
`tests/training/test_inner_loop.py` holds it to SGD on explicit weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from desire_edge.models import SemanticInference, smooth_norm, smooth_normalize
from desire_edge.training.loss import known_ways, masked_bce

STEP_SIZE_GROUPS = ("w1, b1", "w2, b2", "w_i", "gamma1", "gamma2")
"""What each column of the step sizes [T, 5] applies to: one scalar a tensor a step; a bias shares its weight's."""


@dataclass(frozen=True)
class EpisodeBatch:
    """A batch of E episodes of one size; the S support rows come first, then the Q query rows.

    Attributes:
        z: [E, S+Q, d] features of the rows.
        targets: [E, S+Q, N] in {0, 1}.
        mask: [E, S+Q, N], 1 where the target is known.
        w_novel: [E, d, N] word vectors of the (pseudo-)novel labels.
        base_mask: [E, B], 0 for the base labels an episode plays as novel, or None when all stay.
        support: S.
        known_labels: [E, S+Q, B] in {0, 1}, the base labels each row is known to carry, which stand in for its
            z W_base; None where nothing is known.
    """

    z: Tensor
    targets: Tensor
    mask: Tensor
    w_novel: Tensor
    base_mask: Tensor | None
    support: int
    known_labels: Tensor | None = None


def inner_loop(head: SemanticInference, episodes: EpisodeBatch, step_sizes: Tensor) -> list[Tensor]:
    """Adapt `head` to each episode's support rows; logits of all its rows after 0, 1, …, T steps.

    Args:
        head: θ, shared by the episodes.
        episodes: E episodes.
        step_sizes: [T, 5], columns as in `STEP_SIZE_GROUPS`.

    Returns:
        T + 1 tensors [E, S+Q, N], differentiable with respect to θ and the step sizes.
    """
    s = episodes.support
    z, w_novel = episodes.z, episodes.w_novel
    targets, mask = episodes.targets[:, :s], episodes.mask[:, :s]
    weight = mask / mask.sum(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(mask.dtype).tiny)
    weight = weight * known_ways(mask)[..., None, None]

    base = head.base_scores(z, episodes.base_mask, episodes.known_labels)
    inferred = base @ (
        head.w_i @ w_novel
    )  # A of docs/model.md: [E, S+Q, N]; there are fewer labels than rows
    hidden_in = z @ head.w1 + head.b1  # P1: [E, S+Q, h]
    z_kernel = z @ z[:, :s].mT + 1  # + 1 is the bias
    base_kernel = base @ base[:, :s].mT
    gram = w_novel.mT @ w_novel
    gamma1, gamma2 = head.gamma1.expand(len(z), 1, 1), head.gamma2.expand(len(z), 1, 1)
    second_layer: list[tuple[Tensor, Tensor]] = []  # (relu rows, step size × ∂loss/∂W_Z) of each past step

    logits: list[Tensor] = []
    for step in range(len(step_sizes) + 1):
        hidden = torch.relu(hidden_in)
        u = hidden @ head.w2 + head.b2  # W_Z(z): [E, S+Q, d]
        for past_hidden, past_gradient in second_layer:
            u = u - (hidden @ past_hidden.mT + 1) @ past_gradient
        q = smooth_normalize(u) @ w_novel
        logits.append(gamma1 * q + gamma2 * inferred)
        if step == len(step_sizes):
            break
        eta1, eta2, eta_i, eta_gamma1, eta_gamma2 = step_sizes[step]
        error = weight * (torch.sigmoid(logits[-1][:, :s]) - targets)  # E = ∂loss/∂logits
        norm = smooth_norm(u[:, :s])
        through_norm = gamma1 * error @ w_novel.mT
        unit = u[:, :s] / norm
        gradient_u = (through_norm - (through_norm * unit).sum(-1, keepdim=True) * unit) / norm
        # Backward through W_2 as it stands now: its past updates act on the gradient too.
        gradient_hidden = gradient_u @ head.w2.mT
        for past_hidden, past_gradient in second_layer:
            gradient_hidden = gradient_hidden - gradient_u @ past_gradient.mT @ past_hidden
        gradient_hidden = gradient_hidden * (hidden_in[:, :s] > 0)

        second_layer.append((hidden[:, :s], eta2 * gradient_u))
        hidden_in = hidden_in - eta1 * z_kernel @ gradient_hidden
        old_gamma2 = gamma2
        gamma1 = gamma1 - eta_gamma1 * (error * q[:, :s]).sum(dim=(-2, -1), keepdim=True)
        gamma2 = gamma2 - eta_gamma2 * (error * inferred[:, :s]).sum(dim=(-2, -1), keepdim=True)
        inferred = inferred - eta_i * old_gamma2 * base_kernel @ (error @ gram)
    return logits


def best_steps(episodes: EpisodeBatch, logits: list[Tensor]) -> list[int]:
    """For each episode, after how many steps its support loss is lowest (the later of equal ones)."""
    rows = slice(0, episodes.support)
    losses = [masked_bce(step[:, rows], episodes.targets[:, rows], episodes.mask[:, rows]) for step in logits]
    last_first = torch.stack(losses[::-1])  # argmin gives the first of equal ones
    return [len(losses) - 1 - int(index) for index in last_first.argmin(dim=0)]


def chosen_logits(logits: list[Tensor], steps: list[int]) -> Tensor:
    """Each episode's logits after its own number of steps: [E, S+Q, N]."""
    return torch.stack([logits[step][index] for index, step in enumerate(steps)])
