"""A user's own tables, matrices and texts on the command line: adapt, predict, train."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli.printed import in_one_line
from click.testing import CliRunner, Result
from trained import Trained

from desire_edge import Support
from desire_edge.cli import main

Cli = Callable[..., Result]
Refused = Callable[..., str]
TEXTS = ("Knead the dough, then bake the bread.", "A trumpet solo, then the drums.")


@pytest.fixture
def notes(sample_trained: Trained, tmp_path: Path) -> Path:
    """The support set of the trained model as a table, with columns of other names."""
    with (tmp_path / "notes.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["note", "my tags"])
        for example in Support.read(sample_trained.support).examples:
            writer.writerow([example.raw, "|".join(example.labels)])
    return tmp_path / "notes.csv"


COLUMNS = ("--text-column", "note", "--labels-column", "my tags", "--label-separator", "|")


def test_adapting_to_a_table_is_adapting_to_the_folder(
    sample_trained: Trained, notes: Path, cli: Cli, tmp_path: Path
) -> None:
    for support, out in (((notes, *COLUMNS), "table"), ((sample_trained.support,), "folder")):
        result = cli("adapt", sample_trained.bundle, "--support", *support, "--out", out)
        assert result.exit_code == 0, result.output
    for name in ("model.onnx", "task.safetensors"):
        assert (tmp_path / "table" / name).read_bytes() == (tmp_path / "folder" / name).read_bytes()


def test_columns_that_are_not_there_are_refused(
    sample_trained: Trained, notes: Path, refused: Refused, tmp_path: Path
) -> None:
    sentence = refused("adapt", sample_trained.bundle, "--support", notes, "--out", "out")
    assert "notes.csv has no column that is known to hold examples: it has note, my tags; name" in sentence
    assert not (tmp_path / "out").exists()


def test_labels_to_learn_are_not_the_column_of_labels(
    sample_trained: Trained, notes: Path, refused: Refused
) -> None:
    columns = ("--text-column", "note", "--labels", "my tags")
    sentence = refused("adapt", sample_trained.bundle, "--support", notes, *columns, "--out", "out")
    assert (
        "has no column that is known to hold labels: it has note, my tags; name it with --labels-column"
        in (sentence)
    )
    sentence = refused(
        "adapt", sample_trained.bundle, "--support", sample_trained.support, "--labels", "x", "--out", "out"
    )
    assert "--labels names none of its labels; it takes the labels to learn, and --labels-column" in sentence


def test_every_way_to_give_a_text_predicts_the_same(
    sample_trained: Trained, cli: Cli, as_json: Callable[..., Any], tmp_path: Path, refused: Refused
) -> None:
    cli("adapt", sample_trained.bundle, "--shots", 0, "--labels", "bread,music", "--out", "taught")
    (tmp_path / "folder").mkdir()
    for name, text in zip(("a.txt", "b.txt"), TEXTS, strict=True):
        (tmp_path / "folder" / name).write_text(text)
    expected = as_json("predict", "taught", "folder")["predictions"]
    assert [Path(row["file"]).name for row in expected] == ["a.txt", "b.txt"]

    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n\n" for text in TEXTS))
    pq.write_table(pa.table({"body": TEXTS, "labels": [["x", "x"], None]}), tmp_path / "a.parquet")
    (tmp_path / "inline").mkdir()
    (tmp_path / "inline" / "metadata.jsonl").write_text((tmp_path / "a.jsonl").read_text())
    lines, parquet = (
        [{"file": "a.jsonl", "line": n} for n in (1, 3)],
        [{"file": "a.parquet", "row": n} for n in (1, 2)],
    )
    inline = [{"file": "inline/metadata.jsonl", "line": n} for n in (1, 3)]
    given = [{"text": text} for text in TEXTS]
    cases: list[tuple[tuple[str, ...], list[dict[str, Any]]]] = [
        (("a.jsonl",), lines),
        (("a.parquet",), parquet),
        (("inline",), inline),
        (("--text", TEXTS[0], "--text", TEXTS[1]), given),
        (("a.parquet", "--text", "more"), [*parquet, {"text": "more"}]),
    ]
    for arguments, places in cases:
        found = as_json("predict", "taught/model.onnx", *arguments)["predictions"]
        assert [
            {name: row[name] for name in place} for row, place in zip(found, places, strict=True)
        ] == places
        assert [row["probabilities"] for row in found[:2]] == [row["probabilities"] for row in expected]

    typed = CliRunner().invoke(
        main, ["predict", "taught", "-", "--json"], input=f"{TEXTS[0]}\r\n\n{TEXTS[1]}"
    )
    found = json.loads(typed.stdout)["predictions"]
    assert [(row["file"], row["line"]) for row in found] == [("-", 1), ("-", 3)]
    assert [row["probabilities"] for row in found] == [row["probabilities"] for row in expected]
    assert TEXTS[0][:20] in in_one_line(cli("predict", "taught", "--text", TEXTS[0]).stdout)

    assert "there is nothing to predict; name a file or folder, give --text" in refused("predict", "taught")
    (tmp_path / "a.docx").write_text("")
    assert "or of many inputs JSON Lines (.jsonl), CSV" in refused("predict", "taught", "a.docx")
    assert "a.jsonl has no column 'body'" in refused("predict", "taught", "a.jsonl", "--text-column", "body")


SMALL = (
    *("--set", 'lexicon.sources=["words.vec"]', "--set", "meta.hidden=8", "--set", "text.vocabulary=300"),
    *(
        "--set",
        "maps=off",
        "--set",
        "words=off",
        "--set",
        "extractor.hidden=[16]",
        "--set",
        "extractor.epochs=1",
        "--set",
        "meta.batches=2",
    ),
    *("--set", "meta.folds=0", "--set", "validation_tasks=2"),
)


def corpus(folder: Path) -> list[dict[str, Any]]:
    """The sample corpus, and word vectors of its labels in the folder that commands run in."""
    lines = (resources.files("desire_edge.data") / "sample.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    labels = sorted({label for row in rows for label in row["labels"]})
    vectors = np.random.default_rng(0).normal(size=(len(labels), 8))
    words = (" ".join([label, *map(str, vector)]) for label, vector in zip(labels, vectors, strict=True))
    (folder / "words.vec").write_text("\n".join(words))
    return rows


def test_a_table_is_trained_on_with_given_labels_and_opened_again(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desire_edge.training.run import Run

    rows = corpus(tmp_path)
    with (tmp_path / "pages.csv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["headline", "words", "my tags", "source"])
        writer.writerows(
            [row["title"], row["text"], "|".join(row["labels"]), n // 3] for n, row in enumerate(rows)
        )
    novel = sorted({label for row in rows for label in row["labels"]})[::4]
    (tmp_path / "novel.txt").write_text("\n".join(novel))
    arguments = (
        "--text",
        "headline,words",
        "--labels",
        "my tags",
        "--label-separator",
        "|",
        "--group",
        "source",
    )
    result = cli("train", "--data", "pages.csv", *arguments, "--novel", "novel.txt", *SMALL, "--out", "run")
    assert result.exit_code == 0, result.output
    assert "text from headline, words; labels from my tags; group from source" in in_one_line(result.stderr)
    monkeypatch.chdir("/")
    run = Run.open(tmp_path / "run", __import__("torch").device("cpu"))
    assert [run.data.dataset.labels[label] for label in sorted(run.data.split.novel)] == novel
    train, query = (
        {row // 3 for row in part.tolist()} for part in (run.data.rows.train, run.data.rows.query)
    )
    assert train and query and not train & query


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pages.npz", "pages.parquet", "pages.arff"])
def test_other_formats_are_two_commands_from_a_prediction(name: str, cli: Cli, tmp_path: Path) -> None:
    rows = corpus(tmp_path)
    labels = sorted({label for row in rows for label in row["labels"]})
    marks = np.array([[label in row["labels"] for label in labels] for row in rows])
    x = np.random.default_rng(0).random((len(rows), 8)).astype(np.float32)
    if name == "pages.npz":
        np.savez(tmp_path / name, x=x, y=marks, label_names=np.array(labels))
    elif name == "pages.parquet":
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    else:
        head = ["@relation pages", *(f"@attribute f{n} numeric" for n in range(8))]
        head += [f"@attribute {label} {{0,1}}" for label in labels] + ["@data"]
        body = [
            ",".join([*map(str, values), *map(str, row.astype(int))])
            for values, row in zip(x, marks, strict=True)
        ]
        (tmp_path / name).write_text("\n".join([*head, *body]))
        elements = "".join(f'<label name="{label}"/>' for label in labels)
        (tmp_path / "pages.xml").write_text(f"<labels>{elements}</labels>")
    for arguments in (
        ("train", "--data", name, *SMALL, "--out", "run"),
        ("export", "run", "--out", "a.desire", "--ways", 3),
        ("adapt", "a.desire", "--shots", 0, "--labels", "bread,music", "--out", "taught"),
        ("predict", "taught", name, "--json"),
    ):
        result = cli(*arguments)
        assert result.exit_code == 0, (arguments, result.output)
    assert len(json.loads(result.stdout)["predictions"]) == len(rows)
