"""The comparison as pictures: bars by method, lines by shots and by steps, and a map of one inference."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

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

from desire_edge.data import PROTOCOLS, Dataset
from desire_edge.evaluation.comparison.markdown import title
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    PUBLISHED_AUC,
    ROWS,
    SUPERVISED,
    columns_of,
)
from desire_edge.evaluation.comparison.runner import Comparison
from desire_edge.evaluation.comparison.tasks import task_sampler
from desire_edge.files import atomic_path
from desire_edge.models import SemanticInference, extract
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import STEP_SIZE_GROUPS, Episodes, best_steps
from desire_edge.training.learner import MetaLearner
from desire_edge.training.loss import inner_loss
from desire_edge.training.run import Run

# Okabe and Ito's palette, which colour-blind readers tell apart.
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE, GREY, BLACK = "#D55E00", "#CC79A7", "#8C8C8C", "#222222"
COLUMN_COLOURS = ((SKY, BLACK), (BLUE, "white"), (ORANGE, BLACK), (VERMILLION, "white"))
"""Of a column's bars and of the figures on them: the hue says how many ways, the darker one more shots."""
LINES = {
    "pretrained": (GREY, "-", "s"),
    "maml": (GREEN, "-", "o"),
    "reptile": (GREEN, "--", "s"),
    "ataml": (PURPLE, "-", "^"),
    "maml++": (PURPLE, "--", "D"),
    "no-l2": (SKY, "-", "v"),
    "no-pretraining": (SKY, "--", "^"),
    "no-inference": (SKY, ":", "D"),
    "desire-net": (BLUE, "-", "o"),
    "plain-pretraining": (BLUE, "--", "s"),
    "protonet": (ORANGE, "-", "s"),
    "all-positive": (GREY, ":", ""),
    BEST: (VERMILLION, "-", "o"),
    KNOWN: (VERMILLION, "--", "D"),
    SUPERVISED: (BLACK, ":", ""),
}
"""Colour, line and marker of a row."""
EMPHASISED = ("desire-net", BEST)
SHOTS = ("0", "1", "2", "5", "10", "20")
STEP_COLUMNS, MOST_STEPS = ("5w1s", "5w5s"), 10
SPEAKERS = 5
"""How many base labels the map names."""


def draw(comparison: Comparison, summary: Mapping[str, Any]) -> list[Path]:
    """Draw what `summary` (of `summarise`) has figures of into the comparison's folder.

    Returns the files written: `bars-PROTOCOL.png`, `shots.png`, `steps.png` and `map.png`, less those whose data are
    not there yet.
    """
    run = finished_run(comparison)
    figures = {
        **{f"bars-{protocol}": bars(summary, protocol) for protocol in PROTOCOLS},
        "shots": shots(summary),
        "steps": steps(summary),
        "map": None if run is None else label_map(run),
    }
    written = []
    for name, figure in figures.items():
        if figure is not None:
            path = comparison.folder / f"{name}.png"
            with atomic_path(path) as temporary:
                figure.savefig(temporary, format="png")
            written.append(path)
    return written


def bars(summary: Mapping[str, Any], protocol: str) -> Figure | None:
    """Micro AUC by row and column under a protocol, with 95 % intervals and what was published."""
    columns = columns_of(protocol)
    ranking = [row for row in ROWS if row != "all-positive"]  # which ranks nothing
    rows = [row for row in ranking if any(column in summary["cells"].get(row, {}) for column in columns)]
    if not rows:
        return None

    def of_all(figure: str) -> NDArray[np.float64]:
        """[columns, rows] in percent, NaN where there is no cell yet."""
        cells = [[summary["cells"][row].get(column) for row in rows] for column in columns]
        values = [[np.nan if cell is None else cell["all"]["micro_auc"][figure] for cell in c] for c in cells]
        return 100 * np.array(values, np.float64)

    means, half_widths = of_all("mean"), of_all("half_width")
    papers = PUBLISHED_AUC if protocol == "label-disjoint" else {}
    published = np.array([papers.get(row, (np.nan,) * len(COLUMNS)) for row in rows]).T
    least, greatest = np.nanmin([means - half_widths, published]), np.nanmax([means, published])
    floor = least - 0.15 * max(1.0, greatest - least)  # leaves the lowest bar room for its figure

    figure, (axes,) = _figure(1, (max(6.0, 1 + 0.72 * len(rows)), 5))
    width = 0.21
    for index, (ways, shots) in enumerate(COLUMNS):
        x = np.arange(len(rows)) + (index - 1.5) * width
        colour, on_it = COLUMN_COLOURS[index]
        axes.bar(x, means[index] - floor, 0.94 * width, floor, color=colour, label=f"{ways}-way {shots}-shot")
        axes.errorbar(x, means[index], half_widths[index], fmt="none", ecolor=BLACK, elinewidth=1)
        for at, mean in zip(x, means[index], strict=True):
            figures: dict[str, Any] = {"rotation": 90, "ha": "center", "fontsize": 7, "color": on_it}
            if np.isfinite(mean):
                axes.annotate(f"{mean:.1f}", (at, floor), (0.5, 4), textcoords="offset points", **figures)
    if papers:
        x = np.arange(len(rows)) + (np.arange(len(COLUMNS))[:, None] - 1.5) * width
        marks: dict[str, Any] = {"s": 15, "marker": "D", "color": "white", "edgecolor": BLACK}
        axes.scatter(x, published, linewidth=0.9, zorder=3, label="as published", **marks)
    axes.set_xticks(range(len(rows)), [textwrap.fill(title(row), 12) for row in rows], fontsize=8)
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylim(bottom=floor)
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("micro AUC, %")
    figure.suptitle(f"Tasks over novel labels, {protocol}: mean and 95 % interval", fontsize=11)
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def shots(summary: Mapping[str, Any]) -> Figure | None:
    """Micro AUC against shots, a line a row, a panel a regime."""
    curves = summary["curves"]
    regimes = [name for name in PROTOCOLS if any(name in curves.get(row, {}) for row in ROWS)]
    if not regimes:
        return None
    figure, panels = _figure(len(regimes))
    for axes, regime in zip(panels, regimes, strict=True):
        for row in ROWS:
            points = curves.get(row, {}).get(regime, {})
            there = [index for index, number in enumerate(SHOTS) if number in points]
            if there:
                _line(axes, row, there, [points[SHOTS[index]] for index in there])
        axes.set_xticks(range(len(SHOTS)), SHOTS)
        axes.set_xlabel("examples a label (0: before any step)")
        axes.set_title(regime, fontsize=10)
    return _with_legend(figure, panels, "5-way tasks over novel labels, by the number of examples")


def steps(summary: Mapping[str, Any]) -> Figure | None:
    """Micro AUC against inner steps, the mean over seeds, of the rows that take any."""
    for protocol in ("example-disjoint", *PROTOCOLS):
        found = [_by_step(summary, f"{protocol} {column}") for column in STEP_COLUMNS]
        if any(found):
            break
    else:
        return None
    figure, panels = _figure(len(STEP_COLUMNS))
    for axes, column, lines in zip(panels, ("5-way 1-shot", "5-way 5-shot"), found, strict=True):
        for row, values in lines.items():
            _line(axes, row, range(len(values)), values)
        axes.set_xlim(-0.3, MOST_STEPS + 0.3)
        axes.set_xticks(range(0, MOST_STEPS + 1, 2))
        axes.set_xlabel("inner steps")
        axes.set_title(column, fontsize=10)
    return _with_legend(figure, panels, f"Tasks over novel labels, {protocol}, after each inner step")


def _by_step(summary: Mapping[str, Any], column: str) -> dict[str, list[float]]:
    """The mean over seeds after 0, 1, …, `MOST_STEPS` steps, by row."""
    found: dict[str, list[float]] = {}
    for row in ROWS:
        seeds = summary["cells"].get(row, {}).get(column, {}).get("seeds", {})
        curves = [seed["micro_auc_by_step"][: MOST_STEPS + 1] for seed in seeds.values()]
        if curves and len(curves[0]) > 1:
            found[row] = np.mean(curves, axis=0).tolist()
    return found


def _figure(panels: int, size: tuple[float, float] = (10, 5)) -> tuple[Figure, list[Axes]]:
    figure = Figure(size, dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(1, panels, squeeze=False, sharey=True)[0])
    for panel in axes:
        panel.grid(color="#E6E6E6", linewidth=0.7)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    return figure, axes


def _line(axes: Axes, row: str, x: Sequence[int], aucs: Sequence[float]) -> None:
    (colour, line, marker), strong = LINES[row], row in EMPHASISED
    axes.plot(
        x,
        100 * np.asarray(aucs),
        color=colour,
        linestyle=line,
        marker=marker,
        linewidth=2.6 if strong else 1.3,
        markersize=6 if strong else 3.5,
        zorder=3 if strong else 2,
        label=title(row),
    )


def _with_legend(figure: Figure, panels: Sequence[Axes], heading: str) -> Figure:
    """Name what the panels share: the y axis and, each row once, the lines."""
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    names = [title(row) for row in ROWS if title(row) in lines]
    figure.legend(
        [lines[name] for name in names], names, loc="outside right center", frameon=False, fontsize=9
    )
    panels[0].set_ylabel("micro AUC, %")
    figure.suptitle(heading, fontsize=11)
    return figure


# The map.


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


def finished_run(comparison: Comparison) -> Run | None:
    """A run of the best recipe that is finished and scored, of `example-disjoint` and the first seed if it can be."""
    jobs = [job for job in comparison.plan.jobs() if job.method == BEST and job.world.sizes is None]
    for job in sorted(jobs, key=lambda job: job.world.regime != "example-disjoint"):
        if comparison.finished(job) is not None:
            return Run.open(comparison.folder / "runs" / job.name, torch.device("cpu"), comparison.data_dir)
    return None


def infer(run: Run) -> Inference:
    """The query example the run is most rightly sure of, in the first task that the comparison's figures are of."""
    data = run.data
    targets, rows = data.dataset.targets, data.rows
    sampler = task_sampler(targets, data.split.novel, rows, ways=5, shots=1)
    episode = sampler.sample(np.random.default_rng([0, 5, 1]))
    z = extract(run.extractor, data.x)
    batch = EpisodeBatcher(z, targets, data.w, data.split.base).stack([episode])
    head, w_novel = adapted_head(run.learner, batch), batch.w_novel[0]
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


def adapted_head(learner: MetaLearner, episodes: Episodes) -> SemanticInference:
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

    figure, (axes,) = _figure(1, (10, 6.5))

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
    told = [
        f"{names[label]} {probability:.2f}{' ✓' if true else ''}"
        for label, probability, true in zip(found.labels, found.probabilities, found.truth, strict=True)
    ]
    spoken = [names[base[speaker]] for speaker in speakers]
    colours = [BLUE] * len(told) + [VERMILLION] * len(spoken)
    _name(figure, axes, np.concatenate([task, places[speakers]]), told + spoken, colours)
    return figure


def _words(dataset: Dataset, row: int) -> str:
    """The example's text, or the names of the features it has."""
    if dataset.texts is not None:
        return dataset.texts[row]
    assert dataset.features is not None, "a data set has texts or features"
    has = np.flatnonzero(dataset.features[row] > 0)
    return " ".join(dataset.feature_names[index] for index in has if dataset.feature_names)


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
