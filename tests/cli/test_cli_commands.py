"""The commands on real input: what their options change, what they print, and their JSON."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from trained import WAYS, Trained

from desire_edge import Bundle, Support
from desire_edge.data import load_sample
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.runtime.predictor import AT_ONCE

Cli = Callable[..., Result]
Refused = Callable[..., str]


def in_one_line(table: str) -> str:
    """A table's cells without its lines."""
    return " ".join(table.replace("│", " ").split())


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
    assert sorted(path.name for path in (here / "taught").iterdir()) == ["model.onnx", "task.safetensors"]


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
    assert [path.name for path in (here / "taught").iterdir()] == ["model.onnx"]
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


# predict


@pytest.fixture
def taught(here: Path, sample_trained: Trained) -> Path:
    """A model adapted to the sample's task, with the base labels."""
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    support = Support.read(sample_trained.support)
    return (
        bundle.adapt(support, labels=sample_trained.labels, keep_base=True).save(here / "taught")
        / "model.onnx"
    )


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
    np.testing.assert_array_equal(
        np.array(found, np.float32), task.predict([path.read_text() for path in files])
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
    assert three.predictor.describe()["batch"] == 3
    np.testing.assert_allclose(three.predict(x), one.predict(x), rtol=1e-5, atol=1e-6)
    for count in range(8):
        np.testing.assert_allclose(three.predict(x[:count]), three.predict(x)[:count], rtol=1e-5, atol=1e-6)
    many = sample_trained.run.data.x[: AT_ONCE + 50]
    together = three.predictor.outputs(three.predictor.features(many))["probabilities"]
    assert np.array_equal(three.predict(many), together)


# known base labels


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
    np.testing.assert_array_equal(found, expected)


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


# export, info, evaluate, data


def test_export_takes_the_latest_run_and_says_how_close_it_is(
    as_json: Callable[..., Any], here: Path
) -> None:
    value = as_json("export", "--out", "new.desire", "--ways", 3, "--batch", 2, "--opset", 20)
    assert value["bundle"] == "new.desire"
    assert 0 < max(value["parity"].values()) <= 1e-5
    info = as_json("info", "new.desire")
    assert {"file": info.pop("contents")[0]["name"], **info} == {
        "file": "lexicon.safetensors",
        "bundle": "new.desire",
        **value["manifest"],
    }
    manifest = value["manifest"]
    assert (manifest["name"], manifest["ways"], manifest["batch"], manifest["opset"]) == ("new", 3, 2, 20)


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
    value = as_json("evaluate", "--tasks", 1)
    assert value["options"]["tasks"] == 1
    assert value["eligible"] is None, "no five labels of the sample have 15 query examples"
    assert 0 <= value["all_labels"]["micro_auc"]["mean"] <= 1
    assert value["all_labels"]["micro_auc"]["half_width"] is None


def test_the_table_of_evaluate_holds_the_figures_of_its_json(
    done: Callable[..., str], as_json: Callable[..., Any], here: Path
) -> None:
    arguments = ("evaluate", "--tasks", 4, "--queries", 3, "--shots", 2)
    value, printed = as_json(*arguments), in_one_line(done(*arguments))
    for figures in (value["eligible"], value["all_labels"]):
        for name in ("micro_auc", "macro_auc", "micro_f1", "zero_shot_micro_auc"):
            assert f"{100 * figures[name]['mean']:.1f} ± {100 * figures[name]['half_width']:.1f}" in printed


def test_too_few_queries_are_named(refused: Refused, here: Path) -> None:
    assert "use fewer ways, shots or queries" in refused(
        "data", "episode", "--run", "runs/sample", "--out", "x", "--ways", 23
    )
    assert "--ways, --shots, --queries and --tasks must be at least 1" in refused("evaluate", "--queries", 0)


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
