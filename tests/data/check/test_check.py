"""Data sets with one thing wrong, each found where it is; and the sample corpus, with nothing wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from desire_edge.data import Dataset, load_dataset, load_sample
from desire_edge.data.check import Checked, check, train_command
from desire_edge.data.check.inputs import languages
from desire_edge.data.check.labels import QUERIES, SHOTS, TRAINING_QUERIES, TRAINING_SHOTS, TRAINING_WAYS
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.sources import Source
from desire_edge.training.config import MetaConfig, TrainConfig
from desire_edge.training.run import Run

COMMAND = "desire-edge train"
PLACES = ["the river", "mountain", "harbour", "forest", "library", "bakery", "station", "museum"]
DOINGS = ["swimming", "reading", "cooking", "painting", "walking", "singing", "sailing", "waiting"]


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory: pytest.TempPathFactory) -> Lexicon:
    """A lexicon of some words, each with a vector of its own."""
    words = ["water", "books", "food", "art", "sport", "music", "boats", "time", "travel", "science"]
    vectors = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    source = Source("words", words, np.arange(len(words)), vectors, 1.0)
    return build_lexicon([source], tmp_path_factory.mktemp("lexicon") / "lexicon.safetensors")


def sentence(row: int) -> str:
    """A text unlike those of other rows, in plain English."""
    place, doing = PLACES[row % 8], DOINGS[row // 8 % 8]
    return (
        f"On day {row} number {row * 7919 % 1000} of us went {doing} near {place} in the year {1000 + row * 31}, "
        f"and {row * 104729 % 9973} people watched what came of it"
    )


def records(count: int = 160) -> list[dict[str, object]]:
    """Texts with labels in turn, every label often enough for every task."""
    names = ["water", "books", "food", "art", "sport", "music", "boats", "time"]
    return [
        {"text": sentence(row), "labels": sorted({names[row % 8], names[row // 8 % 8]})}
        for row in range(count)
    ]


def checked(path: Path, lines: Sequence[object], lexicon: Lexicon) -> Checked:
    file = path / "data.jsonl"
    file.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")
    return check(load_dataset(str(file)), lexicon, COMMAND)


def found(result: Checked, code: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(finding.message, finding.places) for finding in result.findings if finding.code == code]


def test_the_numbers_are_those_of_the_tasks() -> None:
    config = MetaConfig()
    assert (config.shots[0], config.queries) == (SHOTS, TRAINING_QUERIES)
    assert (config.ways[0], config.shots[1]) == (TRAINING_WAYS, TRAINING_SHOTS)
    assert QUERIES == 15


def test_figures(tmp_path: Path, lexicon: Lexicon) -> None:
    result = checked(tmp_path, records(), lexicon)
    assert (result.kind, result.examples, result.test_examples) == ("text", 160, 32)
    assert len(result.counts) == 8
    assert [count for _, count in result.counts] == sorted(
        (count for _, count in result.counts), reverse=True
    )
    assert sum(count for _, count in result.counts) == pytest.approx(160 * result.labels_per_example, abs=1)
    assert result.columns == {"text": "text", "labels": "labels"}
    assert result.languages == {"en": 1.0}
    assert {finding.code for finding in result.findings} <= {"tasks", "tasks-thin"}, (
        "8 labels are few to split"
    )
    assert json.loads(json.dumps(result.to_json()))["counts"] == dict(result.counts)


def test_rare_and_common_labels_and_examples_without(tmp_path: Path, lexicon: Lexicon) -> None:
    lines = records()
    for row, line in enumerate(lines):
        line["labels"] = [*line["labels"], *["science"] * (row < 5), *["travel"] * (row < 155)]  # type: ignore[misc]
    lines.append({"text": "Nobody has said what this is about, nor looked at it", "labels": []})
    result = checked(tmp_path, lines, lexicon)
    assert found(result, "labels-rare")[0][1] == ("'science' (5)",)
    assert "1 label of 10 with fewer than 6 examples" in found(result, "labels-rare")[0][0]
    assert found(result, "labels-few")[0][1] == ("'science' (5)",)
    assert found(result, "labels-everywhere")[0][1] == ("'travel' (155)",)
    assert "1 example without a label" in found(result, "unlabelled")[0][0]


def test_too_few_labels_to_split_or_to_draw_tasks_from(tmp_path: Path, lexicon: Lexicon) -> None:
    few = [{**line, "labels": [["water", "food", "art"][row % 3]]} for row, line in enumerate(records(60))]
    result = checked(tmp_path, few, lexicon)
    assert "3 labels cannot be split" in found(result, "split")[0][0]
    assert result.command is None and result.missing == found(result, "split")[0][0]
    thin = [{**line, "labels": [f"label {row % 8}"]} for row, line in enumerate(records(40))]
    result = checked(tmp_path, thin, lexicon)
    assert "only 0 of 5 labels have 5 support and 5 query rows" in found(result, "training")[0][0]
    assert (result.command, result.missing) == (COMMAND, None)  # the default head asks for no tasks
    config = TrainConfig(data=str(tmp_path / "data.jsonl"), head="paper")
    with pytest.raises(DesireEdgeError, match="only 0 of 5 labels have 5 support and 5 query rows"):
        Run.create(tmp_path / "run", config, torch.device("cpu"), None, print)
    result = checked(tmp_path, records(), lexicon)
    assert (result.command, result.missing) == (COMMAND, None)
    assert any(
        "`evaluate` cannot draw its tasks: only 2 of 2 labels" in message
        for message, _ in found(result, "tasks")
    )


def test_names(tmp_path: Path, lexicon: Lexicon) -> None:
    lines = records()
    lines[0]["labels"], lines[1]["labels"], lines[2]["labels"] = (
        ["zzgrmpf"],
        ["Sail-Boats"],
        ["sail boats", "C", "C++"],
    )
    result = checked(tmp_path, lines, lexicon)
    assert "'zzgrmpf'" in found(result, "names-unknown")[0][1]
    assert found(result, "names-alike")[0][1] == ("'Sail-Boats' and 'sail boats'",)


def test_repeats_name_both_lines_and_twins_across_the_parts(tmp_path: Path, lexicon: Lexicon) -> None:
    lines = [{**line, "split": "train"} for line in records()]
    first = str(lines[2]["text"])
    lines += [
        {"text": f"  {first.upper()} ", "labels": lines[2]["labels"], "split": "test"},
        {"text": lines[3]["text"], "labels": ["science"], "split": "train"},
        {"text": first.replace("watched", "saw"), "labels": ["food"], "split": "test"},
        {"text": sentence(1234), "labels": ["food"], "split": "test"},
    ]
    result = checked(tmp_path, lines, lexicon)
    assert found(result, "duplicates")[0][1] == ("data.jsonl, line 161 like data.jsonl, line 3",)
    assert found(result, "duplicates-differ")[0][1] == ("data.jsonl, line 162 like data.jsonl, line 4",)
    assert found(result, "near-duplicates")[0][1] == ("data.jsonl, line 163 like data.jsonl, line 3",)
    message, places = found(result, "twins")[0]
    assert places == ("data.jsonl, line 161", "data.jsonl, line 163")
    assert message.startswith("2 test examples of 3 with a duplicate or near-duplicate in the training part")


def test_near_duplicates_of_one_group_are_no_twins(tmp_path: Path, lexicon: Lexicon) -> None:
    lines = records()
    lines += [{**line, "text": str(line["text"]).replace("watched", "saw")} for line in lines]
    apart = checked(tmp_path, lines, lexicon)
    together = checked(tmp_path, [{**line, "group": row % 160} for row, line in enumerate(lines)], lexicon)
    assert found(apart, "twins") and not found(together, "twins")
    assert len(found(together, "near-duplicates")[0][1]) == 160


def test_short_texts_and_other_languages(tmp_path: Path, lexicon: Lexicon) -> None:
    lines = records(80)
    lines[5]["text"] = "hm"
    german = (
        "Am Morgen gingen wir zum Fluss und sahen den Fischern lange zu, Tag {}, bis es wieder dunkel wurde"
    )
    lines += [{"text": german.format(row), "labels": ["water"]} for row in range(40)]
    result = checked(tmp_path, lines, lexicon)
    assert found(result, "texts-short")[0][1] == ("data.jsonl, line 6 ('hm')",)
    assert result.languages["de"] == pytest.approx(40 / 119, abs=0.01)
    assert "de 34%" in found(result, "languages")[0][0]
    assert languages(["short"]) == {}


def test_pictures_that_are_broken_small_or_alike(tmp_path: Path, lexicon: Lexicon) -> None:
    random = np.random.default_rng(0)
    lines = []
    for row in range(40):
        small = random.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        picture = Image.fromarray(small).resize((96, 72), Image.Resampling.BICUBIC)
        picture.save(tmp_path / f"{row}.png")
        lines.append(
            {"file_name": f"{row}.png", "labels": [["water", "food", "art", "sport", "time"][row % 5]]}
        )
    with Image.open(tmp_path / "3.png") as picture:
        picture.resize((120, 90)).convert("RGB").save(tmp_path / "40.jpg", quality=80)
    (tmp_path / "41.png").write_bytes((tmp_path / "4.png").read_bytes())
    (tmp_path / "42.png").write_bytes((tmp_path / "5.png").read_bytes()[:200])
    Image.new("RGB", (16, 300), (200, 10, 10)).save(tmp_path / "43.png")
    lines += [{"file_name": name, "labels": ["art"]} for name in ("40.jpg", "41.png", "42.png", "43.png")]
    (tmp_path / "metadata.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    seen: list[str] = []
    result = check(load_dataset(str(tmp_path)), lexicon, "", lambda step, done, total: seen.append(step))
    assert result.kind == "picture" and seen.count("pictures") == 44
    assert (
        len(found(result, "pictures-broken")[0][1]) == 1
        and "42.png" in found(result, "pictures-broken")[0][1][0]
    )
    assert found(result, "pictures-small")[0][1] == ("43.png (16 × 300)",)
    assert found(result, "near-duplicates")[0][1] == ("40.jpg like 3.png",)
    assert found(result, "duplicates-differ")[0][1] == ("41.png like 4.png",)


def test_vectors_of_zeros_and_features_that_never_change(lexicon: Lexicon) -> None:
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    x[:, 2] = 0
    x[7] = 0
    x[9] = x[8]
    labels = ("water", "food", "art", "sport")
    targets = np.eye(4, dtype=np.bool_)[np.arange(60) % 4]
    dataset = Dataset("vectors", labels, targets, np.arange(60) >= 50, x, ("a", "b", "c", "d"), None, "here")
    result = check(dataset, lexicon, "")
    assert result.kind == "vector"
    assert found(result, "vectors-zero")[0][1] == ("row 8",)
    assert found(result, "features-constant")[0][1] == ("'c'",)
    assert found(result, "duplicates-differ")[0][1] == ("row 10 like row 9",)


def test_what_the_reader_warned_of_comes_first(tmp_path: Path, lexicon: Lexicon) -> None:
    file = tmp_path / "data.csv"
    file.write_text(
        "text,tags\n" + "".join(f'{sentence(row)!r},"water,food"\n' for row in range(30)).replace("'", '"')
    )
    dataset = load_dataset(str(file))
    assert dataset.warnings
    assert [finding.message for finding in check(dataset, lexicon, "").findings][
        : len(dataset.warnings)
    ] == list(dataset.warnings)


def test_the_sample_corpus_has_no_twins(lexicon: Lexicon) -> None:
    result = check(load_sample(), lexicon, "")
    assert not {
        "twins",
        "duplicates",
        "near-duplicates",
        "labels-rare",
        "labels-few",
        "unlabelled",
        "names-alike",
    } & {finding.code for finding in result.findings}
    assert "knitting" in found(result, "names-unknown")[0][0] or any(
        "knitting" in where for where in found(result, "names-unknown")[0][1]
    ), "ten words are no English"


def test_the_command_that_trains_names_the_same_columns() -> None:
    columns = {
        "text": ("title", "body text"),
        "labels": ("tags",),
        "label_separator": "|",
        "test": "more.csv",
    }
    assert train_command("my data.csv", columns) == (
        "desire-edge train --data 'my data.csv' --text 'title,body text' --labels tags --label-separator '|' "
        "--test more.csv"
    )
