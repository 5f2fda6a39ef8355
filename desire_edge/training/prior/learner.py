"""The head `prior` as a torch module. docs/model.md has its equations; tests hold it to them in float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from desire_edge.models import smooth_normalize
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.learner import FEATURES, Learner
from desire_edge.training.prior.scalars import Trust, cautious, trust_of
from desire_edge.training.prior.solver import dual

MOST_ASSUMED = 0.5


@dataclass(frozen=True)
class Terms:
    """What does not depend on the scalars in a batch of E episodes of S support and Q query rows.

    Attributes:
        named: z · W_Z w of each row and label, [E, S+Q, N].
        inferred: û · W_I w, [E, S+Q, N].
        examples: z zᵀ of each row and support row, [E, S+Q, S].
        neighbours: û ûᵀ, likewise.
        targets, mask: of the support, [E, S, N].
    """

    named: Tensor
    inferred: Tensor
    examples: Tensor
    neighbours: Tensor
    targets: Tensor
    mask: Tensor

    def of(self, episodes: Tensor) -> Terms:
        """Those of some episodes."""
        return Terms(*(getattr(self, name)[episodes] for name in self.__dataclass_fields__))

    @property
    def without_examples(self) -> Terms:
        """The same rows in tasks that have no support."""
        return Terms(
            self.named,
            self.inferred,
            self.examples[..., :0],
            self.neighbours[..., :0],
            self.targets[:, :0],
            self.mask[:, :0],
        )


class PriorLearner(Learner):
    """Names, and base labels by their scores, say what to believe of a label; examples correct it by a kernel.

    Features z and names w have unit length, w after `name_mean` is taken away. Nothing but the scalars is learned by
    gradients; the rest has a closed form (`closed_form`).

    Attributes:
        name_mean: [d_w].
        words: how many of z's last numbers say what words a text has; W_Z makes nothing of them.
        shared_space: whether the others and names are of one space.
        name_map: W_Z [d, d_w], from features to the space of names; None for the identity.
        r, base_bias: [d, B] and [B], the base labels' classifiers: z r + base_bias are their log odds.
        inference: W_I [B, d_w].
        scalars: [21], see `desire_edge.scalars`.
    """

    name_mean: Tensor
    name_map: Tensor | None
    r: Tensor
    base_bias: Tensor
    inference: Tensor

    def __init__(
        self, dimension: int, name_dimension: int, base_labels: int, *, shared_space: bool, words: int = 0
    ) -> None:
        super().__init__()
        self.shared_space, self.words = shared_space, words
        self.register_buffer("name_mean", torch.zeros(name_dimension))
        mapped = words > 0 or not shared_space
        self.register_buffer("name_map", torch.zeros(dimension, name_dimension) if mapped else None)
        self.register_buffer("r", torch.zeros(dimension, base_labels))
        self.register_buffer("base_bias", torch.zeros(base_labels))
        self.register_buffer("inference", torch.zeros(base_labels, name_dimension))
        self.scalars = nn.Parameter(cautious(base_labels))
        self.register_buffer("threshold_weights", torch.zeros(FEATURES))

    def like(self, base_labels: int) -> PriorLearner:
        """One for the same features and names, and other base labels, that nothing was fitted to."""
        sizes = len(self.r), len(self.name_mean), base_labels
        return PriorLearner(*sizes, shared_space=self.shared_space, words=self.words).to(self.r.device)

    def without_words(self) -> PriorLearner:
        """One for the features without their words, that nothing was fitted to."""
        sizes = len(self.r) - self.words, len(self.name_mean), self.r.shape[1]
        return PriorLearner(*sizes, shared_space=self.shared_space).to(self.r.device)

    def forward(self, episodes: EpisodeBatch) -> list[Tensor]:
        """Logits of all rows [E, S+Q, N] by name alone, and after the examples, if there are any."""
        terms = self.terms(episodes)
        by_name = self.logits(terms.without_examples, self.scalars)
        return [by_name, self.logits(terms, self.scalars)] if episodes.support else [by_name]

    def kept(self, episodes: EpisodeBatch, logits: list[Tensor]) -> list[int]:
        """The last: what the examples say counts."""
        return [len(logits) - 1] * len(episodes.z)

    def names(self, w_novel: Tensor) -> Tensor:
        """[..., d_w, N] as a lexicon gives them -> unit vectors, centred."""
        return smooth_normalize(smooth_normalize(w_novel.mT) - self.name_mean).mT

    def terms(self, episodes: EpisodeBatch) -> Terms:
        """What a batch is to the head before any scalar is chosen."""
        s, z = episodes.support, episodes.z
        names = self.names(episodes.w_novel)
        scores = z @ self.r
        if episodes.known_labels is not None:
            known = episodes.known_labels
            scores = torch.where(known.sum(dim=-1, keepdim=True) > 0, known, scores)
        if episodes.base_mask is not None:
            scores = scores * episodes.base_mask[:, None]
        u = smooth_normalize(scores)
        return Terms(
            named=z @ (names if self.name_map is None else self.name_map @ names),
            inferred=u @ (self.inference @ names),
            examples=z @ z[:, :s].mT,
            neighbours=u @ u[:, :s].mT,
            targets=episodes.targets[:, :s],
            mask=episodes.mask[:, :s],
        )

    @staticmethod
    def logits(terms: Terms, scalars: Tensor) -> Tensor:
        """Logits of all rows, [E, S+Q, N], differentiable with respect to the scalars [21]."""
        mask, targets = terms.mask, terms.targets
        labels, s = terms.named.shape[-1], mask.shape[-2]
        trust = trust_of(scalars, mask.sum(dim=(-2, -1)) / labels, labels)
        f = trust.names * terms.named + trust.base * terms.inferred + trust.bias
        if s:
            kernel = trust.examples * terms.examples + trust.neighbours * terms.neighbours
            targets = torch.where(mask > 0, targets, 0)
            some = (targets > 0).any(dim=-2, keepdim=True)
            variance = trust.bias_variance * torch.where(some, 1, f.new_tensor(0.1))
            weights = balanced(assumed(targets, mask, trust), targets, trust)
            alpha = dual(kernel[:, :s], f[:, :s], targets, weights, variance)
            f = f + kernel @ alpha + variance * alpha.sum(dim=-2, keepdim=True)
        return trust.temperature * f + trust.shift


def assumed(targets: Tensor, mask: Tensor, trust: Trust) -> Tensor:
    """[E, S, N]: the mask, and how far a target that is not known counts as negative.

    The bias says how many negatives a label has for a positive. Where fewer are known, its unknown targets make up for
    them, `MOST_ASSUMED` each at most; not those of an example of which nothing is known.
    """
    positives = (mask * targets).sum(dim=-2, keepdim=True)
    negatives = (mask * (1 - targets)).sum(dim=-2, keepdim=True)
    unknown = ((mask == 0) & (mask > 0).any(dim=-1, keepdim=True)).to(mask.dtype)
    missing = positives * torch.exp(-trust.bias) - negatives
    return mask + unknown * (missing / unknown.sum(dim=-2, keepdim=True).clamp(min=1)).clamp(0, MOST_ASSUMED)


def balanced(mask: Tensor, targets: Tensor, trust: Trust) -> Tensor:
    """c [E, S, N]: the mask of `assumed`, times how rare a label's class is in it, to the power `balance`."""
    positives = (mask * targets).sum(dim=-2, keepdim=True)
    negatives = (mask * (1 - targets)).sum(dim=-2, keepdim=True)
    known = positives + negatives
    known = torch.where(known > 0, known, 1.0)  # no power of 0, where the mask is 0 anyway
    rarity = torch.where(targets > 0, positives.clamp(min=0.5), negatives.clamp(min=0.5))
    return mask * (known / (2 * rarity)) ** trust.balance
