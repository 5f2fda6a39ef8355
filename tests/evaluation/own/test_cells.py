"""A run beside the baselines, cell by cell: tables of own data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from trained import Trained

from desire_edge import DesireEdgeError
from desire_edge.baselines import Cosine, RidgeRegression
from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.evaluation.own import compare
from desire_edge.training.run import Run

FAST = (Cosine(), RidgeRegression())


@pytest.fixture
def run(sample_trained: Trained, tmp_path: Path) -> Run:
    """The sample's run, with a folder of its own for what is chosen."""
    return replace(sample_trained.run, folder=tmp_path)


def test_each_cell_has_ours_and_the_baselines_on_the_tasks_of_evaluate(run: Run) -> None:
    cells = compare(run, ((5, 1), (10, 2)), tasks=4, baselines=FAST)
    assert [cell.name for cell in cells] == ["5w1s", "10w2s"]
    for cell in cells:
        assert [row.name for row in cell.rows] == ["ours", "cosine", "ridge"]
        result = evaluate(run, EvaluateOptions(ways=cell.ways, shots=cell.shots, tasks=4)).all_labels
        assert cell.rows[0].micro_auc == result.micro_auc
        assert cell.labels == result.labels
        assert not cell.eligible


@pytest.mark.slow
def test_all_cells_are_over_labels_of_the_same_kind(
    run: Run, delicious_trained: Trained, tmp_path: Path
) -> None:
    """Two labels of the sample are eligible, which 2-way tasks alone could be drawn from: these two every time."""
    narrow, _ = compare(run, ((2, 1), (5, 1)), tasks=2, baselines=FAST)
    assert (narrow.eligible, narrow.labels) == (False, 22)
    (alone,) = compare(run, ((2, 1),), tasks=2, baselines=FAST)
    assert (alone.eligible, alone.labels) == (True, 2)
    wide = replace(delicious_trained.run, folder=tmp_path)
    assert all(cell.eligible for cell in compare(wide, ((2, 1), (20, 1)), tasks=2, baselines=FAST))


def test_the_metrics_are_the_figures_by_name(run: Run) -> None:
    (cell,) = compare(run, ((5, 1),), tasks=4, baselines=FAST)
    ours, cosine, ridge = cell.rows
    found = cell.metrics()
    assert found["5w1s_ours_micro_auc"] == ours.micro_auc.mean
    assert found["5w1s_cosine_macro_auc_half_width"] == cosine.macro_auc.half_width
    assert ridge.ours_minus is not None
    assert found["5w1s_ours_minus_ridge"] == ridge.ours_minus.mean
    assert found["5w1s_ours_minus_ridge_half_width"] == ridge.ours_minus.half_width
    assert "5w1s_ours_minus_ours" not in found


def test_a_cell_that_the_labels_are_too_few_for_is_left_out(run: Run) -> None:
    assert [cell.name for cell in compare(run, ((5, 1), (30, 1)), tasks=4, baselines=FAST)] == ["5w1s"]
    with pytest.raises(DesireEdgeError, match="too few for every size of tasks asked for: only 22 of 22"):
        compare(run, ((30, 1),), tasks=4, baselines=FAST)


def test_progress_is_told_by_cell_up_to_its_end(run: Run) -> None:
    seen: list[tuple[str, int, int]] = []
    compare(run, ((5, 1),), tasks=4, baselines=FAST, report=lambda *step: seen.append(step))
    assert seen == sorted(seen)
    name, done, total = seen[-1]
    assert (name, done) == ("5w1s", total)
