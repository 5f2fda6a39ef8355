"""A finished comparison to look at, one to change, and a summary of made-up scores."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evaluation.comparison.cases import ALL, PLAN, fabricate

from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.plan import QUICK, Plan
from desire_edge.evaluation.comparison.runner import Comparison
from desire_edge.evaluation.comparison.summary import summarise
from desire_edge.training.run import Run

NAMES = [
    "features example-disjoint-s0-validation semantic",
    "features label-disjoint-s0 semantic",
    "search maml",
    "maml-label-disjoint-s0",
    "all-positive-label-disjoint-s0",
]


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summarise(fabricate(tmp_path_factory.mktemp("fabricated"), replace(ALL, extras=False)))


@pytest.fixture(scope="session")
def quick_kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
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
    return made.kept


@pytest.fixture(scope="session")
def run(quick_kept: Kept) -> Run:
    """Its run of the best recipe."""
    found = quick_kept.finished_run()
    assert found is not None
    return found
