"""The C++ client predicts by a user's part and a bundle's base as Python does, and refuses parts that do not fit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from cli.test_cli_bad_bundle import sign
from clients.conftest import Run
from numpy.typing import NDArray
from vectors.tiny import BASE_LABELS, BUNDLES, FOLDER

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.runtime.manifest import BASE
from desire_edge.runtime.part import ADAPTER, SAID

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

Refused = Callable[..., str]
TEXTS = {
    "a.txt": "Warm bread, and jazz.",
    "b.txt": "a train to Rome",
    "c.txt": "nothing it knows",
    "d.txt": "bread oven jazz trumpet linux kernel c++ rome train naïve dont 42 旅行",
}


def taught(bundle: str) -> Task:
    """A task of two labels and three examples."""
    support = Support.of(
        ["Bread from a hot oven", "jazz: a trumpet!", "linux"], [["bread"], ["jazz"], ["bread", "jazz"]]
    )
    return Bundle.open(FOLDER / bundle, "cpu").adapt(support)


@pytest.fixture
def texts(tmp_path: Path) -> list[str]:
    """Files of `TEXTS`, in the folder that the app runs in."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return [*TEXTS]


@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("threads", [None, 0, 2])
@pytest.mark.filterwarnings("ignore:.* words are known")
def test_it_predicts_by_a_part_and_the_base_as_python_does(
    bundle: str, threads: int | None, app: Run, texts: list[str], tmp_path: Path
) -> None:
    task = taught(bundle)
    task.save(tmp_path / "user", standalone=False)
    predictor = Bundle.open(FOLDER / bundle, "cpu").predictor(tmp_path / "user")
    for known in ([], ["cooking", "travel"]) if predictor.known_labels else ([],):
        told = ("--known-labels", ",".join(known)) if known else ()
        asked = () if threads is None else ("--threads", threads)
        done = app("predict", "--bundle", FOLDER / bundle, "user", *texts, *told, *asked, "--json")
        assert done.returncode == 0, done
        found = json.loads(done.stdout)["predictions"]
        expected = predictor.predict([*TEXTS.values()], [known] * len(TEXTS) if known else None)
        np.testing.assert_allclose(
            [[*row["probabilities"].values()] for row in found], expected, rtol=0, atol=1e-6
        )
        assert [row["labels"] for row in found] == [predictor.decide(row) for row in expected]
        assert {tuple(row["probabilities"]) for row in found} == {task.labels}


@pytest.mark.parametrize("bundle", BUNDLES)
def test_an_input_gives_the_same_alone_and_among_hundreds(
    bundle: str, app: Run, texts: list[str], tmp_path: Path
) -> None:
    """More than one run takes at once: 256."""
    taught(bundle).save(tmp_path / "user")
    by_model, by_part = ("taught/model.onnx",), ("--bundle", FOLDER / bundle, "user")
    shutil.copytree(tmp_path / "user", tmp_path / "taught")
    many = texts * 100
    for named in (by_model, by_part):
        found = json.loads(app("predict", *named, *many, "--json").stdout)["predictions"]
        assert len(found) == len(many) > 256
        for row, name in zip(found[-len(texts) :], texts, strict=True):
            (alone,) = json.loads(app("predict", *named, name, "--json").stdout)["predictions"]
            assert row["probabilities"] == pytest.approx(alone["probabilities"], rel=0, abs=1e-6)


def test_a_folder_that_python_wrote_is_replaced(app: Run, tmp_path: Path) -> None:
    for standalone in (True, False):
        taught("plain").save(tmp_path / "taught", standalone=standalone)
        done = app("adapt", FOLDER / "plain", "--labels", "music", "--out", "taught")
        assert done.returncode == 0, done
        assert {path.name for path in (tmp_path / "taught").iterdir()} == {"model.onnx", "task.safetensors"}


@pytest.mark.parametrize("name", ["bad", "1025", "-1", "", "1.5", "99999999999"])
def test_what_is_no_number_of_threads_is_refused(name: str, refused_by_app: Refused, tmp_path: Path) -> None:
    for command in (
        ("adapt", FOLDER / "plain", "--labels", "a", "--out", "taught"),
        ("predict", "m", "a.txt"),
    ):
        sentence = refused_by_app(*command, "--threads", name)
        assert (
            sentence
            == f"error: --threads is '{name}'; it must be a number from 1 to 1024, or 0 for all cores"
        )


def refused_alike(refused_by_app: Refused, app: Run, tmp_path: Path, code: str, bundle: str = "prior") -> str:
    """The sentence by which the app refuses the part in `user`, which Python refuses by the same code."""
    with pytest.raises(DesireEdgeError) as caught:
        Bundle.open(FOLDER / bundle, "cpu").predictor(tmp_path / "user")
    assert caught.value.code == code
    arguments = ("predict", "--bundle", FOLDER / bundle, "user", "a.txt")
    sentence = refused_by_app(*arguments)
    assert json.loads(app(*arguments, "--json").stdout)["error"]["code"] == code
    return sentence


SPOILED: dict[str, dict[str, object]] = {
    "another schema": {"schema_version": 2},
    "labels in a string": {"labels": "bread"},
    "a label of a number": {"labels": ["bread", 7]},
    "no label": {"labels": None},
    "a threshold too few": {"thresholds": [0.5]},
    "a threshold that is endless": {"thresholds": [0.5, 1e999]},
    "a threshold in words": {"thresholds": [0.5, "high"]},
    "a bundle that is a number": {"bundle": 5},
    "no base": {"base": None},
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_said_of_a_part_is_checked_as_python_does(
    name: str, refused_by_app: Refused, app: Run, texts: list[str], tmp_path: Path
) -> None:
    taught("prior").save(tmp_path / "user", standalone=False)
    said = json.loads((tmp_path / "user" / SAID).read_bytes())
    (tmp_path / "user" / SAID).write_text(json.dumps(said | SPOILED[name]))
    assert f"user/{SAID}" in refused_alike(refused_by_app, app, tmp_path, "task")


def test_a_part_of_another_bundle_is_refused(
    refused_by_app: Refused, app: Run, texts: list[str], tmp_path: Path
) -> None:
    taught("sparse").save(tmp_path / "user", standalone=False)
    sentence = refused_alike(refused_by_app, app, tmp_path, "task-bundle")
    assert sentence == f'error: user/{ADAPTER} was taught with another bundle, "sparse"; name that one'
    sentence = refused_alike(refused_by_app, app, tmp_path, "schema", "earlier/plain")
    assert f"is of an earlier version and has no {BASE}; export the bundle again" in sentence


@pytest.mark.parametrize("kept", [0, 4, 0.5, 0.95, None])
def test_an_adapter_cut_short_or_missing_is_refused(
    kept: float | None, refused_by_app: Refused, texts: list[str], tmp_path: Path
) -> None:
    taught("prior").save(tmp_path / "user", standalone=False)
    path = tmp_path / "user" / ADAPTER
    content = path.read_bytes()
    path.unlink()
    if kept is not None:
        path.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    assert f"user/{ADAPTER}" in refused_by_app("predict", "--bundle", FOLDER / "prior", "user", "a.txt")


Weights = dict[str, NDArray[np.float32]]
WEIGHTS: dict[str, Callable[[Weights], Weights]] = {
    "one too few": lambda part: {name: value for name, value in part.items() if name != "task.m"},
    "none": lambda part: {},
    "one that the base does not take": lambda part: {**part, "task.z": np.ones(2, np.float32)},
    "another dimension": lambda part: {**part, "task.l": part["task.l"][:-1]},
    "another number of labels in one": lambda part: {**part, "task.l": part["task.l"][:, :1].repeat(3, 1)},
    "more labels than are named": lambda part: {
        name: value[..., :1].repeat(3, -1) for name, value in part.items()
    },
    "a scalar": lambda part: {**part, "task.l": np.array(1, np.float32)},
    "not a number": lambda part: {**part, "task.b": np.full(2, np.nan, np.float32)},
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_the_base_does_not_take_are_refused(
    name: str, refused_by_app: Refused, texts: list[str], tmp_path: Path
) -> None:
    part = taught("prior").part
    (tmp_path / "user").mkdir()
    replace(part, weights=WEIGHTS[name](dict(part.weights))).write(tmp_path / "user")
    with pytest.raises(DesireEdgeError):
        Bundle.open(FOLDER / "prior", "cpu").predictor(tmp_path / "user")
    sentence = refused_by_app("predict", "--bundle", FOLDER / "prior", "user", "a.txt")
    assert ADAPTER in sentence or BASE in sentence


@pytest.mark.parametrize("without", ["task.l", "task.used", "probabilities", "known_labels"])
def test_a_base_without_what_the_manifest_says_is_refused_as_python_does(
    without: str, refused_by_app: Refused, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(FOLDER / "prior", tmp_path / "tagger.desire"))
    model = onnx.load(bundle / BASE)
    if without == "known_labels":  # a constant of one row, and no input
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.zeros((1, len(BASE_LABELS)), np.float32), without)
        )
    for values in (model.graph.input, model.graph.output):
        kept = [value for value in values if value.name != without]
        del values[:]
        values.extend(kept)
    (bundle / BASE).write_bytes(model.SerializeToString())
    sign(bundle)
    expected = "has not the inputs and outputs that the manifest says; copy the bundle again"
    sentence = refused_by_app("adapt", "tagger.desire", "--labels", "baking", "--out", "taught")
    assert sentence == f"error: tagger.desire/{BASE} {expected}"
    with pytest.raises(DesireEdgeError, match=expected):
        _ = Bundle.open(bundle, "cpu").adapt(labels=["baking"]).part
