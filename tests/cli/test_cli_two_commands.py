"""From files that a user has to predictions of new labels: `train --export`, then `adapt --predict`."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragged import image_bundle
from trained import Trained

from desire_edge import Bundle, Support
from desire_edge.inputs import read_examples

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_data.py"
OWN = runpy.run_path(str(EXAMPLE))  # what writes the files
NEW_LABELS = set(OWN["NEW_LABELS"])
PLAIN = Path(__file__).parents[1] / "vectors" / "plain"  # a bundle that takes vectors of 13 numbers too


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`my`, `new` and `more` of every kind, in folders of its name."""
    folder = tmp_path_factory.mktemp("own")
    OWN["sets_of_files"](folder, ["csv", "parquet", "arff", "pictures"], 2, 200)
    return folder


# The second command


def answer(values: Any) -> list[dict[str, float]]:
    return [prediction["probabilities"] for prediction in values["predictions"]]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_are_adapted_to_and_predicted(
    kind: str, files: Path, sample_trained: Trained, as_json: Callable[..., Any]
) -> None:
    new, more = files / kind / f"new.{kind}", files / kind / f"more.{kind}"
    told = as_json("adapt", sample_trained.bundle, "--support", new, "--out", "taught", "--predict", more)
    assert {label["name"] for label in told["labels"]} == NEW_LABELS
    task = Bundle.open(sample_trained.bundle, "cpu").adapt(Support.read(new))
    expected = task.predict([row.read() for row in read_examples(more).rows])
    later = as_json("predict", "taught", more)
    for values in (told, later):
        found = np.array([list(row.values()) for row in answer(values)])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert [row["labels"] for row in later["predictions"]] == [row["labels"] for row in told["predictions"]]
    assert [prediction["labels"] for prediction in told["predictions"]] == [
        task.decide(row) for row in expected
    ]


def test_pictures_are_adapted_to_and_predicted(
    files: Path, tmp_path: Path, as_json: Callable[..., Any]
) -> None:
    bundle, pictures = image_bundle(tmp_path / "pictures.desire"), files / "pictures"
    told = as_json(
        "adapt", bundle, "--support", pictures / "new", "--out", "taught", "--predict", pictures / "more"
    )
    assert [prediction["file"] for prediction in told["predictions"]] == sorted(
        str(file) for file in (pictures / "more").glob("*.png")
    )
    later = as_json("predict", "taught", pictures / "more")
    for found, expected in zip(answer(later), answer(told), strict=True):
        assert found == pytest.approx(expected, abs=1e-6)


def test_counts_of_words_are_adapted_to_and_predicted(tmp_path: Path, as_json: Callable[..., Any]) -> None:
    rows = OWN["parts"](OWN["texts"]()[:200], NEW_LABELS)
    words = [*"abcdefghijklm"]  # as many as the bundle takes
    for name, some in zip(("my", "new", "more"), rows, strict=True):
        OWN["write_arff"](tmp_path / f"{name}.arff", some, words)
    told = as_json("adapt", PLAIN, "--support", "new.arff", "--out", "taught", "--predict", "more.arff")
    assert len(told["predictions"]) == len(rows[2])
    assert told["predictions"] == as_json("predict", "taught", "more.arff")["predictions"]


def test_what_is_predicted_is_shown_and_columns_are_named(
    sample_trained: Trained, done: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "notes.csv").write_text(
        "id,body,tags\n1,Plant the seeds in spring.,gardening\n2,A goal.,football\n"
    )
    (tmp_path / "more.csv").write_text("id,body\n1,Water the young plants.\n")
    shown = done(
        "adapt", sample_trained.bundle, "--support", "notes.csv", "--text-column", "body", "--labels-column", "tags",
        "--out", "taught", "--predict", "more.csv",
    )  # fmt: skip
    assert "wrote taught" in shown
    assert "more.csv" in shown.partition("wrote taught")[2]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("nowhere.csv", "there is no file or folder nowhere.csv"), ("picture.png", "picture.png")],
)
def test_what_cannot_be_predicted_is_refused_before_anything_is_written(
    asked: str,
    expected: str,
    files: Path,
    sample_trained: Trained,
    refused: Callable[..., str],
    tmp_path: Path,
) -> None:
    picture = next((files / "pictures" / "more").glob("*.png"))
    (tmp_path / "picture.png").write_bytes(picture.read_bytes())
    assert expected in refused(
        "adapt",
        sample_trained.bundle,
        "--support",
        files / "csv" / "new.csv",
        "--out",
        "taught",
        "--predict",
        asked,
    )
    assert not (tmp_path / "taught").exists()


# Both


def test_a_csv_becomes_a_bundle_and_predictions(
    files: Path, as_json: Callable[..., Any], tmp_path: Path
) -> None:
    folder = files / "csv"
    quick = [word for setting in OWN["QUICK"] for word in ("--set", setting)]
    trained = as_json("train", "--data", folder / "my.csv", "--export", "my.desire", "--out", "run", *quick)
    assert not NEW_LABELS & set(trained["export"]["manifest"]["base_labels"])
    told = as_json(
        "adapt",
        "my.desire",
        "--support",
        folder / "new.csv",
        "--out",
        "taught",
        "--predict",
        folder / "more.csv",
    )
    assert all(set(row) == NEW_LABELS for row in answer(told))
    assert (tmp_path / "taught" / "model.onnx").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("kind", "least"), [("csv", 0.9), ("parquet", 0.9), ("arff", 0.55), ("pictures", 0.8)]
)
def test_new_labels_are_learned_from_own_data(kind: str, least: float, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), "--out", str(tmp_path / "own"), "--kinds", kind]
    printed = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
    ).stdout
    said = printed.strip().splitlines()[-1]
    assert said.startswith(f"{kind}: AUC ")
    assert float(said.split()[2]) >= least, printed
