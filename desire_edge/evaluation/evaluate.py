"""How well a run learns labels it has never seen: N-way K-shot tasks under a protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.evaluation.metrics import Estimate, macro_auc, micro_auc, micro_f1
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.pretrain import extract
from desire_edge.training.run import Run

BATCH = 20


@dataclass(frozen=True)
class EvaluateOptions:
    """The tasks of an evaluation.

    Attributes:
        labels: which labels the tasks are over; settings are chosen on "validation", figures quoted on "novel".
        ways, shots: N and K.
        queries: query rows a label.
        tasks: how many.
        seed: of the tasks; the same seed gives the same tasks to every model.
        eligible_only: tasks only over labels with enough query rows; else over all, with min(queries, available).
    """

    labels: Literal["novel", "validation"] = "novel"
    ways: int = 5
    shots: int = 1
    queries: int = 15
    tasks: int = 600
    seed: int = 0
    eligible_only: bool = True


@dataclass(frozen=True)
class Evaluation:
    """The figures of one evaluation.

    Attributes:
        options: what was evaluated.
        protocol: which rows the run saw, and where support and query came from.
        eligible: how many labels had enough rows.
        labels: how many labels there were.
        micro_auc, macro_auc, micro_f1: after adaptation; F1 with a threshold of 0.5.
        zero_shot_micro_auc: before any step, by the labels' names alone.
        micro_auc_by_step: the mean after 0, 1, …, T steps.
    """

    options: EvaluateOptions
    protocol: str
    eligible: int
    labels: int
    micro_auc: Estimate
    macro_auc: Estimate
    micro_f1: Estimate
    zero_shot_micro_auc: Estimate
    micro_auc_by_step: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


@torch.no_grad()
def evaluate(run: Run, options: EvaluateOptions, report: Callable[[int], None] | None = None) -> Evaluation:
    """Draw the tasks and measure them with the run's own F, head and step sizes.

    Args:
        run: trained; its protocol says where support and query rows come from.
        options: which tasks.
        report: called with the number of tasks done.
    """
    data = run.data
    labels = data.split.novel if options.labels == "novel" else data.split.validation
    sampler = EpisodeSampler(
        data.dataset.targets,
        labels,
        data.rows.support,
        data.rows.query,
        ways=options.ways,
        shots=options.shots,
        queries=options.queries,
        eligible_only=options.eligible_only,
    )
    z = extract(run.extractor, torch.from_numpy(data.x).to(run.device))
    batcher = EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)
    rng = np.random.default_rng([options.seed, options.ways, options.shots])
    aucs: list[list[float]] = []
    macros: list[float] = []
    f1s: list[float] = []
    for episodes in _equal_batches(sampler.sample(rng) for _ in range(options.tasks)):
        batch = batcher.stack(episodes)
        query = slice(batch.support, None)
        targets = (batch.targets[:, query] > 0).cpu().numpy()
        steps = [logits[:, query].cpu().numpy() for logits in run.learner(batch)]
        for task in range(len(episodes)):
            aucs.append([micro_auc(targets[task], logits[task]) for logits in steps])
            macros.append(macro_auc(targets[task], steps[-1][task]))
            f1s.append(micro_f1(targets[task], steps[-1][task] > 0))
        if report is not None:
            report(len(aucs))
    by_step = [[task[step] for task in aucs] for step in range(len(aucs[0]))]
    return Evaluation(
        options=options,
        protocol=run.config.protocol,
        eligible=len(sampler.eligible),
        labels=len(labels),
        micro_auc=Estimate.of(by_step[-1]),
        macro_auc=Estimate.of(macros),
        micro_f1=Estimate.of(f1s),
        zero_shot_micro_auc=Estimate.of(by_step[0]),
        micro_auc_by_step=tuple(Estimate.of(values).mean for values in by_step),
    )


def _equal_batches(episodes: Iterator[Episode]) -> Iterator[list[Episode]]:
    """Neighbouring episodes of the same size, at most `BATCH` of them together."""
    batch: list[Episode] = []
    for episode in episodes:
        if batch and (len(batch) == BATCH or len(batch[0].query) != len(episode.query)):
            yield batch
            batch = []
        batch.append(episode)
    if batch:
        yield batch
