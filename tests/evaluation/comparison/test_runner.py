"""The comparison of methods: parts that are made once, and tasks that are the same for all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation.comparison.cases import BUDGET, PLAN, made, scores, times

from desire_edge.data import EpisodeSampler
from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import BEST, COLUMNS
from desire_edge.evaluation.comparison.runner import Comparison
from desire_edge.evaluation.comparison.summary import FIGURES, summarise

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


def test_every_part_is_made_and_nothing_else(first: Path) -> None:
    assert set(times(first)) == PARTS


def test_what_is_made_is_not_made_again(folder: Path) -> None:
    summary = summarise(Kept(folder, PLAN))
    assert made(folder, PLAN) == set()
    assert summarise(Kept(folder, PLAN)) == summary


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
    assert set(summarise(Kept(folder, plan))["cells"]) == still_shown
    # A new search may find other settings best, which train and score anew.
    assert expected <= made(folder, plan) <= expected | in_folders("methods", "scores")
    assert set(summarise(Kept(folder, plan))["cells"]) == {"maml", "all-positive"}
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
    assert summarise(Kept(folder, plan))["cells"]["all-positive"]["label-disjoint 5w1s"]["seeds"].keys() == {
        "0", "1"
    }  # fmt: skip


def test_tasks_are_the_same_for_every_method_and_for_evaluate(first: Path) -> None:
    data = Comparison(first, PLAN).shared.prepared(PLAN.jobs()[0].setting)
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


@pytest.mark.slow
def test_rows_on_the_data_of_the_prior_recipes_run_wait_for_it_in_several_processes(tmp_path: Path) -> None:
    tiny = replace(BUDGET, overrides=(*BUDGET.overrides, "maps=off", "words=off", "meta.folds=0"))
    plan = replace(PLAN, methods=("logistic", "logistic-cosine", "prior"), budget=tiny)
    comparison = Comparison(tmp_path, plan)
    seen: list[str] = []
    comparison.run(lambda name, *_: seen.append(name), 2)
    setting = "label-disjoint-s0"
    assert seen[:2] == [f"run prior-{setting}", f"settings of plain rows {setting}"]
    assert set(seen[2:]) == {f"{row}-{setting}" for row in plan.methods}
    found = summarise(comparison.kept)
    assert found["cells"].keys() == set(plan.methods)
    assert found["settings"]["logistic-cosine"][setting].keys() >= {f"{n}w{k}s" for n, k in COLUMNS}
    assert "0" in found["curves"]["prior"]["label-disjoint"]
    assert "0" not in found["curves"]["logistic"]["label-disjoint"]
    assert made(tmp_path, plan) == set()


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
