"""`adapt --from` and `info TASK`: adding, removing and undoing on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trained import Trained

Refused = Callable[..., str]


def contents(folder: Path) -> dict[str, bytes]:
    """The files of `folder`."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def taught(here: Path, done: Callable[..., str], sample_trained: Trained) -> Path:
    """The sample's task, of 5 labels and 10 examples, adapted in one go."""
    done(
        "adapt",
        "--support",
        sample_trained.support,
        "--labels",
        ",".join(sample_trained.labels),
        "--out",
        "taught",
    )
    return here / "taught"


@pytest.fixture
def halves(here: Path, sample_trained: Trained) -> tuple[Path, Path]:
    """The sample's support folder as two."""
    lines = (sample_trained.support / "metadata.jsonl").read_text().splitlines()
    folders = here / "first", here / "second"
    for folder, half in zip(folders, (lines[:4], lines[4:]), strict=True):
        folder.mkdir()
        (folder / "metadata.jsonl").write_text("\n".join(half))
        for line in half:
            name = json.loads(line)["file_name"]
            (folder / name).write_bytes((sample_trained.support / name).read_bytes())
    return folders


@pytest.fixture
def go_on(as_json: Callable[..., Any]) -> Callable[..., Any]:
    """Go on from the folder `taught`, into itself."""
    return lambda *arguments: as_json("adapt", "--from", "taught", *arguments, "--out", "taught")


# What changes come to


def test_two_halves_come_to_the_same_model(
    taught: Path, halves: tuple[Path, Path], done: Callable[..., str], as_json: Callable[..., Any]
) -> None:
    labels = ",".join(as_json("info", taught)["labels"])
    done("adapt", "--support", halves[0], "--labels", labels, "--out", "grown")
    first = contents(taught.parent / "grown")
    value = as_json("adapt", "--from", "grown", "--support", halves[1], "--out", "grown")
    assert (value["examples"], value["new_examples"]) == (10, 6)
    assert contents(taught.parent / "grown")["model.onnx"] == contents(taught)["model.onnx"]
    done("adapt", "--from", "grown/task.safetensors", "--no-undo", "--out", "final")
    assert contents(taught.parent / "final") == contents(taught)
    done("adapt", "--from", "grown", "--undo", "--out", "grown")
    assert contents(taught.parent / "grown") == first


def test_labels_are_added_after_those_there_are(go_on: Callable[..., Any], taught: Path) -> None:
    before = json.loads(json.dumps(sorted(contents(taught))))
    value = go_on("--labels", "bread")
    assert before == ["model.onnx", "task.json", "task.onnx_adapter", "task.safetensors"]
    assert value["labels"][-1]["name"] == "bread"
    assert [value["labels"][-1][name] for name in ("positives", "negatives", "unknown")] == [0, 0, 10]
    assert go_on("--undo")["labels"] == value["labels"][:-1]


def test_earlier_examples_can_be_said_not_to_carry_a_new_label(
    go_on: Callable[..., Any], taught: Path
) -> None:
    value = go_on("--labels", "bread", "--earlier", "negative")
    assert [value["labels"][-1][name] for name in ("positives", "negatives", "unknown")] == [0, 10, 0]


def test_labels_and_examples_are_removed_and_come_back(
    go_on: Callable[..., Any], as_json: Callable[..., Any], taught: Path
) -> None:
    before, told = contents(taught), as_json("info", taught)
    gone = told["labels"][1]
    value = go_on("--remove-label", gone, "--remove-example", 9, "--remove-example", 2)
    assert [label["name"] for label in value["labels"]] == [name for name in told["labels"] if name != gone]
    assert value["examples"] == 8
    assert go_on("--undo")["examples"] == 10
    assert contents(taught) == before


def test_without_a_change_the_same_files_are_written(go_on: Callable[..., Any], taught: Path) -> None:
    go_on("--labels", "bread")
    before = contents(taught)
    go_on()
    assert contents(taught) == before


def test_base_labels_can_be_added_and_stay(
    go_on: Callable[..., Any], as_json: Callable[..., Any], taught: Path
) -> None:
    go_on("--keep-base")
    go_on("--labels", "bread")
    assert as_json("info", taught)["base_labels"] > 0


def test_going_on_can_end_with_the_model_alone(
    go_on: Callable[..., Any], refused: Refused, taught: Path
) -> None:
    go_on("--forget-support")
    assert sorted(contents(taught)) == ["model.onnx", "task.json", "task.onnx_adapter"]
    sentence = refused("adapt", "--from", "taught", "--undo", "--out", "taught")
    assert (
        "taught holds no task.safetensors, which --forget-support leaves away; teach the task afresh"
        in sentence
    )


# What info says


def test_info_lists_labels_examples_and_the_last_change(
    go_on: Callable[..., Any], as_json: Callable[..., Any], taught: Path, sample_trained: Trained
) -> None:
    go_on("--labels", "bread")
    told = as_json("info", "taught")["task"]
    assert told == as_json("info", "taught/task.safetensors")["task"]
    assert told["bytes"] == (taught / "task.safetensors").stat().st_size
    assert [label["name"] for label in told["labels"]] == [*sample_trained.labels, "bread"]
    dataset, episode = sample_trained.run.data.dataset, sample_trained.episode
    assert [example["number"] for example in told["examples"]] == list(range(10))
    for example, row in zip(told["examples"], episode.support, strict=True):
        carried = [name for name in sample_trained.labels if dataset.targets[row, dataset.labels.index(name)]]
        assert example["labels"] == carried
        assert set(example["negative_labels"]) == set(sample_trained.labels) - set(carried)
        assert example["known_labels"] == 0
    assert told["last_change"] == {
        "added_labels": ["bread"], "added_examples": [], "removed_labels": [], "removed_examples": 0,
    }  # fmt: skip
    go_on("--remove-example", 0, "--remove-label", "bread")
    told = as_json("info", "taught")["task"]
    assert len(told["examples"]) == 9
    assert (told["last_change"]["removed_labels"], told["last_change"]["removed_examples"]) == (["bread"], 1)


def test_the_tables_of_info_show_it_too(
    go_on: Callable[..., Any], done: Callable[..., str], taught: Path, sample_trained: Trained
) -> None:
    for path in ("taught", "taught/task.safetensors"):
        assert "last change" not in done("info", path)
    go_on("--labels", "bread", "--support", sample_trained.support)
    for path in ("taught", "taught/task.safetensors"):
        printed = done("info", path)
        assert "taught with the bundle tagger, " in printed
        assert "the last change added the labels bread and 10 examples; --undo takes it back" in printed
        assert all(name in printed for name in sample_trained.labels)
    go_on("--remove-example", 4)
    assert "the last change removed 1 example; --undo takes it back" in done("info", "taught")


# What is refused


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--undo",), "there is nothing to undo: only the last change can be undone"),
        (
            ("--undo", "--remove-label", "a"),
            "--remove-label or --remove-example and --undo are more than one change",
        ),
        (
            ("--labels", "a", "--undo"),
            "--support or --labels and --undo are more than one change; make one after",
        ),
        (("--remove-label", "no such"), "there is no label 'no such' to remove; the task has "),
        (("--remove-example", "10"), "there is no example 10 to remove; the task has 10, numbered from 0"),
        (("--labels", "a,b"), "7 labels, but this bundle holds at most 6"),
        (("--support", "nowhere"), "the support folder nowhere does not exist"),
    ],
)
def test_a_change_that_cannot_be_leaves_the_task_as_it_is(
    arguments: tuple[str, ...], expected: str, refused: Refused, taught: Path
) -> None:
    before = contents(taught)
    assert expected in refused("adapt", "--from", "taught", *arguments, "--out", "taught")
    assert contents(taught) == before
    assert "there is no task nowhere" in refused("adapt", "--from", "nowhere", "--undo", "--out", "taught")


@pytest.mark.parametrize("arguments", [("--undo",), ("--remove-label", "a"), ("--no-undo",)])
def test_changes_need_a_task(
    arguments: tuple[str, ...], refused: Refused, here: Path, sample_trained: Trained
) -> None:
    for more in ((), ("--support", sample_trained.support)):
        sentence = refused("adapt", *arguments, *more, "--out", "new")
        assert "name an earlier task with --from" in sentence
    assert not (here / "new").exists()


def test_a_spoilt_task_is_one_sentence(refused: Refused, taught: Path) -> None:
    content = (taught / "task.safetensors").read_bytes()
    (taught / "task.safetensors").write_bytes(content[:-1])
    for arguments in (("adapt", "--from", "taught", "--undo", "--out", "taught"), ("info", "taught")):
        assert "taught/task.safetensors is not what `desire-edge adapt` wrote (" in refused(*arguments)


def test_a_task_of_another_bundle_is_one_sentence(
    refused: Refused, taught: Path, known_trained: Trained
) -> None:
    arguments = ("adapt", known_trained.bundle, "--from", "taught", "--labels", "a", "--out", "taught")
    assert (
        "task.safetensors: the task was taught with another bundle, tagger, not with this tagger"
        in refused(*arguments)
    )


def test_a_label_gets_another_name(
    taught: Path, go_on: Callable[..., Any], refused: Refused, as_json: Callable[..., Any]
) -> None:
    before = contents(taught)
    old = as_json("info", taught)["labels"]
    value = go_on("--rename-label", old[1], " sourdough bread ")
    assert [label["name"] for label in value["labels"]] == [old[0], "sourdough bread", *old[2:]]
    assert value["examples"] == 10
    assert value["labels"][1]["positives"] > 0
    assert contents(taught) != before
    go_on("--undo")
    assert as_json("info", taught)["labels"] == old
    assert contents(taught)["model.onnx"] == before["model.onnx"]
    on = ("adapt", "--from", "taught", "--out", "taught")
    assert "there is no label 'rome' to rename" in refused(*on, "--rename-label", "rome", "x")
    assert "has the label" in refused(*on, "--rename-label", old[0], old[1])
    assert "more than one change" in refused(*on, "--rename-label", old[0], "x", "--undo")
    assert "--from" in refused("adapt", "--rename-label", old[0], "x", "--out", "new")
    assert contents(taught)["model.onnx"] == before["model.onnx"]
