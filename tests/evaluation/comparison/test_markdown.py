"""The tables of a comparison, beside the published ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluation.comparison.cases import ALL, fabricate

from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.markdown import tables
from desire_edge.evaluation.comparison.plan import BEST
from desire_edge.evaluation.comparison.summary import summarise


def lines(text: str, protocol: str, heading: str) -> dict[str, list[str]]:
    """The cells of one table of a protocol, by row."""
    (part,) = (part for part in text.split("## ") if part.startswith(f"`{protocol}`"))
    (table,) = (table for table in part.split("\n\n") if table.startswith(f"| {heading}"))
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    assert {len(row) for row in rows} == {len(table.splitlines()[0].strip("|").split("|"))}
    return {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}


def test_the_table_stands_beside_the_published_one(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "label-disjoint", "micro AUC")
    assert list(rows) == [
        "pre-trained", "MAML", "Reptile", "ATAML", "MAML++", "DESIRE\\l2", "DESIRE\\F", "DESIRE\\I",
        "DESIRE-Net", "DESIRE, plain pre-training", "ProtoNet", "all positive", "logistic regression",
        "logistic + cosine", "best recipe", "prior recipe", "supervised reference",
    ]  # fmt: skip
    assert rows["DESIRE-Net"][5] == "87.2 / 90.5 / 87.9 / 88.7"
    assert rows["MAML"][5] == "75.9 / 81.9 / 79.0 / 82.3"
    assert rows["pre-trained"][5] == "67.5 / 75.3 / 73.0 / 81.7"
    assert rows["best recipe"][5] == ""
    cell = summary["cells"]["desire-net"]["label-disjoint 5w5s"]["all"]["micro_auc"]
    assert rows["DESIRE-Net"][1] == f"{100 * cell['mean']:.1f} ± {100 * cell['half_width']:.1f}"


def test_published_auc_is_compared_under_the_papers_protocol_only(summary: dict[str, Any]) -> None:
    text = tables(summary)
    assert text.count("87.2 / 90.5 / 87.9 / 88.7") == 1
    assert len(lines(text, "example-disjoint", "micro AUC")["DESIRE-Net"]) == 5


def test_f1_under_streaming_stands_beside_sin_and_says_what_thresholds_give(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "streaming", "micro F1, %")
    assert rows["SIN, as published"] == ["", "", "", "", "", "46.2 / 49.2 / 35.1 / 38.4"]
    assert rows["MAML++"][5] == "41.2 / 44.5 / 23.9 / 29.3"
    rows = lines(tables(summary), "streaming", "micro F1 by threshold")
    learned, half, oracle = (
        float(rows[f"best recipe, {name}"][0].split(" ± ")[0])
        for name in ("learned", "0.5", "oracle, one a task")
    )
    assert (round(oracle - learned), round(learned - half)) == (10, 10)


def test_paired_differences_are_shown_in_points(summary: dict[str, Any]) -> None:
    rows = lines(tables(summary), "example-disjoint", "paired difference")
    assert rows["best recipe − supervised reference"] == ["-3.0 ± 0.0"] * 4
    assert rows["prior recipe − logistic + cosine"] == ["+2.0 ± 0.0"] * 4
    assert rows["DESIRE-Net − MAML"][0] == "+7.0 ± 0.0"


def test_what_is_not_there_yet_is_left_empty(tmp_path: Path) -> None:
    plan = replace(ALL, protocols=("streaming",), methods=("all-positive", BEST), seeds=(0,), extras=False)
    found = summarise(fabricate(tmp_path, plan))
    del found["cells"]["best"]["streaming 10w1s"]
    text = tables(found)
    assert lines(text, "streaming", "micro AUC")["best recipe"][2] == ""
    assert "label-disjoint" not in text
    assert "micro F1 by threshold" not in text, "a line with a gap is not shown"
    assert tables(summarise(Kept(tmp_path / "none", plan))) == "\n"
