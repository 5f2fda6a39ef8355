"""Known base labels on the command line, from folders and options into the model and its predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.printed import in_one_line
from click.testing import Result
from trained import Trained

from desire_edge import Bundle, Support

Cli = Callable[..., Result]
Refused = Callable[..., str]


@pytest.fixture
def known(tmp_path: Path, known_trained: Trained, done: Callable[..., str]) -> Path:
    """The folder the commands run in, with a run and a bundle that use known labels, and a task written with them."""
    (tmp_path / "tagger.desire").symlink_to(known_trained.bundle)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "known").symlink_to(known_trained.run.folder)
    done("data", "episode", "--out", "task", "--ways", 3, "--shots", 2, "--queries", 3, "--known-labels")
    return tmp_path


def test_known_labels_go_from_folders_into_the_model_and_its_predictions(
    done: Callable[..., str], as_json: Callable[..., Any], known: Path, known_trained: Trained
) -> None:
    printed = done("adapt", "--support", "task/support", "--out", "taught")
    assert "known base labels: of 6 of 6 examples" in printed
    value = as_json("adapt", "--support", "task/support", "--out", "taught")
    assert (value["known_labels"], value["examples"]) == (6, 6)

    entries = [json.loads(line) for line in (known / "task/query/metadata.jsonl").read_text().splitlines()]
    told = {entry["file_name"]: entry["known_labels"] for entry in entries}
    rows = as_json("predict", "taught/model.onnx", "task/query")["predictions"]
    assert len(rows) == len(told)
    assert {Path(row["file"]).name: row["known_labels"] for row in rows} == told
    texts = [(known / row["file"]).read_text() for row in rows]
    task = Bundle.open(known_trained.bundle, "cpu").adapt(Support.read(known / "task/support"))
    expected = task.predict(texts, [told[Path(row["file"]).name] for row in rows])
    found = np.array([list(row["probabilities"].values()) for row in rows], np.float32)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_known_labels_may_be_left_out(as_json: Callable[..., Any], known: Path, cli: Cli) -> None:
    as_json("adapt", "--support", "task/support", "--out", "taught")
    told = as_json("predict", "taught/model.onnx", "task/query")["predictions"]
    (known / "task/query/metadata.jsonl").unlink()
    untold = as_json("predict", "taught/model.onnx", "task/query")["predictions"]
    assert [row["file"] for row in told] == [row["file"] for row in untold]
    assert all(row["known_labels"] == [] for row in untold)
    assert [row["probabilities"] for row in told] != [row["probabilities"] for row in untold]


def test_known_labels_of_the_option_are_those_of_every_input(
    as_json: Callable[..., Any], known: Path, known_trained: Trained
) -> None:
    as_json("adapt", "--shots", 0, "--labels", "bread,jazz", "--out", "taught")
    names = list(Bundle.open(known_trained.bundle).manifest.base_labels[:2])
    (page,) = sorted((known / "task/query").glob("*.txt"))[:1]
    option = ("--known-labels", ", ".join(names))
    rows = as_json("predict", "taught/model.onnx", "task/query", page, *option)["predictions"]
    assert all(row["known_labels"] == names for row in rows)
    (alone,) = as_json("predict", "taught/model.onnx", page)["predictions"]
    assert (alone["known_labels"], alone["file"]) == ([], rows[-1]["file"])
    assert alone["probabilities"] != rows[-1]["probabilities"]


def test_known_labels_that_cannot_be_are_refused(
    refused: Refused, done: Callable[..., str], known: Path
) -> None:
    done("adapt", "--shots", 0, "--labels", "bread", "--out", "taught")
    (known / "pages").mkdir()
    (known / "pages" / "a.txt").write_text("fresh bread")
    arguments = ("predict", "taught/model.onnx", "pages")
    for option, expected in (
        (
            "no such",
            "pages/a.txt: the known label 'no such' is no base label of taught/model.onnx; `desire-edge info",
        ),
        ("a,a", "--known-labels: the label 'a' is named twice"),
        ("", "--known-labels: a label name is empty"),
    ):
        assert expected in refused(*arguments, "--known-labels", option)
    for metadata, expected in (
        (
            '{"file_name": "a.txt", "known_labels": ["no such"]}',
            "pages/a.txt: the known label 'no such' is no base",
        ),
        ('{"file_name": "b.txt", "known_labels": ["a"]}', "line 1: the folder holds no file b.txt"),
        (
            '{"file_name": "../a.txt", "known_labels": ["a"]}',
            "../a.txt lies outside the folder of the metadata",
        ),
        ('{"known_labels": ["a"]}', "line 1 has no file_name"),
        ('{"file_name": "a.txt", "known_labels": 7}', "known_labels must be a list of names, and is 7"),
        ('{"file_name": ', "line 1 is not valid JSON"),
    ):
        (known / "pages" / "metadata.jsonl").write_text(metadata)
        assert expected in refused(*arguments)
    (known / "pages" / "metadata.csv").write_text("file_name\na.txt\n")
    assert "pages holds both metadata.jsonl and metadata.csv; keep one of them" in refused(*arguments)


def test_a_model_that_does_not_use_known_labels_says_so(refused: Refused, taught: Path, here: Path) -> None:
    (here / "page.txt").write_text("fresh bread")
    assert "page.txt has known labels, but" in refused(
        "predict", taught, "page.txt", "--known-labels", "linux"
    )


def test_info_names_the_known_labels(
    as_json: Callable[..., Any], done: Callable[..., str], known: Path
) -> None:
    done("adapt", "--shots", 0, "--labels", "bread", "--out", "taught")
    bundle, model = as_json("info", "tagger.desire"), as_json("info", "taught")
    assert bundle["known_labels"] is True
    assert model["known_labels"] == bundle["base_labels"]
    assert f"known labels {len(bundle['base_labels'])} " in in_one_line(done("info", "taught"))
    assert "uses known labels yes" in in_one_line(done("info", "tagger.desire"))
