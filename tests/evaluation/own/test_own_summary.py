"""The figures of a benchmark whose scores are made up: pooled over seeds, paired, and judged as stated."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from evaluation.own.cases import PLAN, made_up

from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.markdown import page
from desire_edge.evaluation.own.plan import OwnPlan
from desire_edge.evaluation.own.results import write_results
from desire_edge.evaluation.own.summary import quantile, summarise
from desire_edge.files import write_json
from desire_edge.metrics import Estimate

OURS = [0.90, 0.92, 0.91, 0.93]
BETTER = [0.95, 0.96, 0.96, 0.97]
WORSE = [0.80, 0.85, 0.70, 0.75]


def test_seeds_are_pooled_and_the_best_baseline_is_the_one_of_the_cell(tmp_path: Path) -> None:
    plan = replace(PLAN, seeds=(0, 1), ways=(2, 5))
    kept = made_up(tmp_path, plan, {"ours": OURS, "cosine": WORSE, "logistic_cosine": BETTER})
    summary = summarise(kept)
    assert summary["missing"] == 0
    cell = summary["cells"]["sample/words"]["full"]["5w2s"]
    assert cell["rows"]["ours"]["micro_auc"]["tasks"] == 8
    assert cell["best"] == "logistic_cosine"
    differences = 2 * [a - b for a, b in zip(OURS, BETTER, strict=True)]
    assert cell["margin"] == pytest.approx(np.mean(differences))
    minus = cell["rows"]["logistic_cosine"]["ours_minus"]
    assert minus["half_width"] == pytest.approx(Estimate.of(differences).half_width)
    assert minus["corrected_half_width"] > minus["half_width"]
    assert cell["below"]
    metrics = summary["metrics"]
    assert metrics["cells_full_targets"] == metrics["cells_significantly_below_best_baseline"] == 4
    assert metrics["median_margin_1_to_2_shots"] == pytest.approx(cell["margin"])
    assert metrics["median_margin_half_targets"] == pytest.approx(cell["margin"])
    assert metrics["sample_words_worst_cell_minus_lr_cos"] == pytest.approx(cell["margin"])
    assert "median_margin_5_shots" not in metrics
    assert cell["rows"]["ours"]["seconds"] == 0.5


def test_a_difference_within_its_corrected_interval_is_not_below(tmp_path: Path) -> None:
    """Below by the plain interval, but not by the one that holds for all cells together."""
    noisy = [a + d for a, d in zip(OURS, (0.002, 0.01, 0.018, 0.01), strict=True)]
    kept = made_up(tmp_path, PLAN, {"ours": OURS, "logistic_cosine": noisy})
    cell = summarise(kept)["cells"]["sample/words"]["full"]["2w2s"]
    minus = cell["rows"]["logistic_cosine"]["ours_minus"]
    assert minus["mean"] + minus["half_width"] < 0
    assert not cell["below"]


def test_the_quantile_is_students_corrected_for_all_comparisons() -> None:
    assert quantile(10**6, 1) == pytest.approx(1.96, abs=1e-3)
    assert quantile(10**6, 100) == pytest.approx(3.4808, abs=1e-3)
    assert quantile(5, 1) == pytest.approx(2.7764, abs=1e-3)
    assert np.isnan(quantile(1, 3))


def test_a_corpus_that_is_not_asked_for_keeps_its_cells_on_record(tmp_path: Path) -> None:
    """What is measured corpus by corpus is what is measured at once, intervals included."""
    both = replace(PLAN, corpora=("debtags/words", "sample/words"))
    noisy = [a + d for a, d in zip(OURS, (0.0, 0.02, 0.021, 0.02), strict=True)]
    figures = {"ours": OURS, "cosine": WORSE, "logistic_cosine": noisy}
    at_once = made_up(tmp_path / "both", both, figures)
    first, second = (
        made_up(tmp_path / name, replace(PLAN, corpora=(name,)), figures) for name in both.corpora
    )
    lone = both.cells()[0]
    for kept in (at_once, first):
        left_out = {"settings": kept.ours_settings(lone), "value": {"left_out": "too few labels"}}
        write_json(kept.ours_path(lone), left_out)
    before = json.loads(json.dumps(write_results(first)))
    assert write_results(second, before) == {**summarise(at_once), "plan": asdict(both)}
    assert "Asked for here are 12: debtags/words, sample/words;" in (second.folder / "own.md").read_text()
    others = made_up(tmp_path / "others", replace(PLAN, corpora=("sample/words",), tasks=5), figures)
    with pytest.raises(DesireEdgeError, match="another plan"):
        write_results(others, before)


def test_what_is_not_measured_yet_or_with_other_tasks_is_missing(tmp_path: Path) -> None:
    kept = made_up(tmp_path, PLAN, {"ours": OURS, "logistic_cosine": WORSE})
    cells = PLAN.cells()
    kept.ours_path(cells[0]).unlink()
    kept.plain_path(cells[1]).write_text("{")
    assert summarise(kept)["missing"] == 2
    more = type(kept)(tmp_path, replace(PLAN, tasks=9))
    assert summarise(more)["missing"] == len(cells)


def test_figures_of_another_recipe_or_setting_are_not_taken_for_those_asked_for(tmp_path: Path) -> None:
    """The baselines' stay: how a run is trained plays no part in them."""
    made_up(tmp_path, PLAN, {"ours": OURS, "logistic_cosine": WORSE})
    for other in (replace(PLAN, recipe="best"), replace(PLAN, overrides=("meta.folds=0",))):
        kept = OwnKept(tmp_path, other)
        assert summarise(kept)["missing"] == len(PLAN.cells())
        assert all(kept.ours(cell) is None and kept.plain(cell) is not None for cell in PLAN.cells())


def test_the_page_says_how_much_of_the_whole_plan_it_is(tmp_path: Path) -> None:
    plan = replace(PLAN, ways=(2, 30))
    kept = made_up(tmp_path, plan, {"ours": OURS, "logistic_cosine": WORSE})
    cells = plan.cells()
    kept.ours_path(cells[0]).unlink()
    narrow = [cell for cell in cells if cell.ways == 30]
    for cell in narrow:
        left_out = {"settings": kept.ours_settings(cell), "value": {"left_out": "only 22 of 22 labels"}}
        write_json(kept.ours_path(cell), left_out)
    summary = summarise(kept)
    assert summary["scope"] == {
        "whole_plan": len(OwnPlan().cells()),
        "asked": 6,
        "measured": 2,
        "left_out": 3,
        "missing": 1,
    }
    shown = page(summary)
    assert (
        f"**Scope.** The whole plan is {len(OwnPlan().cells())} cells: 5 corpora under 3 label seeds" in shown
    )
    assert "Asked for here are 6: sample/words; seeds 0; 2, 30 labels; 0, 2 examples" in shown
    assert "2 are measured, 3 left out for want of novel labels or rows (see the end), and 1 missing" in shown
    assert "A cell has 4 tasks a seed, 4 of 30 labels." in shown
    assert shown.endswith("- sample/words, 30 labels, 3 cells: only 22 of 22 labels\n")


def test_the_page_and_the_pictures_show_every_cell(tmp_path: Path) -> None:
    wide = replace(
        PLAN,
        ways=(2, 20, 100),
        shots=(0, 5),
        partial_shots=(5,),
        targets=("full", "half", "single", "positives"),
    )
    kept = made_up(tmp_path, wide, {"ours": OURS, "cosine": WORSE, "logistic_cosine": BETTER})
    summary = write_results(kept)
    shown = (tmp_path / "own.md").read_text(encoding="utf-8")
    assert shown == page(summary)
    assert "| 100w5s | 91.5 | **77.5** | *96.0* | -4.5 ± " in shown
    assert "▼" in shown
    assert "All targets known; settings tried of each: cosine to the name 1, logistic + cosine 1." in shown
    assert "many_labels_100x5_minus_lr_cos | -0.045 |" in shown
    assert "Of each example one positive known, the label that it was given for; settings tried" in shown
    assert "up to 1: fewer would weaken it" in shown
    assert "chosen on\n4 tasks a cell and seed" in shown
    for known in (
        "all targets known",
        "each target known with a probability of ½",
        "of each example one positive",
    ):
        assert any(
            line.startswith(f"| {known}") and "| macro AUC | micro F1 | ECE |" in line
            for line in shown.splitlines()
        )
    assert summary["metrics"]["median_margin_single_positive_targets"] == pytest.approx(-0.045)
    assert summary["metrics"]["median_margin_positives_only_targets"] == pytest.approx(-0.045)
    for name in ("auc-sample-words", "margins"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_whole_plan_is_what_the_issue_asks_for() -> None:
    plan = OwnPlan()
    sizes = {(cell.ways, cell.shots) for cell in plan.cells() if cell.targets == "full"}
    assert sizes == {(ways, shots) for ways in (2, 5, 10, 20, 50, 100) for shots in (0, 1, 2, 5, 10, 20)}
    assert len({cell.name for cell in plan.cells()}) == len(plan.cells())
    assert [plan.tasks_of(ways) for ways in plan.ways] == [100, 100, 100, 50, 20, 10]
    assert replace(plan, tasks=4).tasks_of(100) == 4
    assert all(cell.shots for cell in plan.cells() if cell.targets != "full")
    assert {cell.targets for cell in plan.cells()} == {"full", "half", "few-negatives", "single"}
