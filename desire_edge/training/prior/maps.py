"""What the closed form leaves to learn of W_I and W_Z: residuals, meta-learned through the solver.

W_I + ΔW_I and W_Z (I + ΔW_Z) start at the closed form and go down the query loss of tasks over base labels that a blind
learner plays as novel (`trust`). Every base label has its row of ΔW_I in each of them, so all folds share the
residuals. Learning stops early, and is dropped where it does not pay, by tasks over the validation labels: a fold of
base labels would not do for that, since the residuals have met its labels as base labels of the other folds, and have
learned to tell what is novel from these. The scalars stay as `trust` has learned them: on the labels that the residuals
were learned from, names look better than they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from desire_edge.metrics import micro_auc
from desire_edge.models import smooth_normalize
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.folds import Fold
from desire_edge.training.prior.gains import over_labels, told_apart
from desire_edge.training.prior.learner import PriorLearner, Terms
from desire_edge.training.prior.trust import blind_batch, blind_learner, fold_episodes, task_loss

CELLS = ((2, 1), (5, 1), (5, 5), (10, 1), (10, 5))
"""Ways and shots of the tasks: with more examples the prior matters little."""
EPISODES, HELD_OUT_EPISODES, BATCH = 48, 24, 8
STEPS, EVERY, PATIENCE = 120, 20, 40
"""In all; between looks at the validation labels; and without a gain there."""
INFERENCE_RATE, NAME_RATE, MOMENTUM, CLIP = 0.3, 0.03, 0.9, 5.0
"""Plain gradient descent: Adam, whose steps do not know small gradients from large ones, over-fits names at once."""

Report = Callable[[int, int, float], None]
"""Called with steps done and in all, and the latest loss."""


@dataclass(frozen=True)
class Gain:
    """What residuals are worth on tasks over the validation labels: micro AUC less that of the closed form.

    Attributes:
        steps: after which they were best.
        mean, error: with examples, and the standard error over labels (the jackknife's: tasks share them).
        by_name, by_name_error: likewise, by name alone.
        tasks: how many.
    """

    steps: int
    mean: float
    error: float
    by_name: float
    by_name_error: float
    tasks: int

    @property
    def pays(self) -> bool:
        """Whether it is above its standard error, and names alone lose nothing."""
        return self.mean > self.error and self.by_name > -self.by_name_error


@dataclass(frozen=True, eq=False)
class Played:
    """E tasks of one size as a blind learner sees them.

    Attributes:
        terms: by the closed form.
        wanted: [E, Q, N], the targets of the query rows.
        labels: [E, N], which labels.
        names: [E, d_w, N].
        mapped: z W_Z, [E, S+Q, d_w].
        scores: û [E, S+Q, B'] of the blind learner's base labels.
        base: [B'], where these stand among all base labels.
    """

    terms: Terms
    wanted: Tensor
    labels: NDArray[np.int64]
    names: Tensor
    mapped: Tensor
    scores: Tensor
    base: Tensor


class Residuals(nn.Module):
    """ΔW_I [B, d_w] and ΔW_Z [d_w, d_w]."""

    def __init__(self, base_labels: int, name_dimension: int) -> None:
        super().__init__()
        self.inference = nn.Parameter(torch.zeros(base_labels, name_dimension))
        self.name_map = nn.Parameter(torch.zeros(name_dimension, name_dimension))

    def forward(self, played: Played, some: Tensor) -> Terms:
        """The terms of some of the tasks."""
        terms, names = played.terms.of(some), played.names[some]
        return replace(
            terms,
            named=terms.named + played.mapped[some] @ (self.name_map @ names),
            inferred=terms.inferred + played.scores[some] @ (self.inference[played.base] @ names),
        )

    @torch.no_grad()
    def add_to(self, learner: PriorLearner) -> None:
        """Make them part of a learner's W_I and W_Z, which was the identity where it had none."""
        learner.inference.add_(self.inference)
        if learner.name_map is None:
            learner.name_map = torch.eye(len(self.name_map), device=self.name_map.device) + self.name_map
        else:
            learner.name_map.add_(learner.name_map @ self.name_map)


def learn_maps(
    learner: PriorLearner,
    batcher: EpisodeBatcher,
    folds: Sequence[tuple[Fold, Tensor]],
    validation: NDArray[np.int64],
    *,
    seed: int,
    report: Report = lambda done, total, loss: None,
) -> Gain | None:
    """Learn residuals of W_I and W_Z, and make them part of `learner` where they pay.

    Args:
        learner: with its closed form and its scalars.
        batcher: of the run's features, targets and names.
        folds: base labels and rows that are held out, and the features [rows, d] for them.
        validation: the validation labels.
        seed: of the tasks.
        report: called as it goes on.

    Returns:
        What the best residuals are worth; None where base or validation labels give no tasks, or all validation labels
        are in each of them, so that nothing tells an error.
    """
    rng = np.random.default_rng([seed, 14])
    groups, held_out = list[Played](), list[Played]()
    for fold, z in folds:
        if (blind := blind_learner(learner, batcher, fold, z)) is not None:
            groups += _played(*blind, batcher, fold, z, fold.labels, EPISODES, rng)
            held_out += _played(*blind, batcher, fold, z, validation, HELD_OUT_EPISODES, rng)
    if not groups or told_apart([row for group in held_out for row in group.labels]) < 2:
        return None
    residuals = Residuals(*learner.inference.shape).to(learner.inference)
    optimizer = torch.optim.SGD(
        [
            {"params": [residuals.inference], "lr": INFERENCE_RATE},
            {"params": [residuals.name_map], "lr": NAME_RATE},
        ],
        momentum=MOMENTUM,
    )
    generator = torch.Generator().manual_seed(seed)
    scalars = learner.scalars.detach()
    before = _aucs(residuals, held_out, scalars)
    best, best_state = Gain(0, 0.0, 0.0, 0.0, 0.0, 0), residuals.state_dict()
    for step in range(1, STEPS + 1):
        group = groups[int(rng.integers(len(groups)))]
        some = torch.from_numpy(rng.permutation(len(group.wanted))[:BATCH]).to(scalars.device)
        loss = task_loss(residuals(group, some), group.wanted[some], scalars, generator)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if torch.isfinite(nn.utils.clip_grad_norm_(residuals.parameters(), CLIP)):
            optimizer.step()
        if step % EVERY == 0:
            gain = _gain(step, _aucs(residuals, held_out, scalars) - before, held_out)
            if gain.mean > best.mean:
                best = gain
                best_state = {name: value.clone() for name, value in residuals.state_dict().items()}
        over = step == STEPS or step - best.steps >= PATIENCE
        report(STEPS if over else step, STEPS, loss.item())
        if over:
            break
    if best.pays:
        residuals.load_state_dict(best_state)
        residuals.add_to(learner)
    return best


@torch.no_grad()
def _played(
    blind: PriorLearner,
    base: NDArray[np.int64],
    batcher: EpisodeBatcher,
    fold: Fold,
    z: Tensor,
    labels: NDArray[np.int64],
    count: int,
    rng: np.random.Generator,
) -> list[Played]:
    """Tasks over some labels as the blind learner of a fold sees them, those of a size together."""
    found = []
    positions = torch.from_numpy(batcher.base_position[base]).to(z.device)
    for ways, shots in CELLS:
        if episodes := fold_episodes(batcher, fold, labels, ways, shots, count, rng):
            batch = blind_batch(batcher, episodes, z)
            found.append(
                Played(
                    blind.terms(batch),
                    batch.targets[:, batch.support :],
                    np.stack([episode.labels for episode in episodes]),
                    blind.names(batch.w_novel),
                    batch.z if blind.name_map is None else batch.z @ blind.name_map,
                    smooth_normalize(batch.z @ blind.r),
                    positions,
                )
            )
    return found


@torch.no_grad()
def _aucs(residuals: Residuals, groups: Sequence[Played], scalars: Tensor) -> NDArray[np.float64]:
    """Micro AUC of every task, with its examples and by name alone: [tasks, 2]."""
    found = []
    for group in groups:
        terms = residuals(group, torch.arange(len(group.wanted), device=scalars.device))
        support = terms.mask.shape[1]
        both = (terms, terms.without_examples)
        logits = [PriorLearner.logits(each, scalars)[:, support:].cpu().numpy() for each in both]
        truth = (group.wanted > 0).cpu().numpy()
        found += [[micro_auc(wanted, rows[task]) for rows in logits] for task, wanted in enumerate(truth)]
    return np.array(found)


def _gain(steps: int, gains: NDArray[np.float64], groups: Sequence[Played]) -> Gain:
    labels = [row for group in groups for row in group.labels]
    (mean, error), (by_name, by_name_error) = (over_labels(gains[:, column], labels) for column in (0, 1))
    return Gain(steps, mean, error, by_name, by_name_error, len(gains))
