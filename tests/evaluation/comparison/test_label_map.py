"""The map of one inference: its probabilities and votes are those of the model, and its names can be read."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text
from torch import Tensor
from trained import Trained

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.evaluation.comparison.label_map import adapted_head, infer, label_map
from desire_edge.models import extract
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import EpisodeBatch, best_steps, chosen_logits
from desire_edge.training.run import Run


def one_task(run: Run, rng: np.random.Generator, *, shots: int, queries: int) -> tuple[Episode, EpisodeBatch]:
    data = run.data
    sampler = EpisodeSampler(
        data.dataset.targets,
        data.split.novel,
        data.rows.support,
        data.rows.query,
        ways=5,
        shots=shots,
        queries=queries,
        eligible_only=False,
    )
    episode = sampler.sample(rng)
    z = extract(run.extractor, data.x)
    return episode, EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base).stack([episode])


def adapted_logits(run: Run, batch: EpisodeBatch) -> Tensor:
    """As `evaluate` takes them: [S+Q, N]."""
    with torch.no_grad():
        logits = run.learner(batch)
    return chosen_logits(logits, best_steps(batch, logits))[0]


def test_the_adapted_head_gives_the_logits_of_the_inner_loop(sample_trained: Trained) -> None:
    run = sample_trained.run
    _, batch = one_task(run, np.random.default_rng(0), shots=2, queries=4)
    before = {name: tensor.clone() for name, tensor in run.learner.state_dict().items()}
    found = adapted_head(run.meta_learner, batch)(batch.z[0], batch.w_novel[0]).detach()
    torch.testing.assert_close(found, adapted_logits(run, batch), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, run.meta_learner.head(batch.z[0], batch.w_novel[0]), atol=1e-2)
    for name, tensor in run.learner.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.slow
def test_the_map_tells_the_models_probabilities_and_what_makes_them(run: Run) -> None:
    found = infer(run)
    episode, batch = one_task(run, np.random.default_rng([0, 5, 1]), shots=1, queries=15)
    at = 5 + episode.query.tolist().index(found.row)
    assert (found.labels == episode.labels).all()
    assert (found.truth == (batch.targets[0, at] > 0).numpy()).all()
    margins = [
        logits[truth].max() - logits[~truth].max()
        for logits, truth in zip(adapted_logits(run, batch)[5:], batch.targets[0, 5:] > 0, strict=True)
        if not truth.all()
    ]
    logits = adapted_logits(run, batch)[at]
    truth = torch.from_numpy(found.truth)
    assert logits[truth].max() - logits[~truth].max() == pytest.approx(float(max(margins)), abs=1e-4)
    np.testing.assert_allclose(found.probabilities, torch.sigmoid(logits).numpy(), atol=1e-4)
    head = adapted_head(run.meta_learner, batch)
    with torch.no_grad():
        head.gamma2.zero_()  # the base labels say nothing
        silent = head(batch.z[0, at : at + 1], batch.w_novel[0])[0]
    np.testing.assert_allclose(found.votes.sum(axis=0), (logits - silent).numpy(), atol=1e-4)
    scores = batch.z[0, at] @ run.meta_learner.head.w_base
    assert (found.like == (scores > 0).numpy()).all()


@pytest.mark.slow
def test_the_names_on_the_map_do_not_cover_each_other(run: Run) -> None:
    figure = label_map(run)
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    notes = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    assert len(notes) >= 6
    boxes = [Text.get_window_extent(note, renderer) for note in notes]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert sum("✓" in note.get_text() for note in notes) == infer(run).truth.sum()


def test_an_example_without_words_is_called_by_its_place(sample_trained: Trained) -> None:
    run = sample_trained.run
    dataset, at = run.data.dataset, infer(run).row
    places = tuple(f"/photos/{row}.png" for row in range(dataset.rows))
    pictures = replace(dataset, texts=None, images=tuple(map(Path, places)), places=places)
    x = np.eye(dataset.rows, 7, dtype=np.float32)
    vectors = replace(
        dataset, texts=None, features=x, places=tuple(f"my.npz, row {row}" for row in range(len(x)))
    )
    for examples, called in ((pictures, f"{at}.png"), (vectors, f"my.npz, row {at}")):
        figure = label_map(replace(run, data=replace(run.data, dataset=examples)))
        assert figure.get_suptitle() == f"Example {at}: {called}"


@pytest.mark.slow
def test_labels_that_look_like_mathematics_or_never_end_are_written_as_they_are(run: Run) -> None:
    labels = tuple(f"$\\frac{{{name} {'x' * 300}" for name in run.data.dataset.labels)
    data = replace(run.data, dataset=replace(run.data.dataset, labels=labels))
    figure = label_map(replace(run, data=data))
    figure.savefig(BytesIO(), format="png")
    assert all(len(text.get_text()) < 40 for text in figure.axes[0].texts)
