"""A map of the labels, and of what a run makes of one query example: which base labels speak for a new one."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from desire_edge.data import Dataset
from desire_edge.evaluation.comparison.canvas import BLUE, SKY, VERMILLION, new_figure
from desire_edge.evaluation.comparison.tasks import task_sampler
from desire_edge.models import SemanticInference, extract
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import STEP_SIZE_GROUPS, EpisodeBatch, best_steps
from desire_edge.training.learner import MetaLearner
from desire_edge.training.loss import inner_loss
from desire_edge.training.run import Run

SPEAKERS = 5
"""How many base labels the map names."""


@dataclass(frozen=True, eq=False)
class Inference:
    """What a run makes of one query example of one 5-way 1-shot task.

    Attributes:
        row: the example, in the data set.
        labels: [5] int64, the task's labels, in the data set.
        truth: [5] bool, those the example carries.
        probabilities: [5] float32, after adaptation.
        votes: [B, 5] float32, what each base label then adds to each label's logit.
        like: [B] bool, whether the example is like the base label; where it is not, the label votes by its absence,
            which the map leaves out.
    """

    row: int
    labels: NDArray[np.int64]
    truth: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    votes: NDArray[np.float32]
    like: NDArray[np.bool_]


def infer(run: Run) -> Inference:
    """The query example the run is most rightly sure of, in the first task that the comparison's figures are of."""
    data = run.data
    targets, rows = data.dataset.targets, data.rows
    sampler = task_sampler(targets, data.split.novel, rows, ways=5, shots=1)
    episode = sampler.sample(np.random.default_rng([0, 5, 1]))
    z = extract(run.extractor, data.x)
    batch = EpisodeBatcher(z, targets, data.w, data.split.base).stack([episode])
    head, w_novel = adapted_head(run.meta_learner, batch), batch.w_novel[0]
    truths = targets[np.ix_(episode.query, episode.labels)]
    with torch.no_grad():
        logits = head(batch.z[0, batch.support :], w_novel).numpy()
        right = np.where(truths, logits, -np.inf).max(axis=1) - np.where(truths, -np.inf, logits).max(axis=1)
        index = int(np.where(truths.all(axis=1), -np.inf, right).argmax())
        example, row = batch.z[0, batch.support + index][None], int(episode.query[index])
        base = head.base_scores(example)[0]
        votes = head.gamma2 * base[:, None] * (head.w_i @ w_novel)
        probabilities = torch.sigmoid(head(example, w_novel)[0])
    truth = targets[row, episode.labels]
    return Inference(row, episode.labels, truth, probabilities.numpy(), votes.numpy(), (base > 0).numpy())


def adapted_head(learner: MetaLearner, episodes: EpisodeBatch) -> SemanticInference:
    """The head after the inner loop on a batch of one episode, up to the step with the lowest support loss.

    The same SGD as `inner_loop`, but on the weights themselves, which that never builds.
    """
    head, support = deepcopy(learner.head), slice(0, episodes.support)
    with torch.no_grad():
        count = best_steps(episodes, learner(episodes))[0]
    sgd = torch.optim.SGD(
        [{"params": [head.get_parameter(name) for name in group.split(", ")]} for group in STEP_SIZE_GROUPS]
    )
    for sizes in learner.step_sizes[:count].tolist():
        for group, size in zip(sgd.param_groups, sizes, strict=True):
            group["lr"] = size
        logits = head(episodes.z[0, support], episodes.w_novel[0])
        loss = inner_loss(logits, episodes.targets[0, support], episodes.mask[0, support])
        sgd.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        sgd.step()
    return head


def label_map(run: Run) -> Figure:
    """Base and novel labels by the likeness of their vectors, and which base labels speak for a new one."""
    data, found = run.data, infer(run)
    names, base = [_short(name, 24) for name in data.dataset.labels], data.split.base
    shown = np.concatenate([base, data.split.novel])
    places = TSNE(
        metric="cosine", init="pca", random_state=0, perplexity=min(30.0, (len(shown) - 1) / 3)
    ).fit_transform(data.w[:, shown].T)
    task = places[[shown.tolist().index(label) for label in found.labels]]
    top = int(found.probabilities.argmax())
    votes = found.votes[:, top]
    speakers = np.argsort(-votes * found.like, kind="stable")[:SPEAKERS]
    speakers = speakers[(votes * found.like)[speakers] > 0]

    figure, (axes,) = new_figure(1, (10, 6.5))

    def dots(at: NDArray[np.float32], size: int, colour: str, label: str, marker: str = "o") -> None:
        axes.scatter(at[:, 0], at[:, 1], s=size, color=colour, label=label, marker=marker, zorder=3)

    dots(places[: len(base)], 9, "#C4C4C4", "base labels")
    dots(places[len(base) :], 16, SKY, "novel labels")
    dots(task[~found.truth], 46, BLUE, "the task's labels")
    dots(task[found.truth], 150, BLUE, "those that are true (✓)", "*")
    what = f"base labels that speak most for “{names[found.labels[top]]}”"
    dots(places[speakers], 30, VERMILLION, what)
    for speaker in speakers:
        line, share = np.stack([places[speaker], task[top]]), float(votes[speaker] / votes[speakers[0]])
        axes.plot(line[:, 0], line[:, 1], color=VERMILLION, alpha=0.6, linewidth=0.6 + 4.4 * share)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    words = _short(_words(data.dataset, found.row), 90)
    figure.suptitle(f"Example {found.row}: {words}", fontsize=11, parse_math=False)
    legend = figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)
    shown_probabilities = [
        f"{names[label]} {probability:.2f}{' ✓' if true else ''}"
        for label, probability, true in zip(found.labels, found.probabilities, found.truth, strict=True)
    ]
    spoken = [names[base[speaker]] for speaker in speakers]
    colours = [BLUE] * len(shown_probabilities) + [VERMILLION] * len(spoken)
    _name(figure, axes, np.concatenate([task, places[speakers]]), shown_probabilities + spoken, colours)
    return figure


def _words(dataset: Dataset, row: int) -> str:
    """The example's text, or the names of the features it has; of a picture or nameless numbers, where it stands."""
    if dataset.texts is not None:
        return dataset.texts[row]
    if dataset.features is not None and dataset.feature_names:
        return " ".join(dataset.feature_names[index] for index in np.flatnonzero(dataset.features[row] > 0))
    return Path(dataset.places[row]).name if dataset.places else dataset.name


def _short(text: str, length: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _name(
    figure: Figure, axes: Axes, points: NDArray[np.float32], texts: Sequence[str], colours: Sequence[str]
) -> None:
    """Write a text beside each point, moved away from it until it covers no other text and no named point."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()  # lays the figure out
    taken = [Bbox.from_extents(x - 8, y - 8, x + 8, y + 8) for x, y in axes.transData.transform(points)]
    for point, text, colour in zip(points, texts, colours, strict=True):
        note = axes.annotate(
            text,
            tuple(point),
            (0, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=colour,
            parse_math=False,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
            zorder=4,
        )
        for distance, degrees in product((9, 18, 28, 40, 54, 70), (0, 180, 35, 145, -35, -145, 90, -90)):
            across, up = distance * np.cos(np.radians(degrees)), distance * np.sin(np.radians(degrees))
            note.set(position=(across, up), ha="left" if across > -1 else "right")
            note.update_positions(renderer)
            box = Text.get_window_extent(note, renderer)
            inside = axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                break
        taken.append(box)
