"""Features of a frozen stage: kept by what they were made of, and computed once."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from desire_edge.data import load_files
from desire_edge.inputs import Columns
from desire_edge.models.backbones.frozen import FrozenStage
from desire_edge.models.backbones.options import BackboneOptions
from desire_edge.models.backbones.stages import build_stage
from desire_edge.training.features import stage_features

ROWS = [
    {"a": [1.0, 2.0], "b": [3.0, 4.0], "labels": ["x"]},
    {"a": [5.0, 6.0], "b": [7.0, 8.0], "labels": ["y"]},
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "data.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))
    return path


@pytest.fixture
def stage(tmp_path: Path) -> FrozenStage:
    (tmp_path / "stage").mkdir()
    built = build_stage("identity", tmp_path / "stage", BackboneOptions(vector=2))
    assert built is not None
    return built


def test_other_columns_of_a_file_are_other_features(data: Path, stage: FrozenStage, tmp_path: Path) -> None:
    for column in ("a", "b", "a"):
        folder = tmp_path / f"run-{column}"
        folder.mkdir(exist_ok=True)
        found = stage_features(stage, load_files(data, Columns(vector=column)), folder)
        np.testing.assert_array_equal(found, [row[column] for row in ROWS])


def test_two_runs_that_start_at_once_compute_them_once(
    data: Path, stage: FrozenStage, tmp_path: Path
) -> None:
    dataset, reported, others = load_files(data, Columns(vector="a")), list[str](), list[threading.Thread]()

    def run(name: str) -> None:
        (tmp_path / name).mkdir()

        def report(done: int, total: int) -> None:
            reported.append(name)
            if not others:
                others.append(threading.Thread(target=run, args=("second",)))
                others[0].start()
                others[0].join(0.3)  # it waits for the first one
                assert others[0].is_alive()

        np.testing.assert_array_equal(
            stage_features(stage, dataset, tmp_path / name, report), [row["a"] for row in ROWS]
        )

    run("first")
    others[0].join(30)
    assert reported == ["first"]
    assert (tmp_path / "second" / "features.safetensors").is_file()
