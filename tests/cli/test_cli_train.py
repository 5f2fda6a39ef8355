"""`desire-edge train`: from nothing to a finished run, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from trained import Trained
from training.cases import small_config, train

from desire_edge.cli import main
from desire_edge.training.config import RECIPES, load_config
from desire_edge.training.run import Run

Refused = Callable[..., str]

SETTINGS = (
    "head=paper",  # with two batches it is the faster one to train
    'lexicon.sources=["glove-50"]',
    "lexicon.max_mb=1",
    "text.vocabulary=200",
    "extractor.hidden=[16]",
    "extractor.epochs=1",
    "meta.batches=2",
    "meta.folds=0",
    "meta.inner_steps=2",
    "validation_tasks=2",
    "maps=off",
    "words=off",
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
        (("--resume", "nowhere", "--recipe", "best"), "--resume continues a run with its own settings"),
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


def test_the_recipes_that_are_offered_are_those_there_are() -> None:
    train = main.get_command(click.Context(main), "train")
    assert train is not None
    (option,) = (parameter for parameter in train.params if parameter.name == "recipe")
    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(RECIPES)


def test_a_recipe_is_kept_in_the_run_as_settings(cli: Callable[..., Any], tmp_path: Path) -> None:
    short = [setting for setting in SETTINGS if not setting.startswith(("meta.folds", "meta.inner_steps"))]
    arguments = [part for setting in short for part in ("--set", setting)]
    trained = cli("train", "--data", "sample", *arguments, "--recipe", "paper", "--out", "run")
    assert trained.exit_code == 0, trained.output
    expected = load_config(None, short, {"data": "sample"}, recipe="paper").model_dump(mode="json")
    expected["extractor"] |= {"backbone": "mlp", "projection": "learned"}  # as it is settled for these data
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == expected
    assert expected["extractor"]["label_bias"] is False
    assert cli("train", "--resume", "run").exit_code == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text()) == expected


def test_an_unknown_recipe_is_refused_with_the_choices(cli: Callable[..., Any]) -> None:
    result = cli("train", "--recipe", "worst")
    assert result.exit_code == 2
    assert "'worst' is not one of 'prior', 'best', 'paper'" in result.stderr


def test_info_says_how_far_a_run_is_that_is_cross_fitted(cli: Callable[..., Any], tmp_path: Path) -> None:
    config = small_config("meta.folds=2", "meta.ways=[2, 4]")
    run = Run.create(tmp_path / "run", config, torch.device("cpu"))

    def shown() -> str:
        return " ".join(cli("info", "run").stdout.replace("│", " ").split())

    with pytest.raises(KeyboardInterrupt):
        train(run, ("folds", 1))
    losses = [entry["loss"] for entry in run.progress.history if entry["stage"] == "folds"]
    assert f"stage folds done 1 pretrain loss {run.progress.history[0]['loss']:.4f} → " in shown()
    assert f"folds loss {losses[0]:.4f}" in shown()
    run = Run.open(run.folder, torch.device("cpu"))
    with pytest.raises(KeyboardInterrupt):
        train(run, ("meta", 6))
    assert "stage thresholds done 0" in shown()
    train(Run.open(run.folder, torch.device("cpu")))
    losses = [entry["loss"] for entry in run.progress.history if entry["stage"] == "folds"]
    assert f"folds loss {losses[0]:.4f}, {losses[1]:.4f} meta loss" in shown()
    assert "stage" not in shown()


def test_a_run_is_trained_and_exported_in_one_command(cli: Callable[..., Any], tmp_path: Path) -> None:
    first = cli("train", *SHORT, "--out", "run", "--export", "mine.desire", "--json")
    assert first.exit_code == 0, first.output
    record = json.loads(first.stdout)
    assert record["run"] == "run"
    second = cli("export", "run", "--out", "again.desire", "--json")
    assert record["export"].keys() == json.loads(second.stdout).keys()
    for file in (tmp_path / "again.desire").iterdir():
        if file.name != "manifest.json":
            assert (tmp_path / "mine.desire" / file.name).read_bytes() == file.read_bytes()
    shown = cli("train", "--resume", "run", "--export", "mine.desire")
    assert shown.exit_code == 0, shown.output
    assert "parity with torch" in shown.stdout


def test_a_name_that_no_bundle_can_have_is_refused_before_training(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "mine.desire").write_text("a letter")
    assert "mine.desire exists and is no bundle; choose another name, or remove it" in refused(
        "train", *SHORT, "--export", "mine.desire"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.desire"]
