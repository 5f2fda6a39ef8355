"""`desire-edge evaluate`: what its table shows, and known base labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from trained import Trained

Refused = Callable[..., str]
SHORT = ("--tasks", 4, "--queries", 3, "--shots", 2, "--no-baselines")


def rows(printed: str) -> list[list[str]]:
    """The cells of the table's lines."""
    lines = printed.replace("┃", "│").splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]


@pytest.mark.parametrize("known", [False, True])
def test_the_table_fits_in_80_columns_and_holds_the_figures_of_the_json(
    known: bool, cli: Callable[..., Result], known_trained: Trained
) -> None:
    arguments = ("evaluate", known_trained.run.folder, *SHORT, *(["--known-labels"] if known else []))
    value: dict[str, Any] = json.loads(cli(*arguments, "--json").stdout)
    printed = cli(*arguments).stdout
    assert value["options"]["known_labels"] == known
    assert ("base labels known" in " ".join(printed.split())) == known
    both = value["eligible"], value["all_labels"]
    header, *lines = rows(printed)
    assert header == [
        "%",
        *(f"{n}, {f['labels']} labels" for n, f in zip(("eligible", "all"), both, strict=True)),
    ]
    names = ("micro_auc", "macro_auc", "zero_shot_micro_auc", "micro_f1", "micro_f1_half", "micro_f1_oracle")
    shown = [
        [f"{100 * f[name]['mean']:.1f} ± {100 * f[name]['half_width']:.1f}" for f in both] for name in names
    ]
    assert [cells for _, *cells in lines] == shown
    assert "learned" in lines[3][0]
    assert "0.5" in lines[4][0]
    assert "best" in lines[5][0]


def test_where_too_few_labels_are_eligible_their_column_says_so(
    cli: Callable[..., Result], sample_trained: Trained
) -> None:
    result = cli("evaluate", sample_trained.run.folder, "--tasks", 2, "--no-baselines")
    assert result.exit_code == 0, result.output
    header, *lines = rows(result.stdout)
    assert header[1] == "eligible, too few labels"
    assert {cells[1] for cells in lines} == {""}


def test_the_baselines_stand_in_a_table_of_their_own_and_in_the_json(
    cli: Callable[..., Result], sample_trained: Trained
) -> None:
    """Ours first, with the figures above it; then each with its difference, a star where that is significant."""
    arguments = ("evaluate", sample_trained.run.folder, "--tasks", 5, "--queries", 3, "--shots", 2)
    value: dict[str, Any] = json.loads(cli(*arguments, "--json").stdout)
    assert (sample_trained.run.folder / "baselines.json").is_file()
    ours, *others = value["rows"]
    assert ours["micro_auc"] == value["eligible"]["micro_auc"]
    assert [row["name"] for row in others] == ["cosine", "ridge", "logistic", "logistic_cosine", "tfidf"]
    printed = cli(*arguments).stdout
    lines = rows(printed)
    start = next(index for index, line in enumerate(lines) if line[-1] == "ms a task")
    table = [line for line in lines[start + 1 :] if line[1]]  # a long title goes on in a line of its own
    for row, cells in zip(value["rows"], table, strict=True):
        assert row["title"].startswith(cells[0])
        assert (
            cells[1] == f"{100 * row['micro_auc']['mean']:.1f} ± {100 * row['micro_auc']['half_width']:.1f}"
        )
        if row is not ours:
            minus = row["ours_minus"]
            star = " *" if row["significant"] else ""
            assert cells[3] == f"{100 * minus['mean']:+.1f} ± {100 * minus['half_width']:.1f}{star}"


def test_without_baselines_there_is_no_such_table(
    cli: Callable[..., Result], sample_trained: Trained
) -> None:
    arguments = ("evaluate", sample_trained.run.folder, *SHORT)
    assert "scikit-learn" not in cli(*arguments).stdout
    assert json.loads(cli(*arguments, "--json").stdout)["rows"] == []


def test_by_name_alone(cli: Callable[..., Result], sample_trained: Trained) -> None:
    arguments = ("evaluate", sample_trained.run.folder, "--tasks", 5, "--queries", 3, "--shots", 0)
    value: dict[str, Any] = json.loads(cli(*arguments, "--json").stdout)
    assert [row["name"] for row in value["rows"]] == ["ours", "cosine"]
    assert value["eligible"]["micro_auc"] == value["eligible"]["zero_shot_micro_auc"]


@pytest.mark.parametrize(("option", "value"), [("--ways", 0), ("--shots", -1), ("--tasks", 0)])
def test_senseless_sizes_are_refused(option: str, value: int, refused: Refused, tmp_path: Any) -> None:
    sentence = refused("evaluate", tmp_path, option, value)
    assert "--ways, --queries and --tasks must be at least 1, and --shots at least 0" in sentence


def test_known_labels_are_refused_for_a_run_trained_without(
    refused: Refused, sample_trained: Trained
) -> None:
    sentence = refused("evaluate", sample_trained.run.folder, *SHORT, "--known-labels")
    assert "was trained without known labels; leave --known-labels out, or train with --set" in sentence
