"""Fetched data sets by their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desire_edge.data import load_dataset
from desire_edge.data.fetch import FETCHERS, fetch
from desire_edge.errors import DesireEdgeError


@pytest.mark.parametrize("name", [fetcher.NAME for fetcher in FETCHERS])
def test_what_is_not_there_is_to_be_fetched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DesireEdgeError, match=f"run `desire-edge data fetch {name}`"):
        load_dataset(name)


def test_rare_labels_are_left_out_and_rows_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "desire-edge" / "debtags"
    folder.mkdir(parents=True)
    lines = [
        {"text": f"text {row}", "labels": ["often"] * (row < 20) + ["seldom"] * (row < 19)}
        for row in range(30)
    ]
    (folder / "debtags.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    dataset = load_dataset("debtags")
    assert (dataset.name, dataset.labels, dataset.rows) == ("debtags", ("often",), 30)
    assert dataset.targets.sum() == 20
    assert dataset.licence == "texts: their packages' (free by Debian's guidelines); tag names: GPL-2"
    own = load_dataset(str(folder / "debtags.jsonl"))
    assert own.licence is None, "of a file nobody knows it"


def test_an_unknown_name_cannot_be_fetched() -> None:
    with pytest.raises(DesireEdgeError, match="'imagenet' can be fetched; there are debtags, openmoji"):
        fetch("imagenet", lambda step, done, total: None)
