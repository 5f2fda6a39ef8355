"""What tests of training share: small runs on the sample corpus, and random episodes."""

from __future__ import annotations

import torch
from torch import Tensor

from desire_edge.models import SemanticInference
from desire_edge.training import stages
from desire_edge.training.checkpoint import Stage
from desire_edge.training.config import TrainConfig, load_config
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.run import Run

SMALL = [
    "extractor.hidden=[64]",
    "extractor.epochs=3",
    "meta.hidden=32",
    "meta.batches=6",
    "meta.episodes=4",
    "meta.folds=0",
    "meta.inner_steps=3",
    "validate_every=2",
    "validation_tasks=5",
    "maps=off",
    "words=off",
    "text.vocabulary=2000",
    "lexicon.max_mb=4",
    'lexicon.sources=["glove-50"]',
]


def small_config(*settings: str) -> TrainConfig:
    return load_config(None, [*SMALL, *settings], {"data": "sample"}, recipe="best")


def train(run: Run, stop_at: tuple[Stage, int] | None = None) -> None:
    """Train; `stop_at` cuts it off there, as Ctrl-C would."""

    def report(stage: Stage, done: int, total: int, loss: float, auc: float | None) -> None:
        if (stage, done) == stop_at:
            raise KeyboardInterrupt

    stages.train(run, report)


def random_case(
    seed: int, e: int, s: int, q: int, n: int, d: int, h: int, b: int, *, known_labels: bool = False
) -> tuple[SemanticInference, EpisodeBatch]:
    """A head and episodes in float64; about a sixth of the targets are unknown, and some base labels masked.

    With `known_labels` of about half of the rows some base labels are known, of the others none.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    torch.manual_seed(seed)
    head = SemanticInference(normal(d, b), h).double()
    with torch.no_grad():
        head.w_i.add_(0.1 * normal(b, d))
        head.gamma1.fill_(1.3)
        head.gamma2.fill_(0.7)
    targets = (normal(e, s + q, n) > 0).double()
    mask = (normal(e, s + q, n) > -1).double()
    base_mask = (normal(e, b) > -0.5).double()
    z, w_novel = normal(e, s + q, d), normal(e, d, n)
    known = (normal(e, s + q, b) > 0) & (normal(e, s + q, 1) > 0)
    return head, EpisodeBatch(
        z, targets, mask, w_novel, base_mask, s, known.double() if known_labels else None
    )
