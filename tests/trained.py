"""Small trained models that tests of several rooms share: a run, its bundle, and one task as folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.evaluation.folders import write_episode
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.weights import base_axes
from desire_edge.training.config import load_config
from desire_edge.training.run import Run
from desire_edge.training.stages import train

SAMPLE = (
    "data=sample",
    "text.vocabulary=2000",
    "lexicon.max_mb=4",
    'lexicon.sources=["glove-50"]',
    "extractor.hidden=[128]",
    "extractor.epochs=20",
    "meta.batches=60",
    "meta.folds=0",
    "meta.inner_steps=3",
    "validation_tasks=5",
)
KNOWN = (*SAMPLE, "meta.known_labels=1.0")
PRIOR = (*SAMPLE, "head=prior", "maps=off", "words=off")
DELICIOUS = (
    "data=delicious",
    "lexicon.max_mb=4",
    "extractor.hidden=[400]",
    "extractor.epochs=3",
    "meta.batches=60",
    "meta.folds=0",
    "meta.inner_steps=3",
    "meta.ways=[5, 5]",
    "validation_tasks=5",
)
WAYS = 6  # of the bundles: one more than the tasks have, so that there is an unused one


@dataclass(frozen=True)
class Trained:
    """A finished run, its bundle (`ways=WAYS`), and a 5-way 2-shot task of novel labels, also as `folder/support` …

    Where the run was trained with known labels, the folders' metadata give them.
    """

    run: Run
    bundle: Path
    episode: Episode
    folder: Path

    @property
    def labels(self) -> list[str]:
        """The task's labels."""
        return [self.run.data.dataset.labels[label] for label in self.episode.labels]

    @property
    def axes(self) -> NDArray[np.float64]:
        """The bundle's features are the extractor's times this rotation, [d, d]."""
        axes: NDArray[np.float64] = base_axes(self.run.meta_learner.head.w_base.double().numpy())[0]
        return axes

    @property
    def support(self) -> Path:
        """The support folder."""
        return self.folder / "support"

    @property
    def query(self) -> Path:
        """The query folder."""
        return self.folder / "query"


def train_small(folder: Path, settings: tuple[str, ...]) -> Trained:
    """Train with `settings` in `folder`, export, and draw a task."""
    run = Run.create(folder / "run", load_config(overrides=settings, recipe="best"), torch.device("cpu"))
    train(run, lambda *_: None)
    export_bundle(run, folder / "tagger.desire", ExportOptions(ways=WAYS))
    data = run.data
    sampler = EpisodeSampler(
        data.dataset.targets, data.split.novel, data.rows.support, data.rows.query, ways=5, shots=2, queries=4
    )
    episode = sampler.sample(np.random.default_rng(0))
    known = data.split.base.tolist() if run.config.meta.known_labels else ()
    write_episode(data.dataset, episode, folder / "task", known)
    return Trained(run, folder / "tagger.desire", episode, folder / "task")
