"""The comparison's plots: they show the figures of the summary."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from desire_edge.evaluation.comparison.canvas import VERMILLION
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import COLUMNS, PUBLISHED_AUC, Plan
from desire_edge.evaluation.comparison.plots import bars, draw, shots, steps
from desire_edge.evaluation.comparison.summary import summarise

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


def test_curves_by_shots_have_a_panel_a_protocol_and_leave_out_what_is_not_there() -> None:
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
    assert draw(Kept(tmp_path, Plan()), NOTHING) == []
    assert list(tmp_path.iterdir()) == []


def test_what_there_is_becomes_images_of_the_named_files(tmp_path: Path) -> None:
    there = draw(Kept(tmp_path, Plan()), summary("example-disjoint", "streaming"))
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


@pytest.mark.slow
def test_a_finished_comparison_has_all_its_plots(quick_kept: Kept) -> None:
    there = draw(quick_kept, summarise(quick_kept))
    names = ["bars-label-disjoint.png", "shots.png", "steps.png", "map.png"]
    assert [path.name for path in there] == names
    for path in there:
        check_pixels(path)
    before = [path.read_bytes() for path in there]
    assert [path.read_bytes() for path in draw(quick_kept, summarise(quick_kept))] == before
