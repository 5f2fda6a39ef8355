"""The comparison's plots: they show the figures of the summary, and a map whose votes are those of the model."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from numpy.typing import NDArray
from torch import Tensor
from trained import Trained

from desire_edge.data import Episode, EpisodeSampler
from desire_edge.evaluation.comparison import Comparison, Plan
from desire_edge.evaluation.comparison.plan import COLUMNS, PUBLISHED_AUC, QUICK
from desire_edge.evaluation.comparison.plots import (
    VERMILLION,
    adapted_head,
    bars,
    draw,
    finished_run,
    infer,
    label_map,
    shots,
    steps,
)
from desire_edge.evaluation.comparison.summary import summarise
from desire_edge.models import extract
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.inner_loop import Episodes, best_steps, chosen_logits
from desire_edge.training.run import Run

NOTHING: dict[str, Any] = {"cells": {}, "curves": {}}
STEPS = {"maml": 5, "pretrained": 20, "desire-net": 3, "protonet": 0, "best": 3}


def auc(row: str, column: int) -> float:
    """A figure of its own for every row and column."""
    return 0.6 + 0.05 * list(STEPS).index(row) + 0.01 * column


def cell(row: str, column: int) -> dict[str, Any]:
    """What `summarise` says of a cell, as far as it is drawn; two seeds whose curves lie 0.02 apart."""
    by_step = [auc(row, column) - 0.1 * 0.5**step for step in range(STEPS[row] + 1)]
    return {
        "all": {"micro_auc": {"mean": auc(row, column), "half_width": 0.004, "tasks": 600}},
        "seeds": {
            "0": {"micro_auc_by_step": [value - 0.01 for value in by_step]},
            "1": {"micro_auc_by_step": [value + 0.01 for value in by_step]},
        },
    }


def summary(*protocols: str) -> dict[str, Any]:
    names = [f"{ways}w{shots}s" for ways, shots in COLUMNS]
    return {
        "cells": {
            row: {f"{p} {name}": cell(row, i) for p in protocols for i, name in enumerate(names)}
            for row in STEPS
        },
        "curves": {
            row: {p: {str(k): auc(row, 0) + 0.01 * k for k in (0, 1, 2, 5, 10, 20)} for p in protocols}
            for row in STEPS
        },
    }


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def lines(figure: Figure, panel: int) -> dict[str, list[float]]:
    """The y values of each named line."""
    return {str(line.get_label()): list(np.asarray(line.get_ydata())) for line in figure.axes[panel].lines}


def markers(figure: Figure) -> NDArray[np.float64]:
    """Where the published figures stand: [points, 2], those that are there."""
    found = [np.asarray(c.get_offsets()) for c in figure.axes[0].collections if isinstance(c, PathCollection)]
    points: NDArray[np.float64] = np.concatenate([np.empty((0, 2)), *found])
    return points[~np.isnan(points).any(axis=1)]


def test_bars_reach_up_to_the_means_and_begin_a_bit_under_the_least() -> None:
    figure = drawn(bars(summary("example-disjoint"), "example-disjoint"))
    axes = figure.axes[0]
    tops = [patch.get_y() + patch.get_height() for patch in axes.patches if isinstance(patch, Rectangle)]
    rows = ["pretrained", "maml", "desire-net", "protonet", "best"]  # the table's order
    assert tops == pytest.approx([100 * auc(row, column) for column in range(4) for row in rows])
    names = [tick.get_text() for tick in axes.get_xticklabels()]
    assert names == ["pre-trained", "MAML", "DESIRE-Net", "ProtoNet", "best recipe"]
    floor = axes.get_ylim()[0]
    assert min(tops) - 10 < floor < min(tops) - 0.4
    assert {patch.get_y() for patch in axes.patches if isinstance(patch, Rectangle)} == {floor}


def test_bars_carry_their_intervals_and_their_figures() -> None:
    axes = drawn(bars(summary("streaming"), "streaming")).axes[0]
    whiskers = [c for c in axes.collections if isinstance(c, LineCollection)]
    ends = np.concatenate([[segment[:, 1] for segment in c.get_segments()] for c in whiskers])
    means = [100 * auc(row, column) for row in STEPS for column in range(4)]
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 0.8)
    assert sorted(ends.mean(axis=1)) == pytest.approx(sorted(means))
    written = [text.get_text() for text in axes.texts]
    assert len(written) == 20
    assert f"{100 * auc('maml', 2):.1f}" in written


def test_published_figures_stand_beside_label_disjoint_only() -> None:
    both = summary("label-disjoint", "example-disjoint")
    there = markers(drawn(bars(both, "label-disjoint")))
    published = [figure for row in ("pretrained", "maml", "desire-net") for figure in PUBLISHED_AUC[row]]
    assert sorted(there[:, 1]) == sorted(published)
    assert len(markers(drawn(bars(both, "example-disjoint")))) == 0


def test_columns_that_are_not_there_yet_leave_a_gap() -> None:
    some = summary("label-disjoint")
    del some["cells"]["maml"]["label-disjoint 10w1s"]
    figure = drawn(bars(some, "label-disjoint"))
    assert len(figure.axes[0].texts) == 19
    figure.savefig(BytesIO(), format="png")


def test_curves_by_shots_have_a_panel_a_regime_and_leave_out_what_is_not_there() -> None:
    some = summary("label-disjoint", "example-disjoint")
    del some["curves"]["protonet"]["example-disjoint"]["0"]
    some["curves"]["maml"] = {"label-disjoint": some["curves"]["maml"]["label-disjoint"]}
    figure = drawn(shots(some))
    assert [axes.get_title() for axes in figure.axes] == ["label-disjoint", "example-disjoint"]
    expected = [100 * auc("best", 0) + k for k in (0, 1, 2, 5, 10, 20)]
    assert lines(figure, 0)["best recipe"] == pytest.approx(expected)
    assert len(lines(figure, 1)["ProtoNet"]) == 5
    assert "MAML" in lines(figure, 0)
    assert "MAML" not in lines(figure, 1)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["pre-trained", "MAML", "DESIRE-Net", "ProtoNet", "best recipe"]


def test_the_rows_that_matter_stand_out() -> None:
    widths = {
        str(line.get_label()): line.get_linewidth()
        for line in drawn(shots(summary("example-disjoint"))).axes[0].lines
    }
    others = [width for name, width in widths.items() if name not in ("best recipe", "DESIRE-Net")]
    assert min(widths["best recipe"], widths["DESIRE-Net"]) > max(others)


def test_steps_are_means_over_seeds_up_to_ten_of_the_rows_that_take_any() -> None:
    figure = drawn(steps(summary("label-disjoint", "example-disjoint", "streaming")))
    assert "example-disjoint" in figure.get_suptitle()
    for panel, column in enumerate((0, 1)):
        found = lines(figure, panel)
        assert set(found) == {"pre-trained", "MAML", "DESIRE-Net", "best recipe"}
        assert len(found["pre-trained"]) == 11
        expected = [100 * (auc("maml", column) - 0.1 * 0.5**step) for step in range(6)]
        assert found["MAML"] == pytest.approx(expected)


def test_steps_fall_back_to_the_first_protocol_with_figures() -> None:
    assert "streaming" in drawn(steps(summary("streaming"))).get_suptitle()


def test_before_anything_is_finished_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw(Comparison(tmp_path, Plan()), NOTHING) == []
    assert list(tmp_path.iterdir()) == []


def test_what_there_is_becomes_images_of_the_named_files(tmp_path: Path) -> None:
    there = draw(Comparison(tmp_path, Plan()), summary("example-disjoint", "streaming"))
    names = ["bars-example-disjoint.png", "bars-streaming.png", "shots.png", "steps.png"]
    assert [path.name for path in there] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for path in there:
        check_pixels(path)


def check_pixels(path: Path) -> None:
    """A picture of some size, mostly white, with the best recipe's (or a column's) colour in it."""
    pixels = imread(path)[:, :, :3]
    assert pixels.shape[0] >= 700
    assert pixels.shape[1] >= 900
    assert 0.01 < (pixels.min(axis=2) < 0.9).mean() < 0.6
    assert (np.abs(pixels - np.array(to_rgb(VERMILLION))).max(axis=2) < 0.01).sum() > 100


# The map.


def one_task(run: Run, rng: np.random.Generator, *, shots: int, queries: int) -> tuple[Episode, Episodes]:
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


def adapted_logits(run: Run, batch: Episodes) -> Tensor:
    """As `evaluate` takes them: [S+Q, N]."""
    with torch.no_grad():
        logits = run.learner(batch)
    return chosen_logits(logits, best_steps(batch, logits))[0]


def test_the_adapted_head_gives_the_logits_of_the_inner_loop(sample_trained: Trained) -> None:
    run = sample_trained.run
    _, batch = one_task(run, np.random.default_rng(0), shots=2, queries=4)
    before = {name: tensor.clone() for name, tensor in run.learner.state_dict().items()}
    found = adapted_head(run.learner, batch)(batch.z[0], batch.w_novel[0]).detach()
    torch.testing.assert_close(found, adapted_logits(run, batch), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found, run.learner.head(batch.z[0], batch.w_novel[0]), atol=1e-2)
    for name, tensor in run.learner.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A finished comparison of what needs no search: the sample corpus has too few examples held out for one."""
    plan = Plan(
        protocols=("label-disjoint",),
        methods=("all-positive", "best"),
        seeds=(0,),
        tasks=5,
        data="sample",
        budget=replace(QUICK, overrides=(*QUICK.overrides, 'lexicon.sources=["glove-50"]')),
        extras=False,
    )
    made = Comparison(tmp_path_factory.mktemp("comparison"), plan)
    made.run(lambda *_: None)
    return made


@pytest.fixture(scope="module")
def run(comparison: Comparison) -> Run:
    found = finished_run(comparison)
    assert found is not None
    return found


@pytest.mark.slow
def test_a_finished_comparison_has_all_its_plots(comparison: Comparison) -> None:
    there = draw(comparison, summarise(comparison))
    names = ["bars-label-disjoint.png", "shots.png", "steps.png", "map.png"]
    assert [path.name for path in there] == names
    for path in there:
        check_pixels(path)
    before = [path.read_bytes() for path in there]
    assert [path.read_bytes() for path in draw(comparison, summarise(comparison))] == before


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
    head = adapted_head(run.learner, batch)
    with torch.no_grad():
        head.gamma2.zero_()  # the base labels say nothing
        silent = head(batch.z[0, at : at + 1], batch.w_novel[0])[0]
    np.testing.assert_allclose(found.votes.sum(axis=0), (logits - silent).numpy(), atol=1e-4)
    scores = batch.z[0, at] @ run.learner.head.w_base
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


@pytest.mark.slow
def test_labels_that_look_like_mathematics_or_never_end_are_written_as_they_are(run: Run) -> None:
    labels = tuple(f"$\\frac{{{name} {'x' * 300}" for name in run.data.dataset.labels)
    data = replace(run.data, dataset=replace(run.data.dataset, labels=labels))
    figure = label_map(replace(run, data=data))
    figure.savefig(BytesIO(), format="png")
    assert all(len(text.get_text()) < 40 for text in figure.axes[0].texts)
