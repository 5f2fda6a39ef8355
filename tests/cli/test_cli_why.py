"""`predict --why`: tables, JSON and a picture whose figures add up, and what is said where it cannot be told."""

from __future__ import annotations

import builtins
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from trained import Trained

from desire_edge import Bundle, Support


@pytest.fixture
def page(here: Path, sample_trained: Trained) -> str:
    """A query text of the sample's task, in the folder the commands run in."""
    shutil.copyfile(sorted(sample_trained.query.glob("*.txt"))[0], here / "page.txt")
    return "page.txt"


@pytest.mark.usefixtures("taught")
def test_a_table_says_what_spoke_and_adds_up(done: Callable[..., str], page: str) -> None:
    printed = done("predict", "taught", page, "--why")
    tables = re.findall(r"what spoke.*?in all: the log odds of the probability │ +([+-]\S+)", printed, re.S)
    bodies = re.findall(r"what spoke(.*?)in all:", printed, re.S)
    assert bodies
    for body, total in zip(bodies, tables, strict=True):
        values = [float(value) for value in re.findall(r"│ +([+-]\d\S*) │", body)]
        assert sum(values) == pytest.approx(float(total), abs=0.0005 * len(values))
        for words in ("its name", "base label ", "the other 49 base labels", "example ", "rounding"):
            assert words in body


@pytest.mark.usefixtures("taught")
def test_json_has_every_term(as_json: Callable[..., Any], page: str, sample_trained: Trained) -> None:
    (row,) = as_json("predict", "taught/model.onnx", page, "--why", "--bundle", "tagger.desire")[
        "predictions"
    ]
    assert list(row["why"]) == sample_trained.labels
    for label, found in row["why"].items():
        spoken = found["name"] + sum(found["base_labels"].values()) + sum(found["examples"])
        assert spoken + found["rounding"] == pytest.approx(found["logit"], abs=1e-9)
        assert 1 / (1 + np.exp(-found["logit"])) == pytest.approx(row["probabilities"][label], abs=1e-6)
        assert len(found["examples"]) == 10
    (plain,) = as_json("predict", "taught/model.onnx", page)["predictions"]
    assert plain == {name: value for name, value in row.items() if name != "why"}


@pytest.mark.usefixtures("taught")
def test_the_picture_is_a_png(done: Callable[..., str], here: Path, page: str) -> None:
    printed = done("predict", "taught", page, "--why-png", "why.png")
    assert "what spoke" not in printed
    with Image.open(here / "why.png") as image:
        assert image.format == "PNG"
        assert image.size[0] == 1200


@pytest.mark.usefixtures("taught")
def test_without_matplotlib_the_picture_is_refused_in_one_sentence(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, here: Path, page: str
) -> None:
    imported = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return imported(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    assert "install it with pip install matplotlib" in refused(
        "predict", "taught", page, "--why-png", "why.png"
    )
    assert not (here / "why.png").exists()


@pytest.mark.usefixtures("taught")
def test_a_bundle_is_for_why_alone(refused: Callable[..., str], page: str) -> None:
    assert "--bundle is for --why and --why-png" in refused(
        "predict", "taught", page, "--bundle", "tagger.desire"
    )


@pytest.mark.usefixtures("taught")
def test_a_forgotten_support_is_named(refused: Callable[..., str], here: Path, page: str) -> None:
    (here / "taught" / "task.safetensors").unlink()
    for model in ("taught", "taught/model.onnx"):
        assert "taught holds no task.safetensors (--forget-support leaves it away)" in refused(
            "predict", model, page, "--why"
        )


@pytest.mark.usefixtures("taught")
def test_a_model_beside_another_task_is_not_explained_by_it(
    refused: Callable[..., str], here: Path, page: str, sample_trained: Trained
) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    support = Support.read(sample_trained.support).first_shots(1)
    bundle.adapt(support, labels=sample_trained.labels).save(here / "other")
    shutil.copyfile(here / "other" / "model.onnx", here / "taught" / "model.onnx")
    assert "is not the one that the task.safetensors beside it gives" in refused(
        "predict", "taught", page, "--why"
    )
