"""The summary of a comparison: sums done by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
from evaluation.comparison.cases import ALL, SPREAD, fabricate, level

from desire_edge.baselines import METHODS
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import BEST, COLUMNS
from desire_edge.evaluation.comparison.summary import FIGURES, summarise


def test_a_cell_has_the_mean_and_interval_of_each_seed_and_of_all_tasks_together(
    summary: dict[str, Any],
) -> None:
    cell = summary["cells"]["desire-net"]["streaming 10w1s"]
    start = level("desire-net", "streaming 10w1s")
    values = {seed: [start + 0.005 * seed + more for more in SPREAD] for seed in (0, 1)}
    for seed, own in values.items():
        found = cell["seeds"][str(seed)]
        assert found["micro_auc"]["mean"] == pytest.approx(mean(own))
        assert found["micro_auc"]["half_width"] == pytest.approx(1.96 * stdev(own) / 2)
        assert found["micro_auc"]["tasks"] == 4
        assert (found["labels"], found["train_seconds"], found["score_seconds"]) == (100, 3.0, 1.0)
        assert found["micro_auc_by_step"] == [0.5, 0.6]
    both = [*values[0], *values[1]]
    assert cell["all"]["micro_auc"]["mean"] == pytest.approx(mean(both))
    assert cell["all"]["micro_auc"]["half_width"] == pytest.approx(1.96 * stdev(both) / 8**0.5)
    assert cell["all"]["micro_f1_oracle"]["mean"] == pytest.approx(mean(both) - 0.1)
    assert set(cell["all"]) == set(FIGURES)


def test_tasks_without_a_figure_are_left_out(summary: dict[str, Any]) -> None:
    cell = summary["cells"]["maml"]["streaming 10w1s"]
    start = level("maml", "streaming 10w1s")
    values = [start + more for more in SPREAD] + [start + 0.005 + SPREAD[i] for i in (0, 1, 3)]
    assert cell["all"]["micro_auc"]["mean"] == pytest.approx(mean(values))
    assert cell["all"]["micro_auc"]["tasks"] == 7
    assert cell["all"]["micro_f1"]["tasks"] == 8


def test_differences_are_taken_task_by_task(summary: dict[str, Any]) -> None:
    """All rows share the tasks' spread, so it cancels: the interval is that of the difference, here none."""
    found = summary["differences"]["desire-net - maml"]["label-disjoint 5w5s"]
    column = "label-disjoint 5w5s"
    assert found["mean"] == pytest.approx(level("desire-net", column) - level("maml", column))
    assert found["half_width"] == pytest.approx(0, abs=1e-12)
    assert found["tasks"] == 7, "the task that one row has no figure for is in neither"
    assert set(summary["differences"]) == {
        *(f"desire-net - {name}" for name in METHODS if name != "desire-net"),
        *(f"best - {name}" for name in METHODS),
        "best - supervised",
        *(f"prior - {name}" for name in (*METHODS, "logistic", "logistic-cosine", "best", "supervised")),
    }


def test_a_record_is_added_to(tmp_path: Path) -> None:
    """MAML's second seed is measured here, all else is on record: only tasks that stand side by side are compared."""
    plan = replace(ALL, methods=("maml", "desire-net"), extras=False)
    record = summarise(fabricate(tmp_path / "all", plan))
    for column in record["cells"]["maml"].values():
        del column["seeds"]["1"]
    here = Kept(tmp_path / "here", plan, record=record)
    missing = [job for job in here.plan.jobs() if not here.recorded(job)]
    assert {(job.method, job.setting.seed) for job in missing} == {("maml", 1)}
    fabricate(here.folder, replace(plan, methods=("maml",)))
    for path in here.folder.glob("scores/*-s0.json"):
        path.unlink()
    found = summarise(here)
    expected = summarise(fabricate(tmp_path / "again", plan))
    assert found["cells"] == expected["cells"]
    differences = found["differences"]["desire-net - maml"]
    assert all(difference["seeds"].keys() == {"0"} for difference in differences.values())
    assert differences["streaming 5w1s"]["tasks"] == 4


def test_the_interval_of_a_difference_is_that_of_its_tasks(tmp_path: Path) -> None:
    """By hand: differences 0.1, 0.3, 0.2, 0.0 have mean 0.15 and standard deviation √(0.05 / 3)."""
    plan = replace(
        ALL, protocols=("label-disjoint",), methods=("all-positive", BEST), seeds=(0,), extras=False
    )
    comparison = fabricate(tmp_path, plan)
    ours, theirs = [0.6, 0.9, 0.7, 0.5], [0.5, 0.6, 0.5, 0.5]
    for job in comparison.plan.jobs():
        path = tmp_path / "scores" / f"{job.name}.json"
        part = json.loads(path.read_text())
        part["value"]["cells"]["label-disjoint 5w1s"]["micro_auc"] = ours if job.method == BEST else theirs
        path.write_text(json.dumps(part))
    found = summarise(comparison)["differences"]["best - all-positive"]["label-disjoint 5w1s"]
    assert found["mean"] == pytest.approx(0.15)
    assert found["half_width"] == pytest.approx(1.96 * (0.05 / 3) ** 0.5 / 2)


def test_the_named_metrics_are_those_of_their_cells(summary: dict[str, Any]) -> None:
    metrics, cells, differences = summary["metrics"], summary["cells"], summary["differences"]

    def of(row: str, column: str, figure: str = "micro_auc") -> float:
        return round(float(cells[row][column]["all"][figure]["mean"]), 5)

    expected: dict[str, float] = {}
    default = {"label-disjoint": "best", "example-disjoint": "prior", "streaming": "prior"}
    assert {protocol: choice["chosen"] for protocol, choice in summary["default"].items()} == default
    named = ("desire-net", "logistic", "logistic-cosine", "best", "prior", "supervised")
    for protocol, row in default.items():
        for ways, shots in COLUMNS:
            short = f"{ways}w{shots}s"
            name, column = f"{protocol.replace('-', '_')}_{short}", f"{protocol} {short}"

            def minus(name: str, column: str = column) -> float:
                return round(float(differences[name][column]["mean"]), 5)

            expected |= {
                f"{name}_micro_auc": of(row, column),
                **{f"{name}_{other.replace('-', '_')}_micro_auc": of(other, column) for other in named},
                f"{name}_micro_f1": of(row, column, "micro_f1"),
                f"{name}_micro_f1_half": of(row, column, "micro_f1_half"),
                f"{name}_micro_f1_oracle": of(row, column, "micro_f1_oracle"),
                f"{name}_minus_supervised": minus(f"{row} - supervised"),
                f"{name}_prior_minus_best": minus("prior - best"),
                f"{name}_prior_minus_logistic": minus("prior - logistic"),
                f"{name}_prior_minus_logistic_cosine": minus("prior - logistic-cosine"),
            }
        for infix in ("", "best_", "prior_"):  # what `figures` says of a task before any example counts
            expected[f"{protocol.replace('-', '_')}_5w0s_{infix}micro_auc"] = 0.5
    for ways, shots in COLUMNS:
        short = f"{ways}w{shots}s"
        expected[f"known_tags_{short}_micro_auc"] = of("known", f"example-disjoint {short}")
    # Levels rise by a point from row to row, so the last method of the table is furthest ahead of DESIRE-Net.
    ahead = len(METHODS) - 1 - list(METHODS).index("desire-net")
    for prefix in ("label_disjoint", "example_disjoint"):
        for others, margin in (("baselines", -0.01 * ahead), ("plain_pretraining", -0.01)):
            name = f"{prefix}_min_margin_over_{others}"
            assert metrics[name] == pytest.approx(margin)
            expected[name] = metrics[name]
    assert metrics == expected
    assert {
        "label_disjoint_5w1s_micro_auc",
        "label_disjoint_min_margin_over_baselines",
        "example_disjoint_5w5s_minus_supervised",
        "streaming_5w1s_micro_f1",
        "known_tags_5w1s_micro_auc",
    } <= set(metrics)
    assert metrics["example_disjoint_5w5s_minus_supervised"] == pytest.approx(-0.02)


def test_without_a_choice_the_paper_s_head_is_the_default(tmp_path: Path) -> None:
    plan = replace(ALL, methods=("best", "supervised"), seeds=(0,), extras=False)
    found = summarise(fabricate(tmp_path, plan))
    assert found["default"] == {}
    cell = found["cells"]["best"]["streaming 5w1s"]["all"]["micro_auc"]
    assert found["metrics"]["streaming_5w1s_micro_auc"] == round(cell["mean"], 5)


def test_rows_of_which_one_is_on_record_differ_by_their_means(tmp_path: Path) -> None:
    plan = replace(ALL, protocols=("example-disjoint",), methods=("best", "prior", "logistic"), extras=False)
    record = summarise(fabricate(tmp_path / "before", plan))
    del record["cells"]["prior"], record["differences"]["prior - best"], record["default"]
    here = Kept(tmp_path / "here", plan, record=record)
    assert {job.method for job in plan.jobs() if not here.recorded(job)} == {"prior"}
    fabricate(here.folder, replace(plan, methods=("prior",)))
    found = summarise(here)
    assert "prior - best" not in found["differences"]
    assert found["metrics"]["example_disjoint_5w1s_prior_minus_best"] == pytest.approx(0.01)
    assert found["default"] == {}


def test_known_labels_are_not_measured_where_query_tags_are_trained_on(summary: dict[str, Any]) -> None:
    assert {column.partition(" ")[0] for column in summary["cells"]["known"]} == {
        "example-disjoint", "streaming"
    }  # fmt: skip


def test_settings_and_curves_are_kept_by_row_and_protocol(summary: dict[str, Any]) -> None:
    assert summary["settings"]["maml"] == {"of": "maml"}
    points = {"0": 0.5, "1": 0.6}
    assert summary["curves"]["maml"] == {"label-disjoint": points, "example-disjoint": points}
    assert summary["curves"]["known"] == {"example-disjoint": points}


def test_extra_rows_have_names_of_their_own(tmp_path: Path) -> None:
    comparison = fabricate(tmp_path, replace(ALL, methods=("maml", "no-l2", BEST), seeds=(0,)))
    cells = summarise(comparison)["cells"]
    assert set(cells) == {
        "maml", "no-l2", "best", "maml (raw x)", "maml (SIN split)", "best (SIN split)"
    }  # fmt: skip
    assert {column.partition(" ")[0] for column in cells["maml (SIN split)"]} == {"streaming"}
    assert {job.row for job in comparison.plan.jobs()} == set(cells)


def test_rows_without_a_seed_in_common_have_no_difference(tmp_path: Path) -> None:
    plan = replace(ALL, protocols=("label-disjoint",), methods=("all-positive", BEST), extras=False)
    comparison = fabricate(tmp_path, plan)
    (tmp_path / "scores" / "best-label-disjoint-s0.json").unlink()
    (tmp_path / "scores" / "all-positive-label-disjoint-s1.json").unlink()
    found = summarise(comparison)
    assert "best - all-positive" not in found["differences"]
    assert set(found["cells"]) == {"all-positive", "best"}
    assert "label_disjoint_min_margin_over_baselines" not in found["metrics"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
