"""`desire-edge train`: from nothing to a finished run, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trained import Trained

Refused = Callable[..., str]

SETTINGS = (
    'lexicon.sources=["glove-50"]',
    "lexicon.max_mb=1",
    "text.vocabulary=200",
    "extractor.hidden=[16]",
    "extractor.epochs=1",
    "meta.batches=2",
    "meta.folds=0",
    "meta.inner_steps=2",
    "validation_tasks=2",
)
SHORT = ("--data", "sample", *(part for setting in SETTINGS for part in ("--set", setting)))


def test_a_run_gets_a_folder_of_its_own_and_can_be_resumed(cli: Callable[..., Any], tmp_path: Path) -> None:
    first = cli("train", *SHORT, "--json")
    assert first.exit_code == 0, first.output
    record = json.loads(first.stdout)
    assert record["run"] == "runs/sample-example-disjoint-s0-1"
    assert [entry["stage"] for entry in record["history"]] == ["pretrain", "meta"]
    before = (tmp_path / record["run"] / "checkpoint.safetensors").read_bytes()
    again = cli("train", "--resume", record["run"], "--json")
    assert json.loads(again.stdout)["history"] == record["history"]
    assert (tmp_path / record["run"] / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--set", "meta.batchs=5"),
            "the training settings cannot be used: meta.batchs: Extra inputs are not permitted",
        ),
        (("--set", "meta.batches=0"), "meta.batches: Input should be greater than or equal to 1"),
        (("--set", "meta.batches"), "'meta.batches' is not a setting; write section.name=value"),
        (("--data", "nowhere.jsonl"), "cannot read nowhere.jsonl: No such file or directory"),
        (("--data", "imagenet"), "no data set is called 'imagenet'; use auto, delicious, sample"),
        (("--config", "nowhere.toml"), "cannot read nowhere.toml"),
        (("--data", "delicious", "--data-dir", "nowhere"), "--data-dir is nowhere, but neither it nor"),
        (("--resume", "nowhere"), "nowhere holds no training run"),
        (("--resume", "nowhere", "--seed", "1"), "--resume continues a run with its own settings"),
    ],
)
def test_what_cannot_be_trained_is_refused_and_leaves_nothing(
    arguments: tuple[str, ...], expected: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    result = cli("train", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert expected in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_run_is_not_overwritten(refused: Refused, sample_trained: Trained) -> None:
    folder = sample_trained.run.folder
    assert f"{folder} already holds a run; continue it with --resume" in refused(
        "train", "--out", folder, *SHORT
    )


def test_an_unfinished_run_is_not_exported(refused: Refused, cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("train", *SHORT, "--out", "run").exit_code == 0
    (tmp_path / "run" / "checkpoint.safetensors").unlink()
    assert "the run run is not finished; finish it with" in refused("export", "run", "--out", "tagger.desire")
    assert not (tmp_path / "tagger.desire").exists()
