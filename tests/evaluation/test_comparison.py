"""The comparison of methods: parts that are made once, tasks that are the same for all, and sums done by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from desire_edge.baselines import METHODS
from desire_edge.cli import main
from desire_edge.data import PROTOCOLS, EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison import Comparison, Plan
from desire_edge.evaluation.comparison.markdown import tables
from desire_edge.evaluation.comparison.parts import json_part
from desire_edge.evaluation.comparison.plan import BEST, COLUMNS, KNOWN, SUPERVISED, Budget, Job
from desire_edge.evaluation.comparison.summary import FIGURES, summarise

Refused = Callable[..., str]

# A real comparison, as short as it can be.

BUDGET = Budget(
    batches=4,
    search_batches=2,
    search_tasks=3,
    overrides=(
        "extractor.hidden=[32]",
        "extractor.epochs=2",
        "lexicon.max_mb=1",
        'lexicon.sources=["glove-50"]',
        "text.vocabulary=300",
    ),
)
PLAN = Plan(
    protocols=("label-disjoint",),
    methods=("maml", "all-positive"),
    seeds=(0,),
    tasks=5,
    data="sample",
    budget=BUDGET,
    extras=False,
)
PARTS = {
    "lexicons/label-disjoint-s0.safetensors",
    "lexicons/label-disjoint-s0.json",
    "lexicons/example-disjoint-s0-validation.safetensors",
    "lexicons/example-disjoint-s0-validation.json",
    "features/label-disjoint-s0-semantic.safetensors",
    "features/example-disjoint-s0-validation-semantic.safetensors",
    "search/maml.json",
    "methods/maml-label-disjoint-s0.safetensors",
    "methods/all-positive-label-disjoint-s0.safetensors",
    "scores/maml-label-disjoint-s0.json",
    "scores/all-positive-label-disjoint-s0.json",
}
NAMES = [
    "features example-disjoint-s0-validation semantic",
    "features label-disjoint-s0 semantic",
    "search maml",
    "maml-label-disjoint-s0",
    "all-positive-label-disjoint-s0",
]


def times(folder: Path) -> dict[str, int]:
    """When each file under `folder` was last written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


def made(folder: Path, plan: Plan, *, stop_after: int | None = None) -> set[str]:
    """Run `plan` in `folder`; the files that were written."""
    before = times(folder)

    def report(_name: str, done: int, _total: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    Comparison(folder, plan).run(report)
    return {name for name, time in times(folder).items() if before.get(name) != time}


def scores(folder: Path) -> dict[str, Any]:
    """The cells of each row that is scored."""
    return {
        path.stem: json.loads(path.read_text())["value"]["cells"] for path in folder.glob("scores/*.json")
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished comparison; tests that change it take a copy."""
    folder = tmp_path_factory.mktemp("comparison")
    seen: list[tuple[str, int, int]] = []
    Comparison(folder, PLAN).run(lambda *part: seen.append(part))
    assert seen == [(name, done, len(NAMES)) for done, name in enumerate(NAMES, 1)]
    return folder


@pytest.fixture
def folder(first: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copied: Path = shutil.copytree(first, tmp_path / "copy")
    return copied


def test_every_part_is_made_and_nothing_else(first: Path) -> None:
    assert set(times(first)) == PARTS


def test_what_is_made_is_not_made_again(folder: Path) -> None:
    summary = summarise(Comparison(folder, PLAN))
    assert made(folder, PLAN) == set()
    assert summarise(Comparison(folder, PLAN)) == summary


def in_folders(*names: str) -> set[str]:
    return {part for part in PARTS if part.partition("/")[0] in names}


@pytest.mark.parametrize(
    ("changed", "expected", "still_shown"),
    [
        ({"tasks": 6}, in_folders("scores"), set()),
        ({"budget": replace(BUDGET, batches=5)}, in_folders("scores", "methods"), set()),
        ({"budget": replace(BUDGET, search_tasks=4)}, in_folders("search"), {"all-positive"}),
        (
            {"budget": replace(BUDGET, overrides=(*BUDGET.overrides, "extractor.epochs=1"))},
            in_folders("features", "search", "methods", "scores"),
            set(),
        ),
        ({"budget": replace(BUDGET, overrides=(*BUDGET.overrides, "lexicon.words=3000"))}, PARTS, set()),
    ],
)
def test_what_a_setting_changes_is_made_again_and_not_shown_before(
    changed: dict[str, Any], expected: set[str], still_shown: set[str], folder: Path
) -> None:
    plan = replace(PLAN, **changed)
    assert set(summarise(Comparison(folder, plan))["cells"]) == still_shown
    # A new search may find other settings best, which train and score anew.
    assert expected <= made(folder, plan) <= expected | in_folders("methods", "scores")
    assert set(summarise(Comparison(folder, plan))["cells"]) == {"maml", "all-positive"}
    assert made(folder, plan) == set()


@pytest.mark.parametrize("name", sorted(PARTS - in_folders("lexicons")))  # an error names a broken lexicon
@pytest.mark.parametrize("content", [b"", b'{"settings": {', b'"value"'])
def test_a_broken_part_is_made_again(name: str, content: bytes, folder: Path) -> None:
    before = scores(folder)
    (folder / name).write_bytes(content)
    broken = {name}
    if name.startswith("methods/"):  # looked at where their scores are missing
        broken.add(name.replace("methods/", "scores/").replace(".safetensors", ".json"))
        (folder / max(broken)).unlink()
    if "validation" in name:  # looked at where the search is missing
        broken.add("search/maml.json")
        (folder / "search" / "maml.json").unlink()
    assert made(folder, PLAN) == broken
    assert scores(folder) == before


def test_a_stopped_comparison_goes_on_where_it_stopped(folder: Path) -> None:
    before = scores(folder)
    for name in in_folders("methods", "scores"):
        (folder / name).unlink()
    with pytest.raises(KeyboardInterrupt):
        made(folder, PLAN, stop_after=2)
    assert set(scores(folder)) == {"maml-label-disjoint-s0"}
    assert made(folder, PLAN) == {name for name in in_folders("methods", "scores") if "all-positive" in name}
    assert scores(folder) == before


def test_more_seeds_add_to_what_is_there(folder: Path) -> None:
    plan = replace(PLAN, methods=("all-positive",), seeds=(0, 1))
    added = made(folder, plan)
    assert added
    assert all("label-disjoint-s1" in name for name in added)
    assert summarise(Comparison(folder, plan))["cells"]["all-positive"]["label-disjoint 5w1s"]["seeds"].keys() == {
        "0", "1"
    }  # fmt: skip


def test_reporting_trains_nothing(tmp_path: Path, folder: Path) -> None:
    nothing = summarise(Comparison(tmp_path / "new", PLAN))
    assert (nothing["cells"], nothing["metrics"]) == ({}, {})
    assert not (tmp_path / "new").exists()
    before = times(folder)
    stale = replace(PLAN, budget=replace(BUDGET, search_batches=3), tasks=6)
    assert summarise(Comparison(folder, stale))["cells"] == {}
    assert times(folder) == before


def test_what_is_on_record_is_not_made_again(first: Path, tmp_path: Path) -> None:
    record = summarise(Comparison(first, PLAN))
    elsewhere = Comparison(tmp_path, PLAN, record=record)
    elsewhere.run(lambda *_: None)
    assert not times(tmp_path)
    assert summarise(elsewhere) == record
    more = Comparison(tmp_path, replace(PLAN, tasks=PLAN.tasks + 1), record=record)
    assert not any(more.recorded(job) for job in more.plan.jobs())
    assert summarise(more)["cells"] == {}


def test_tasks_are_the_same_for_every_method_and_for_evaluate(first: Path) -> None:
    data = Comparison(first, PLAN).studio.prepared(PLAN.jobs()[0].world)
    cells = scores(first)
    maml, floor = cells["maml-label-disjoint-s0"], cells["all-positive-label-disjoint-s0"]
    assert maml.keys() == floor.keys() == {f"label-disjoint {n}w{k}s" for n, k in COLUMNS}
    for ways, shots in COLUMNS:
        column = f"label-disjoint {ways}w{shots}s"
        for name in FIGURES:
            assert len(maml[column][name]) == len(floor[column][name]) == PLAN.tasks
        sampler = EpisodeSampler(
            data.dataset.targets, data.split.novel, data.rows.support, data.rows.query, ways=ways, shots=shots
        )
        rng = np.random.default_rng([0, ways, shots])  # as `evaluate` draws them with seed 0
        for figure, oracle in zip(floor[column]["micro_f1"], maml[column]["micro_f1_oracle"], strict=True):
            episode = sampler.sample(rng)
            share = data.dataset.targets[np.ix_(episode.query, episode.labels)].mean()
            assert figure == pytest.approx(2 * share / (share + 1), abs=1e-6)
            assert oracle >= figure - 1e-6, "an oracle can call every label of the same task"
        assert floor[column]["micro_auc"] == [0.5] * PLAN.tasks
        assert floor[column]["macro_auc"] == [0.5] * PLAN.tasks
        assert floor[column]["labels"] == maml[column]["labels"] == len(sampler.drawn)


def test_methods_that_are_not_there_are_named() -> None:
    with pytest.raises(
        DesireEdgeError, match=r"no method 'maml\+'; choose from pretrained, maml, .*supervised"
    ):
        Comparison(Path("nowhere"), replace(PLAN, methods=("maml", "maml+")))


# Sums by hand, over scores as a finished comparison leaves them.

ALL = Plan(protocols=PROTOCOLS, methods=(*METHODS, BEST, KNOWN, SUPERVISED), seeds=(0, 1), tasks=4)
SPREAD = (-0.03, 0.01, 0.0, 0.04)


def level(row: str, column: str) -> float:
    """A mean for each row and column; it rises by a point from row to row."""
    place = [*METHODS, BEST, KNOWN, SUPERVISED].index(row)
    return 0.5 + 0.01 * place + 0.001 * len(column)


def figures(job: Job, column: str) -> dict[str, Any]:
    """A cell whose values differ by row, column and seed; one task of MAML's has no AUC."""
    values = [level(job.method, column) + 0.005 * job.world.seed + more for more in SPREAD]
    auc: list[float | None] = [*values]
    if job.method == "maml" and job.world.seed == 1:
        auc[2] = None
    return {
        "micro_auc": auc,
        "macro_auc": [value + 0.02 for value in values],
        "micro_f1": [value - 0.2 for value in values],
        "micro_f1_half": [value - 0.3 for value in values],
        "micro_f1_oracle": [value - 0.1 for value in values],
    }


def fabricate(folder: Path, plan: Plan) -> Comparison:
    """A comparison whose parts say what `figures` does."""
    comparison = Comparison(folder, plan)
    for method in plan.methods:
        if method in METHODS and len(METHODS[method].SEARCH) > 1:
            path, settings = comparison._search_path(method), comparison._search_settings(method)
            json_part(path, settings, lambda: {"chosen": 1, "trials": []})
    for job in comparison.plan.jobs():
        json_part(comparison._scores_path(job), comparison._scores_settings(job), partial(part, job, plan))
    return comparison


def part(job: Job, plan: Plan) -> dict[str, Any]:
    """What `Comparison.scores` keeps of a job."""
    columns = [f"{protocol} {n}w{k}s" for protocol in job.protocols for n, k in COLUMNS]
    return {
        "train_seconds": 3.0,
        "score_seconds": 1.0,
        "overrides": {"of": job.method},
        "cells": {
            column: {"labels": 100, "by_step": [0.5, 0.6], **figures(job, column)} for column in columns
        },
        "curve": {"0": 0.5, "1": 0.6} if job.world.seed == plan.seeds[0] else {},
    }


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summarise(fabricate(tmp_path_factory.mktemp("fabricated"), replace(ALL, extras=False)))


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
    }


def test_a_record_is_added_to(tmp_path: Path) -> None:
    """MAML's second seed is measured here, all else is on record: only tasks that stand side by side are compared."""
    plan = replace(ALL, methods=("maml", "desire-net"), extras=False)
    record = summarise(fabricate(tmp_path / "all", plan))
    for column in record["cells"]["maml"].values():
        del column["seeds"]["1"]
    here = Comparison(tmp_path / "here", plan, record=record)
    missing = [job for job in here.plan.jobs() if not here.recorded(job)]
    assert {(job.method, job.world.seed) for job in missing} == {("maml", 1)}
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
    for ways, shots in COLUMNS:
        short = f"{ways}w{shots}s"
        for protocol in PROTOCOLS:
            name, column = f"{protocol.replace('-', '_')}_{short}", f"{protocol} {short}"
            expected |= {
                f"{name}_micro_auc": of("best", column),
                f"{name}_desire_net_micro_auc": of("desire-net", column),
                f"{name}_supervised_micro_auc": of("supervised", column),
                f"{name}_micro_f1": of("best", column, "micro_f1"),
                f"{name}_micro_f1_half": of("best", column, "micro_f1_half"),
                f"{name}_micro_f1_oracle": of("best", column, "micro_f1_oracle"),
                f"{name}_minus_supervised": round(differences["best - supervised"][column]["mean"], 5),
            }
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


def test_known_labels_are_not_measured_where_query_tags_are_trained_on(summary: dict[str, Any]) -> None:
    assert {column.partition(" ")[0] for column in summary["cells"]["known"]} == {
        "example-disjoint", "streaming"
    }  # fmt: skip


def test_settings_and_curves_are_kept_by_row_and_regime(summary: dict[str, Any]) -> None:
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


# The tables.


def lines(text: str, protocol: str, heading: str) -> dict[str, list[str]]:
    """The cells of one table of a protocol, by row."""
    (part,) = (part for part in text.split("## ") if part.startswith(f"`{protocol}`"))
    (table,) = (table for table in part.split("\n\n") if table.startswith(f"| {heading}"))
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    assert {len(row) for row in rows} == {len(table.splitlines()[0].strip("|").split("|"))}
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_table_stands_beside_the_published_one(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "label-disjoint", "micro AUC")
    assert list(rows) == [
        "pre-trained", "MAML", "Reptile", "ATAML", "MAML++", "DESIRE\\l2", "DESIRE\\F", "DESIRE\\I",
        "DESIRE-Net", "DESIRE, plain pre-training", "ProtoNet", "all positive", "best recipe", "supervised reference",
    ]  # fmt: skip
    assert rows["DESIRE-Net"][5] == "87.2 / 90.5 / 87.9 / 88.7"
    assert rows["MAML"][5] == "75.9 / 81.9 / 79.0 / 82.3"
    assert rows["pre-trained"][5] == "67.5 / 75.3 / 73.0 / 81.7"
    assert rows["best recipe"][5] == ""
    cell = summary["cells"]["desire-net"]["label-disjoint 5w5s"]["all"]["micro_auc"]
    assert rows["DESIRE-Net"][1] == f"{100 * cell['mean']:.1f} ± {100 * cell['half_width']:.1f}"


def test_published_auc_is_compared_under_the_papers_protocol_only(summary: dict[str, Any]) -> None:
    text = tables(summary)
    assert text.count("87.2 / 90.5 / 87.9 / 88.7") == 1
    assert len(lines(text, "example-disjoint", "micro AUC")["DESIRE-Net"]) == 5


def test_f1_under_streaming_stands_beside_sin_and_says_what_thresholds_give(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "streaming", "micro F1, %")
    assert rows["SIN, as published"] == ["", "", "", "", "", "46.2 / 49.2 / 35.1 / 38.4"]
    assert rows["MAML++"][5] == "41.2 / 44.5 / 23.9 / 29.3"
    rows = lines(tables(summary), "streaming", "micro F1 by threshold")
    learned, half, oracle = (
        float(rows[f"best recipe, {name}"][0].split(" ± ")[0])
        for name in ("learned", "0.5", "oracle, one a task")
    )
    assert (round(oracle - learned), round(learned - half)) == (10, 10)


def test_paired_differences_are_shown_in_points(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "example-disjoint", "paired difference")
    assert rows["best recipe − supervised reference"] == ["-2.0 ± 0.0"] * 4
    assert rows["DESIRE-Net − MAML"][0] == "+7.0 ± 0.0"


def test_what_is_not_there_yet_is_left_empty(tmp_path: Path) -> None:
    plan = replace(ALL, protocols=("streaming",), methods=("all-positive", BEST), seeds=(0,), extras=False)
    found = summarise(fabricate(tmp_path, plan))
    del found["cells"]["best"]["streaming 10w1s"]
    text = tables(found)
    assert lines(text, "streaming", "micro AUC")["best recipe"][2] == ""
    assert "label-disjoint" not in text
    assert "micro F1 by threshold" not in text, "a line with a gap is not shown"
    assert tables(summarise(Comparison(tmp_path / "none", plan))) == "\n"


# The command.


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--methods", "maml,mamal"), "there is no method 'mamal'; choose from pretrained, maml, "),
        (("--seeds", "0,x"), "--seeds is '0,x'; give whole numbers separated by commas, as in 0,1,2"),
        (("--seeds", ""), "--seeds is ''; give whole numbers"),
        (("--seeds", "0,-1"), "--seeds is '0,-1'; give each seed once, from 0 up"),
        (("--seeds", "1,1"), "--seeds is '1,1'; give each seed once, from 0 up"),
        (("--out", "full"), "full is not empty; go on there with --resume, or choose another --out"),
        (
            ("--report-only",),
            "nothing in runs/table1 is finished with these settings; give --resume in place",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    arguments: tuple[str, ...], expected: str, refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    assert expected in refused("benchmark", "table1", *arguments)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["full", "full/notes.txt"]


def test_help_names_the_command(cli: Callable[..., Result]) -> None:
    assert "table1" in cli("benchmark", "--help").stdout
    assert "--report-only" in cli("benchmark", "table1", "--help").stdout


QUICK = (
    "benchmark", "table1", "--quick", "--data", "sample", "--tasks", 6, "--out", "table",
    "--methods", "maml,desire-net,best,all-positive,best",
    *(argument for protocol in PROTOCOLS for argument in ("--protocol", protocol)),
)  # fmt: skip


@pytest.mark.slow
def test_a_quick_comparison_is_of_one_protocol_and_seed(cli: Callable[..., Result]) -> None:
    quick = ("benchmark", "table1", "--quick", "--data", "sample", "--methods", "all-positive")
    ran = cli(*quick, "--json")
    assert ran.exit_code == 0, ran.output
    summary = json.loads(ran.stdout)
    assert summary["cells"]["all-positive"].keys() == {f"label-disjoint {n}w{k}s" for n, k in COLUMNS}

    # On an encoding without ± the report is shown all the same.
    shown = cli(*quick, "--report-only").stdout
    narrow = CliRunner(charset="koi8-r").invoke(main, [*quick, "--report-only"])
    assert (narrow.exit_code, narrow.stdout) == (0, shown.replace("±", "?")), narrow.exception
    assert narrow.stdout != shown


@pytest.mark.slow
def test_a_quick_comparison_makes_all_parts_and_resumes_without_making_any(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    ran = cli(*QUICK, "--jobs", 2, "--json")
    assert ran.exit_code == 0, ran.output
    folder = tmp_path / "table"
    worlds = ("label-disjoint-s0", "example-disjoint-s0")
    methods = ("maml", "desire-net", "best", "all-positive")
    assert {path.name for path in folder.glob("scores/*")} == {
        f"{m}-{w}.json" for m in methods for w in worlds
    }
    assert {path.name for path in folder.glob("search/*")} == {"maml.json", "desire-net.json"}
    assert {path.name for path in folder.glob("runs/*")} == {f"best-{world}" for world in worlds}
    assert {path.name for path in folder.glob("*.*")} == {
        "table1.json", "table1.md", "shots.png", "steps.png", "map.png",
        *(f"bars-{protocol}.png" for protocol in PROTOCOLS),
    }  # fmt: skip
    summary = json.loads(ran.stdout)
    assert summary == json.loads((folder / "table1.json").read_text())
    for row, columns in summary["cells"].items():
        assert columns.keys() == {f"{protocol} {n}w{k}s" for protocol in PROTOCOLS for n, k in COLUMNS}
        for cell in columns.values():
            assert cell["all"]["micro_auc"]["tasks"] == 6
            if row == "all-positive":
                assert cell["all"]["micro_auc"] == {"mean": 0.5, "half_width": 0.0, "tasks": 6}
    before = times(folder)

    parts = {name: time for name, time in before.items() if "/" in name}
    again = cli(*QUICK, "--resume", "--jobs", 1, "--json")
    assert json.loads(again.stdout) == summary
    assert {name: time for name, time in times(folder).items() if "/" in name} == parts
    shown = cli(*QUICK, "--report-only")
    assert shown.stdout.strip() == (folder / "table1.md").read_text().strip()
    assert "| DESIRE-Net |" in shown.stdout

    # More tasks: scored again with the models that are there.
    more = cli(*QUICK, "--resume", "--jobs", 1, "--tasks", 7, "--json")
    assert more.exit_code == 0, more.output
    assert json.loads(more.stdout)["cells"]["best"]["streaming 5w1s"]["all"]["micro_auc"]["tasks"] == 7
    changed = {name for name, time in times(folder).items() if "/" in name and parts[name] != time}
    assert {name.partition("/")[0] for name in changed} <= {"scores", "runs"}
    assert not {name for name in changed if name.endswith("checkpoint.safetensors")}


@pytest.mark.slow
def test_the_best_recipes_run_goes_on_where_it_was_stopped_and_other_settings_are_refused(
    tmp_path: Path,
) -> None:
    tiny = replace(BUDGET, overrides=(*BUDGET.overrides, "meta.batches=4", "meta.hidden=16"))
    plan = replace(PLAN, protocols=("example-disjoint",), methods=(BEST,), budget=tiny)
    assert "scores/best-example-disjoint-s0.json" in made(tmp_path / "whole", plan)
    shutil.copytree(tmp_path / "whole", tmp_path / "stopped")
    (tmp_path / "stopped" / "scores" / "best-example-disjoint-s0.json").unlink()
    (tmp_path / "stopped" / "runs" / "best-example-disjoint-s0" / "checkpoint.safetensors").unlink()
    made(tmp_path / "stopped", plan)
    assert scores(tmp_path / "stopped") == scores(tmp_path / "whole")
    other = replace(plan, budget=replace(tiny, overrides=(*tiny.overrides, "meta.batches=5")))
    with pytest.raises(DesireEdgeError, match=r"best-example-disjoint-s0 was trained with other settings"):
        made(tmp_path / "whole", other)
