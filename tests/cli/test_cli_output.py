"""What the commands print for people: on any encoding, and where nothing can be bold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from trained import Trained

from desire_edge.cli import main

PLAIN = Path(__file__).parents[1] / "vectors" / "plain"
LABELS = ("🍞 baking", "café", "旅行", "jazz")
ENCODINGS = ("cp1252", "ascii", "utf-8")


def printed(encoding: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """What the command line prints where its standard streams have this encoding."""
    return subprocess.run(
        [sys.executable, "-m", "desire_edge", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_an_encoding_lacks_is_replaced(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "ü→🍞.txt").write_text("Bread from a hot oven", encoding="utf-8")
    for arguments in (
        ("adapt", PLAIN, "--shots", 0, "--labels", ",".join(LABELS), "--out", "ÿ"),
        ("predict", "ÿ", "ü→🍞.txt"),
        ("info", "ÿ"),
    ):
        result = printed(encoding, *arguments, cwd=tmp_path)
        assert (result.returncode, result.stderr) == (0, b""), result
        for label in LABELS:
            assert label.encode(encoding, "replace") in result.stdout
    found = printed(encoding, "predict", "ÿ", "ü→🍞.txt", "--json", cwd=tmp_path).stdout.decode("ascii")
    assert list(json.loads(found)["predictions"][0]["probabilities"]) == list(LABELS)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_refusal_is_one_sentence_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    result = printed(
        encoding, "adapt", PLAIN, "--shots", 0, "--labels", "🍞 baking,🍞 baking", "--out", "o", cwd=tmp_path
    )
    assert (result.returncode, result.stdout) == (2, b"")
    (line,) = result.stderr.splitlines()
    assert line.endswith(b" baking' is named twice")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_runs_are_shown_in_any_encoding(encoding: str, sample_trained: Trained, tmp_path: Path) -> None:
    run = str(sample_trained.run.folder)
    for arguments in (
        ["train", "--resume", run],
        ["info", run],
        ["evaluate", run, "--tasks", "2", "--queries", "3", "--no-baselines"],
        ["export", run, "--out", str(tmp_path / "tagger.desire")],
        ["data", "info", "sample"],
    ):
        result = CliRunner(charset=encoding).invoke(main, arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        assert result.stdout


@pytest.fixture
def pages(as_json: Callable[..., Any], here: Path, sample_trained: Trained) -> list[dict[str, Any]]:
    """What the model in taught/ says of a few texts, as JSON."""
    as_json("adapt", "--support", sample_trained.support, "--out", "taught")
    for number, source in enumerate(sorted(sample_trained.query.glob("*.txt"))[:8]):
        shutil.copyfile(source, here / f"{number}.txt")
    rows: list[dict[str, Any]] = as_json("predict", "taught", *sorted(here.glob("*.txt")))["predictions"]
    assert 0 < sum(len(row["labels"]) for row in rows) < 5 * len(rows)
    return [{**row, "file": Path(row["file"]).name} for row in rows]


def test_a_pipe_marks_the_labels_that_hold(pages: list[dict[str, Any]], done: Callable[..., str]) -> None:
    for row in pages:
        text = " ".join(done("predict", "taught", row["file"]).replace("│", " ").split())
        assert "the most probable first (*: it holds)" in text
        for label, probability in row["probabilities"].items():
            assert f"{label} {probability:.3f}" in text
            assert (f"* {label} {probability:.3f}" in text) == (label in row["labels"])


def test_a_terminal_shows_them_bold(pages: list[dict[str, Any]]) -> None:
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "300"}
    for row in pages:
        text = CliRunner(env=terminal).invoke(main, ["predict", "taught", row["file"]]).stdout
        assert "*" not in text
        for label, probability in row["probabilities"].items():
            assert (f"\x1b[1;32m{label} {probability:.3f}" in text) == (label in row["labels"])
