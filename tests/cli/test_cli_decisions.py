"""What is said of an input: labels above their thresholds, the set of a coverage, or none of these."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.printed import in_one_line
from vectors.tiny import COVERAGE, FOLDER

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task

SUPPORT = Support.of(
    ["Bread from a hot oven", "jazz: a trumpet!", "The Linux kernel", "a train to Rome"],
    [["baking"], ["jazz"], [], []],
)
NO_JAZZ = Support.of(
    ["Bread from a hot oven", "jazz: a trumpet!", "The Linux kernel", "a train to Rome"],
    [["baking"], [], ["linux"], []],
)
TEXTS = ("Warm bread, and jazz.", "a train to Rome", "the Linux kernel, in C++")


def taught(folder: Path, bundle: str = "prior") -> Task:
    task = Bundle.open(FOLDER / bundle, "cpu").adapt(SUPPORT, labels=["baking", "jazz", "linux"])
    task.save(folder)
    return task


def texts(*given: str) -> list[str]:
    return [part for text in given for part in ("--text", text)]


# Sets of labels


def test_python_says_the_labels_of_a_set(tmp_path: Path) -> None:
    task = taught(tmp_path / "taught")
    predictor = Predictor(tmp_path / "taught", "cpu")
    taken = task.taught.targets, task.taught.mask
    for stated in COVERAGE:
        limits = stated.limits(*taken)
        assert task.sets[stated.level] == predictor.sets[stated.level] == limits
        for row in task.predict(TEXTS):
            expected = [name for name, p, limit in zip(task.labels, row, limits, strict=True) if p >= limit]
            assert task.decide(row, stated.level) == predictor.decide(row, coverage=stated.level) == expected
        assert task.decide(np.array(limits), stated.level) == list(task.labels)
    for row in task.predict(TEXTS):
        assert task.decide(row) == predictor.decide(row)


def test_a_change_of_the_task_changes_its_sets(tmp_path: Path) -> None:
    task = taught(tmp_path / "taught")
    more = task.add(Support.of(["warm bread"], [["baking"]]))
    assert more.sets[0.8] != task.sets[0.8]
    assert more.undo().sets == task.sets
    assert task.rename("baking", "bread").sets == task.sets


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_the_set_is_what_the_command_says(
    coverage: float, tmp_path: Path, done: Callable[..., str], as_json: Callable[..., Any]
) -> None:
    task = taught(tmp_path / "taught")
    value = as_json("predict", "taught", *texts(*TEXTS), "--coverage", coverage)
    assert value["coverage"] == coverage
    rows = task.predict(TEXTS)
    for found, row in zip(value["predictions"], rows, strict=True):
        assert found["labels"] == task.decide(row, coverage)
        assert found["none"] == (found["labels"] == [])
    printed = in_one_line(done("predict", "taught", *texts(TEXTS[0]), "--coverage", coverage))
    assert "(*: in the set)" in printed
    for name, p in zip(task.labels, rows[0], strict=True):
        assert (f"* {name} {p:.3f}" in printed) == (name in task.decide(rows[0], coverage))
    assert list(as_json("info", "taught")["coverage"]) == [0.8, 0.9, 0.95]


def test_without_a_coverage_labels_are_those_above_their_thresholds(
    tmp_path: Path, as_json: Callable[..., Any]
) -> None:
    task = taught(tmp_path / "taught")
    value = as_json("predict", "taught", *texts(*TEXTS))
    assert "coverage" not in value
    assert [found["labels"] for found in value["predictions"]] == [
        task.decide(row) for row in task.predict(TEXTS)
    ]


def test_why_goes_by_the_set_too(tmp_path: Path, as_json: Callable[..., Any]) -> None:
    taught(tmp_path / "taught")
    asked = ("predict", "taught", "--text", TEXTS[0], "--why", "--bundle", FOLDER / "prior")
    by_set, plain = (as_json(*asked, *more)["predictions"][0]["why"] for more in (("--coverage", 0.95), ()))
    predictor = Predictor(tmp_path / "taught")
    for why, limits in ((by_set, predictor.sets[0.95]), (plain, predictor.thresholds)):
        assert {label: found["threshold"] for label, found in why.items()} == dict(
            zip(predictor.labels, limits, strict=True)
        )


def test_a_coverage_that_is_not_stated_is_refused(tmp_path: Path, refused: Callable[..., str]) -> None:
    task, old = taught(tmp_path / "taught"), taught(tmp_path / "old", "plain")
    assert refused("predict", "taught", "--text", "bread", "--coverage", 0.5) == (
        "error: taught/model.onnx states no coverage of 0.5; ask for one of 0.8, 0.9, 0.95"
    )
    sentence = refused("predict", "old", "--text", "bread", "--coverage", 0.9)
    assert sentence == (
        "error: old/model.onnx states no coverage: its bundle is of an older version or had too few validation labels, "
        "or it was not taught in Python; leave the coverage away, or train, export and teach again"
    )
    for one, level in ((task, 0.5), (old, 0.9)):
        for decide in (one.decide, one.predictor.decide):
            with pytest.raises(DesireEdgeError, match="states no coverage") as error:
                decide(one.predict(["bread"])[0], coverage=level)
            assert error.value.code == "coverage"


@pytest.mark.parametrize("share", ["0", "1", "-0.5", "nan", "x"])
def test_a_share_that_is_none_is_refused(share: str, tmp_path: Path, cli: Callable[..., Any]) -> None:
    taught(tmp_path / "taught")
    found = cli("predict", "taught", "--text", "bread", "--coverage", share)
    assert found.exit_code == 2, found.output


def test_damaged_sets_are_refused(tmp_path: Path) -> None:
    task = taught(tmp_path / "taught")
    content = task.model
    good = json.dumps([0.8, 0.9, 0.95])[1:-1].split(", ")[0]
    at = content.index(b'[{"coverage": ' + good.encode())
    for changed in (b'[{"coverage": 1.8', b'[{"coverage": nul', b'[{"coverbge": 0.8'):
        (tmp_path / "bad.onnx").write_bytes(content[:at] + changed + content[at + len(changed) :])
        with pytest.raises(DesireEdgeError) as error:
            Predictor(tmp_path / "bad.onnx", "cpu")
        assert error.value.code == "model"


# None of these


@pytest.mark.parametrize("coverage", [None, 0.9])
def test_none_of_these_is_said(
    coverage: float | None, tmp_path: Path, done: Callable[..., str], as_json: Callable[..., Any]
) -> None:
    """A trumpet is jazz to the tiny bundle, and neither bread nor Linux."""
    (tmp_path / "jazz.txt").write_text("a trumpet!")
    bundle = Bundle.open(FOLDER / "prior", "cpu")
    task = bundle.adapt(NO_JAZZ)
    task.save(tmp_path / "taught")
    neither, one = task.predict(["a trumpet!", "warm bread"])
    assert task.decide(neither, coverage) == task.predictor.decide(neither, coverage) == []
    assert "baking" in task.decide(one, coverage)
    asked = () if coverage is None else ("--coverage", coverage)
    value = as_json("predict", "taught", *texts("a trumpet!", "warm bread"), *asked)
    assert [(found["labels"] == [], found["none"]) for found in value["predictions"]] == [
        (True, True),
        (False, False),
    ]
    printed = in_one_line(done("predict", "taught", "jazz.txt", *asked))
    assert "none of these: " in printed and "* " not in printed.partition("none of these")[2]
    assert "none of these" not in done("predict", "taught", *texts("warm bread"), *asked)
