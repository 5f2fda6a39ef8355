"""adapt and predict on real input: what their options change, what they print, and their JSON."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.printed import in_one_line
from click.testing import Result
from trained import WAYS, Trained

from desire_edge import Bundle, Support
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.runtime.predictor import AT_ONCE

Cli = Callable[..., Result]
Refused = Callable[..., str]


# adapt


def test_adapting_prints_labels_words_loss_and_time(
    done: Callable[..., str], here: Path, sample_trained: Trained
) -> None:
    printed = done("adapt", "--support", sample_trained.support, "--out", "taught")
    for expected in (
        *sample_trained.labels,
        "threshold",
        "words known",
        "loss: ",
        " before, ",
        "ms to adapt",
        "(cpu)",
        "wrote taught",
    ):
        assert expected in printed
    assert {path.name for path in (here / "taught").iterdir()} == {
        "model.onnx", "task.json", "task.onnx_adapter", "task.safetensors",
    }  # fmt: skip


def test_the_json_of_adapt_holds_what_the_table_shows(
    as_json: Callable[..., Any], here: Path, sample_trained: Trained
) -> None:
    value = as_json(
        "adapt",
        "--support",
        sample_trained.support,
        "--out",
        "taught",
        "--labels",
        "bread," + ",".join(sample_trained.labels),
    )
    assert value["out"] == "taught"
    assert [label["name"] for label in value["labels"]] == ["bread", *sample_trained.labels]
    assert [label.pop("threshold") for label in value["labels"]] == as_json("info", "taught")["thresholds"]
    assert value["labels"][0] == {
        "name": "bread", "positives": 0, "negatives": 10, "unknown": 0, "how": "word",
        "known_words": ["bread"], "unknown_words": [],
    }  # fmt: skip
    assert value["examples"] == 10
    assert value["known_text_words"] <= value["text_words"]
    assert value["loss_after"] < value["loss_before"]
    assert value["provider"] == "cpu"
    assert value["warnings"] == ["no example carries the label 'bread', so it goes by its name alone"]


def test_names_alone_are_enough_with_no_shots(as_json: Callable[..., Any], here: Path) -> None:
    value = as_json("adapt", "--shots", 0, "--labels", "baking, open source,jazz", "--out", "taught")
    assert [label["name"] for label in value["labels"]] == ["baking", "open source", "jazz"]
    assert value["examples"] == 0
    assert as_json("info", "taught")["labels"] == ["baking", "open source", "jazz"]


def test_no_shots_of_a_support_folder_takes_its_labels(
    as_json: Callable[..., Any], here: Path, sample_trained: Trained
) -> None:
    value = as_json("adapt", "--support", sample_trained.support, "--shots", 0, "--out", "taught")
    assert value["examples"] == 0
    assert {label["name"] for label in value["labels"]} == set(sample_trained.labels)


def test_shots_take_the_first_examples_of_each_label(
    as_json: Callable[..., Any], here: Path, sample_trained: Trained
) -> None:
    one = as_json("adapt", "--support", sample_trained.support, "--shots", 1, "--out", "one")
    two = as_json("adapt", "--support", sample_trained.support, "--shots", 2, "--out", "two")
    everything = as_json("adapt", "--support", sample_trained.support, "--out", "all")
    assert 5 <= one["examples"] < two["examples"] <= everything["examples"] == 10
    assert min(label["positives"] for label in one["labels"]) == 1


def test_neither_support_nor_names_is_refused(refused: Refused, here: Path) -> None:
    for arguments in ((), ("--labels", "a,b"), ("--shots", "0"), ("--shots", "2", "--labels", "a,b")):
        sentence = refused("adapt", *arguments, "--out", "taught")
        assert "name a folder of examples with --support, or go by names alone with --shots 0" in sentence


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("", "--labels: a label name is empty"),
        ("a,,b", "a label name is empty"),
        ("a, a", "the label 'a' is named twice"),
    ],
)
def test_bad_names_on_the_command_line_are_refused(
    labels: str, expected: str, refused: Refused, here: Path
) -> None:
    assert expected in refused("adapt", "--shots", 0, "--labels", labels, "--out", "taught")


def test_missing_as_unknown_is_another_model(
    as_json: Callable[..., Any], here: Path, sample_trained: Trained
) -> None:
    arguments = ("adapt", "--support", sample_trained.support)
    negative = as_json(*arguments, "--out", "negative")
    unknown = as_json(*arguments, "--missing", "unknown", "--out", "unknown")
    assert all(label["negatives"] == 0 < label["unknown"] for label in unknown["labels"])
    assert all(label["unknown"] == 0 < label["negatives"] for label in negative["labels"])
    assert (here / "negative/model.onnx").read_bytes() != (here / "unknown/model.onnx").read_bytes()


def test_an_earlier_task_is_replaced_as_a_whole(done: Callable[..., str], here: Path) -> None:
    done("adapt", "--shots", 0, "--labels", "jazz", "--out", "taught")
    done("adapt", "--shots", 0, "--labels", "bread", "--out", "taught", "--forget-support")
    left = {path.name for path in (here / "taught").iterdir()}
    assert left == {"model.onnx", "task.json", "task.onnx_adapter"}
    assert b'["bread"]' in (here / "taught" / "model.onnx").read_bytes()


def test_a_folder_of_the_users_is_not_replaced(refused: Refused, here: Path) -> None:
    (here / "mine").mkdir()
    (here / "mine" / "notes.txt").write_text("mine")
    sentence = refused("adapt", "--shots", 0, "--labels", "jazz", "--out", "mine")
    assert "mine exists and is not an adapted task" in sentence
    assert (here / "mine" / "notes.txt").read_text() == "mine"


def test_the_bundle_must_be_named_where_there_is_none_or_more_than_one(
    refused: Refused, tmp_path: Path, sample_trained: Trained
) -> None:
    arguments = ("--shots", 0, "--labels", "jazz", "--out", "taught")
    assert "name a bundle: there is no *.desire in this folder" in refused("adapt", *arguments)
    for name in ("b.desire", "a.desire"):
        (tmp_path / name).symlink_to(sample_trained.bundle)
    assert "there is more than one (a.desire, b.desire)" in refused("adapt", *arguments)


def test_a_users_part_alone_is_small_and_predicts_by_the_bundle(
    as_json: Callable[..., Any],
    done: Callable[..., str],
    refused: Refused,
    here: Path,
    sample_trained: Trained,
) -> None:
    asked = ("adapt", "--support", sample_trained.support, "--out")
    as_json(*asked, "whole")
    as_json(*asked, "part", "--part-only", "--threads", 2)
    left = {path.name for path in (here / "part").iterdir()}
    assert left == {"task.json", "task.onnx_adapter", "task.safetensors"}
    queries = sample_trained.query
    expected, found = (as_json("predict", out, queries)["predictions"] for out in ("whole", "part"))
    assert as_json("predict", "part", queries, "--bundle", sample_trained.bundle)["predictions"] == found
    for row, other in zip(found, expected, strict=True):
        assert row["labels"] == other["labels"]
        assert row["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)
    described = as_json("info", "part")
    assert described["labels"] == list(expected[0]["probabilities"])
    assert described["task"]["examples"] and described["bytes"] < 10**6
    assert "a user's part part" in done("info", "part")
    assert "what spoke" in done("predict", "part", queries, "--why")
    as_json("adapt", "--from", "part", "--labels", "bread", "--out", "part", "--part-only")
    assert as_json("info", "part")["labels"][-1] == "bread"
    sentence = refused("predict", "whole", queries, "--bundle", sample_trained.bundle)
    assert "--bundle is for --why and --why-png: a prediction needs MODEL alone" in sentence


# predict


def test_predictions_are_those_of_the_python_api(
    as_json: Callable[..., Any], taught: Path, sample_trained: Trained
) -> None:
    value = as_json("predict", taught, sample_trained.query)
    task = Bundle.open(sample_trained.bundle, "cpu").adapt(
        Support.read(sample_trained.support), labels=sample_trained.labels
    )
    files = sorted(path for path in sample_trained.query.iterdir() if path.name != "metadata.jsonl")
    assert value["provider"] == "cpu"
    assert [Path(row["file"]) for row in value["predictions"]] == files
    found = [list(row["probabilities"].values()) for row in value["predictions"]]
    np.testing.assert_allclose(
        np.array(found), task.predict([path.read_text() for path in files]), rtol=0, atol=1e-6
    )
    for row in value["predictions"]:
        assert list(row["probabilities"]) == sample_trained.labels
        decided = zip(row["probabilities"].items(), task.predictor.thresholds, strict=True)
        assert row["labels"] == [name for (name, value), threshold in decided if value >= threshold]
        assert len(row["base_probabilities"]) == len(sample_trained.run.data.split.base)


def test_the_folder_of_a_task_may_stand_for_its_model(
    as_json: Callable[..., Any], taught: Path, sample_trained: Trained
) -> None:
    expected = as_json("predict", taught, sample_trained.query)
    assert as_json("predict", "taught", sample_trained.query) == expected


def test_the_table_shows_every_probability(
    done: Callable[..., str], as_json: Callable[..., Any], here: Path, sample_trained: Trained
) -> None:
    done("adapt", "--support", sample_trained.support, "--out", "taught")
    for name, source in zip(("a.txt", "b.txt"), sample_trained.query.glob("*.txt"), strict=False):
        shutil.copyfile(source, here / name)
    printed = done("predict", "taught/model.onnx", "a.txt", "b.txt")
    for row in as_json("predict", "taught/model.onnx", "a.txt", "b.txt")["predictions"]:
        assert row["file"] in printed
        for label, probability in row["probabilities"].items():
            assert f"{label} {probability:.3f}" in in_one_line(printed)
    assert "ran on cpu" in printed


def test_a_long_path_is_shown_in_full(done: Callable[..., str], taught: Path, tmp_path: Path) -> None:
    page = tmp_path / ("folder-" * 12) / "the-page-itself.txt"
    page.parent.mkdir()
    page.write_text("fresh bread")
    first_column = "".join(
        line.split("│")[1].strip() for line in done("predict", taught, page).splitlines() if "│" in line
    )
    assert str(page) in first_column


def test_many_labels_fit_a_narrow_terminal(
    done: Callable[..., str], tmp_path: Path, sample_trained: Trained
) -> None:
    (tmp_path / "page.txt").write_text("fresh bread")
    names = [f"quite a long name of a label, number {number}" for number in range(WAYS)]
    Bundle.open(sample_trained.bundle).adapt(labels=names).save(tmp_path / "taught")
    printed = in_one_line(done("predict", "taught/model.onnx", "page.txt"))
    for name in names:
        assert f"{name} 0." in printed or f"{name} 1." in printed


def test_files_of_any_name_are_printed_safely(
    done: Callable[..., str], as_json: Callable[..., Any], taught: Path, tmp_path: Path
) -> None:
    (tmp_path / "pages").mkdir()
    names = [b"\xff\xfe.txt", b"a\x1b[31m.txt", b"[red]:smile:.txt"]
    for name in names:
        (tmp_path / "pages" / name.decode("utf-8", "surrogateescape")).write_text("bread")
    printed = done("predict", taught, "pages")
    assert "\x1b" not in printed
    assert "[red]:smile:.txt" in printed
    assert len(as_json("predict", taught, "pages")["predictions"]) == 3


def test_a_task_with_other_batches_predicts_the_same(sample_trained: Trained, tmp_path: Path) -> None:
    export_bundle(sample_trained.run, tmp_path / "three.desire", ExportOptions(ways=WAYS, batch=3))
    support, x = Support.read(sample_trained.support), list(sample_trained.run.data.x[:7])
    one, three = (
        Bundle.open(path, "cpu").adapt(support, labels=sample_trained.labels)
        for path in (sample_trained.bundle, tmp_path / "three.desire")
    )
    assert (three.bundle.manifest.batch, three.predictor.describe()["batch"]) == (3, None)
    np.testing.assert_allclose(three.predict(x), one.predict(x), rtol=1e-5, atol=1e-6)
    for count in range(8):
        np.testing.assert_allclose(three.predict(x[:count]), three.predict(x)[:count], rtol=1e-5, atol=1e-6)
    many = sample_trained.run.data.x[: AT_ONCE + 50]
    together = three.predictor.outputs(three.predictor.features(many))["probabilities"]
    assert np.array_equal(three.predict(many), together)
