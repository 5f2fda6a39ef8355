"""Bundles, tasks and predictors in other processes: pickled and copied by path or bytes, opened anew there."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task
from desire_edge.runtime.archive import pack

FOLDER = Path(__file__).parents[1] / "vectors"
SUPPORT = Support.of(
    ["Bread from a hot oven", "jazz, a trumpet", "a train to Rome"], [["baking"], ["jazz"], []]
)
TEXTS = ["Warm bread, and jazz.", "the linux kernel", "a trumpet on a train"]
BUNDLE_BYTES = sum(file.stat().st_size for file in (FOLDER / "plain").iterdir())

Thing = Bundle | Task | Predictor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a small bundle, as a folder and as a zip."""
    shutil.copytree(FOLDER / "plain", tmp_path / "tagger.desire")
    pack(tmp_path / "tagger.desire", tmp_path / "zip.desire")
    return tmp_path


def fresh(folder: Path) -> Bundle:
    return Bundle.open(folder / "tagger.desire", "cpu")


def used(folder: Path) -> Bundle:
    bundle = fresh(folder)
    bundle.adapt(SUPPORT)
    return bundle


def zipped(folder: Path) -> Bundle:
    bundle = Bundle.open(folder / "zip.desire", "cpu")
    bundle.adapt(SUPPORT)
    return bundle


def task(folder: Path) -> Task:
    task = fresh(folder).adapt(SUPPORT)
    task.predict(TEXTS)
    return task


def task_of_a_zip(folder: Path) -> Task:
    return zipped(folder).adapt(SUPPORT).add(labels=["travel"])


def predictor(folder: Path) -> Predictor:
    return Predictor(fresh(folder).adapt(SUPPORT).save(folder / "taught"), "cpu")


def predictor_of_bytes(folder: Path) -> Predictor:
    return Predictor(fresh(folder).adapt(SUPPORT).model, "cpu")


MAKERS = (fresh, used, zipped, task, task_of_a_zip, predictor, predictor_of_bytes)


@pytest.fixture(params=MAKERS, ids=[make.__name__ for make in MAKERS])
def thing(request: pytest.FixtureRequest, folder: Path) -> Thing:
    """Each of what is opened in turn."""
    made: Thing = request.param(folder)
    return made


def answer(thing: Thing) -> list[Any]:
    """All that it can do, to the bit."""
    if isinstance(thing, Predictor):
        return [thing.labels, thing.thresholds, thing.predict(TEXTS).tolist()]
    if isinstance(thing, Bundle):
        thing = thing.adapt(SUPPORT)
    more = thing.add(Support.of(["naïve"], [["art"]]))
    return [thing.model, thing.labels, thing.predict(TEXTS).tolist(), more.model, more.undo().model]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_is_pickled_does_what_it_did(thing: Thing, protocol: int) -> None:
    there = pickle.loads(pickle.dumps(thing, protocol))
    assert type(there) is type(thing)
    assert answer(there) == answer(thing)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_does_what_it_did(thing: Thing, copied: Callable[[Thing], Thing]) -> None:
    assert answer(copied(thing)) == answer(thing)


def test_a_copy_of_a_copy_outlives_both(thing: Thing) -> None:
    expected = answer(thing)
    there = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(thing))))
    del thing
    assert answer(there) == expected


def test_a_bundle_is_pickled_as_its_path(folder: Path) -> None:
    for bundle in (used(folder), zipped(folder)):
        assert len(pickle.dumps(bundle)) < 1000 < BUNDLE_BYTES
    assert len(pickle.dumps(predictor(folder))) < 1000 < len(predictor_of_bytes(folder)._model)  # type: ignore[arg-type]


def test_a_task_is_pickled_without_the_model_that_its_bundle_makes(folder: Path) -> None:
    made = task(folder)
    made.predict(["bread"])
    assert len(pickle.dumps(made)) < len(made.model)


def test_a_path_is_meant_from_where_it_was_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task(folder).save(folder / "taught")
    monkeypatch.chdir(folder)
    opened: list[Thing] = [
        Bundle.open("tagger.desire", "cpu"), Bundle.open("zip.desire", "cpu"), Predictor("taught", "cpu")
    ]  # fmt: skip
    content = pickle.dumps(opened)
    monkeypatch.chdir("/")
    assert [answer(there) for there in pickle.loads(content)] == [
        answer(Bundle.open(folder / "tagger.desire", "cpu")),
        answer(Bundle.open(folder / "zip.desire", "cpu")),
        answer(Predictor(folder / "taught", "cpu")),
    ]


# Other processes


def refuse(thing: Bundle) -> None:
    thing.adapt(labels=["a", "a"])


def test_spawned_processes_do_and_refuse_what_this_one_does(folder: Path) -> None:
    things = [make(folder) for make in MAKERS]
    with multiprocessing.get_context("spawn").Pool(1, os.chdir, ("/",)) as pool:
        assert pool.map(answer, things) == [answer(thing) for thing in things]
        with pytest.raises(DesireEdgeError, match="the label 'a' is named twice") as refused:
            pool.map(refuse, [fresh(folder)])
    assert refused.value.code == "name-twice"


def test_joblib_does_what_this_process_does(folder: Path) -> None:
    things = [make(folder) for make in MAKERS]
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(answer)(thing) for thing in things)
    assert found == [answer(thing) for thing in things]


class Predicted:
    """Texts with what models say of them."""

    def __init__(self, *models: Task | Predictor) -> None:
        self.models = models

    def __len__(self) -> int:
        return len(TEXTS)

    def __getitem__(self, index: int) -> list[np.ndarray[Any, Any]]:
        return [model.predict([TEXTS[index]])[0] for model in self.models]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_workers_of_a_data_loader_do_what_this_process_does(method: str, folder: Path) -> None:
    from torch.utils.data import DataLoader  # here, for the processes of other tests need not import it

    models: list[Task | Predictor] = [task(folder), predictor(folder)]
    texts: Any = Predicted(*models)
    loader: DataLoader[Any] = DataLoader(
        texts, batch_size=2, num_workers=1, multiprocessing_context=method, timeout=120
    )
    for model, batches in zip(models, zip(*loader, strict=True), strict=True):
        np.testing.assert_allclose(np.concatenate(batches), model.predict(TEXTS), rtol=0, atol=1e-6)


# What is no longer there


def another_model(folder: Path) -> None:
    fresh(folder).adapt(labels=["music"]).save(folder / "taught")


def another_folder(folder: Path) -> None:
    shutil.rmtree(folder / "tagger.desire")
    shutil.copytree(FOLDER / "known", folder / "tagger.desire")


def another_zip(folder: Path) -> None:
    pack(FOLDER / "known", folder / "zip.desire")


@pytest.mark.parametrize(
    ("make", "change", "named"),
    [
        (used, another_folder, "tagger.desire is not the bundle"),
        (task, another_folder, "tagger.desire is not the bundle"),
        (zipped, another_zip, "zip.desire is not the bundle"),
        (predictor, another_model, "model.onnx is not the model"),
    ],
)
def test_what_was_changed_since_is_refused(
    make: Callable[[Path], Thing], change: Callable[[Path], None], named: str, folder: Path
) -> None:
    thing = make(folder)
    content = pickle.dumps(thing)
    change(folder)
    for again in (partial(pickle.loads, content), partial(copy.deepcopy, thing)):
        with pytest.raises(
            DesireEdgeError, match=f"{named} that was pickled or copied \\(its SHA-256 differs"
        ):
            again()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (task, "tagger.desire is not a bundle: it holds no manifest.json"),
        (zipped, "zip.desire is not a bundle: it holds no manifest.json"),
        (predictor, "cannot read .*model.onnx: No such file"),
    ],
)
def test_what_is_gone_is_named(make: Callable[[Path], Thing], expected: str, folder: Path) -> None:
    content = pickle.dumps(make(folder))
    shutil.rmtree(folder)
    with pytest.raises(DesireEdgeError, match=expected):
        pickle.loads(content)


def test_a_predictor_of_bytes_needs_no_file(folder: Path) -> None:
    made = predictor_of_bytes(folder)
    content, expected = pickle.dumps(made), answer(made)
    shutil.rmtree(folder)
    assert answer(pickle.loads(content)) == expected
