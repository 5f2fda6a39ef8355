"""The command `report`, of a bundle and of the latest run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trained import Trained

from desire_edge.evaluation.report import measure
from desire_edge.evaluation.report.measure import Budget


def test_a_bundles_page(as_json: Callable[..., Any], here: Path, refused: Callable[..., str]) -> None:
    value = as_json("report", "tagger.desire", "--quick", "--out", "page.html")
    assert value["out"] == "page.html"
    assert list(value["parts"]) == ["bundle"]
    assert "<title>tagger – desire-edge</title>" in (here / "page.html").read_text()
    (here / "mine.html").write_text("mine")
    assert "mine.html exists and is no page of ours" in refused(
        "report", "tagger.desire", "--out", "mine.html"
    )
    assert "holds no training run" in refused("report", "nowhere", "--out", "other.html")
    assert "nowhere.desire" in refused("report", "nowhere.desire", "--out", "other.html")
    assert not (here / "other.html").exists()


@pytest.mark.slow
def test_the_latest_runs_page(
    done: Callable[..., str],
    as_json: Callable[..., Any],
    tmp_path: Path,
    sample_trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measure, "QUICK", Budget(tasks=4, repeats=2))
    shutil.copytree(sample_trained.run.folder, tmp_path / "runs" / "sample")
    value = as_json("report", "--quick")
    assert "map" not in value["parts"]
    assert value["parts"]["5w5s"]["micro_auc"]["tasks"] == 4
    names = [row["name"] for row in value["parts"]["5w5s"]["rows"]]
    assert names[0] == "ours"
    assert {"cosine", "logistic", "ridge", "tfidf"} <= set(names)
    page = (tmp_path / "report.html").read_text()
    assert page.count("TF-IDF + logistic</td>") == 1
    assert len(re.findall(r'class="less">ours [+-]\d', page)) == 7 * (len(names) - 1)
    assert (tmp_path / "runs" / "sample" / "report.json").is_file()
    assert "<h1>sample</h1>" in (tmp_path / "report.html").read_text()
    done("report", "--quick")
