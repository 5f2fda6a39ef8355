"""The commands `data check` and `data fetch`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from desire_edge.data import load_sample

Cli = Callable[..., Result]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The sample corpus as a table with columns of other names, one text of it twice."""
    corpus = load_sample()
    rows = [*range(corpus.rows), 0]
    lines = [
        {
            "page": (corpus.texts or ())[row],
            "about": [corpus.labels[index] for index in corpus.targets[row].nonzero()[0]],
        }
        for row in rows
    ]
    path = tmp_path / "pages.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_check_says_what_is_wrong_first_and_what_trains(done: Callable[..., str], table: Path) -> None:
    plot = table.parent / "labels.png"
    printed = done("data", "check", table, "--text", "page", "--labels", "about", "--plot", plot)
    warning, figures = printed.index("warning: 1 example that repeat"), printed.index("data set pages")
    assert warning < figures < printed.index("next: desire-edge train")
    assert "  pages.jsonl, line 714 like pages.jsonl, line 1\n" in printed
    assert "713" not in printed.partition("examples a label")[0].replace("line 713", "")
    assert f"--data {table} --text page --labels about" in printed.replace("\n", " ")
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_check_as_json(as_json: Callable[..., Any], table: Path) -> None:
    value = as_json("data", "check", table, "--text", "page", "--labels", "about")
    assert (value["examples"], value["labels"], value["kind"]) == (714, 90, "text")
    assert value["counts"]["guitar"] == 23
    (repeated,) = [finding for finding in value["findings"] if finding["code"] == "duplicates"]
    assert repeated["places"] == ["pages.jsonl, line 714 like pages.jsonl, line 1"]


def test_what_cannot_be_read_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "fine", "labels": ["a"]}\n{"text": "not", "labels": {"a": 1}}\n')
    result = cli("data", "check", path)
    assert result.exit_code == 2
    assert "bad.jsonl, line 2" in result.stderr and "Traceback" not in result.stderr


def test_a_plot_of_another_kind_is_refused_before_the_work(cli: Cli, table: Path) -> None:
    result = cli(
        "data", "check", table, "--text", "page", "--labels", "about", "--plot", table.parent / "x.gif"
    )
    assert result.exit_code == 2 and "ends in .png, .svg or .pdf" in result.stderr
    assert "near-duplicates" not in result.stderr


def test_fetch_says_what_is_there(
    done: Callable[..., str], as_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "desire-edge" / "debtags"
    folder.mkdir(parents=True)
    (folder / "README.txt").write_text("made by hand")
    (folder / "debtags.jsonl").write_text('{"text": "x", "labels": ["often"]}\n' * 20)
    assert "debtags was there already: 20 examples, 1 labels" in done("data", "fetch", "debtags")
    assert as_json("data", "fetch", "debtags") == {
        "name": "debtags",
        "folder": str(folder),
        "was_there": True,
        "rows": 20,
        "labels": 1,
        "labels_per_row": 1.0,
    }


def test_fetching_what_nobody_has_is_refused(cli: Cli) -> None:
    result = cli("data", "fetch", "imagenet")
    assert result.exit_code == 2 and "there are debtags, openmoji" in result.stderr


def test_check_names_what_is_missing_in_place_of_a_command_that_would_be_refused(
    done: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(
        "".join(f'{{"text": "page {row}", "labels": ["{"abc"[row % 3]}"]}}\n' for row in range(9))
    )
    printed = done("data", "check", path)
    assert "next: nothing trains on this yet: 3 labels cannot be split" in printed
    assert "desire-edge train" not in printed
