"""What a comparison has kept: read without training anything, and told apart by the settings it was made with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from evaluation.comparison.cases import BUDGET, PLAN, times

from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.runner import Comparison
from desire_edge.evaluation.comparison.summary import summarise


def test_reporting_trains_nothing(tmp_path: Path, folder: Path) -> None:
    nothing = summarise(Kept(tmp_path / "new", PLAN))
    assert (nothing["cells"], nothing["metrics"]) == ({}, {})
    assert not (tmp_path / "new").exists()
    before = times(folder)
    stale = replace(PLAN, budget=replace(BUDGET, search_batches=3), tasks=6)
    assert summarise(Kept(folder, stale))["cells"] == {}
    assert times(folder) == before


def test_what_is_on_record_is_not_made_again(first: Path, tmp_path: Path) -> None:
    record = summarise(Kept(first, PLAN))
    elsewhere = Comparison(tmp_path, PLAN, record=record)
    elsewhere.run(lambda *_: None)
    assert not times(tmp_path)
    assert summarise(elsewhere.kept) == record
    more = Kept(tmp_path, replace(PLAN, tasks=PLAN.tasks + 1), record=record)
    assert not any(more.recorded(job) for job in more.plan.jobs())
    assert summarise(more)["cells"] == {}


def test_methods_that_are_not_there_are_named() -> None:
    with pytest.raises(
        DesireEdgeError, match=r"no method 'maml\+'; choose from pretrained, maml, .*supervised"
    ):
        Kept(Path("nowhere"), replace(PLAN, methods=("maml", "maml+")))
