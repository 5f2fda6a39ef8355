"""A task written as folders reads back as what it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clients.pictures import pictures
from trained import Trained

from desire_edge import DesireEdgeError, Support
from desire_edge.data import Dataset, Episode
from desire_edge.evaluation.folders import write_episode
from desire_edge.inputs.images import decode

VECTORS = Dataset(
    name="vectors",
    labels=("a", "b", "c"),
    targets=np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]], bool),
    test_rows=np.array([False, False, True, True]),
    features=np.array([[0, 1.5], [0, 0], [-2, 0.1], [1, 1]], np.float32),
    feature_names=(),
    texts=None,
    source="made here",
)
EPISODE = Episode(labels=np.array([2, 0]), support=np.array([3, 0]), query=np.array([2]))


def test_a_real_task_reads_back_with_its_labels(trained: Trained) -> None:
    dataset, episode = trained.run.data.dataset, trained.episode
    for folder, rows in ((trained.support, episode.support), (trained.query, episode.query)):
        support = Support.read(folder)
        targets, mask = support.targets(trained.labels, "negative")
        assert np.array_equal(targets, dataset.targets[np.ix_(rows, episode.labels)])
        assert mask.all()


def test_vectors_without_names_are_written_by_index(tmp_path: Path) -> None:
    write_episode(VECTORS, EPISODE, tmp_path / "task")
    examples = Support.read(tmp_path / "task" / "support").examples
    assert [(example.raw, example.labels) for example in examples] == [
        ({"0": 1.0, "1": 1.0}, ("a",)),
        ({"1": 1.5}, ("c", "a")),
    ]
    (query,) = Support.read(tmp_path / "task" / "query").examples
    assert query.raw == {"0": -2.0, "1": float(np.float32(0.1))}


def test_labels_of_the_data_set_that_are_not_the_tasks_stay_out(tmp_path: Path) -> None:
    write_episode(VECTORS, EPISODE, tmp_path / "task")
    lines = (tmp_path / "task" / "support" / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file_name": "00003.json", "labels": ["a"]},
        {"file_name": "00000.json", "labels": ["c", "a"]},
    ]


def test_known_labels_are_those_an_example_carries(tmp_path: Path) -> None:
    write_episode(VECTORS, EPISODE, tmp_path / "task", known=[1, 0])
    lines = (tmp_path / "task" / "support" / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["known_labels"] for line in lines] == [["b", "a"], ["a"]]
    (query,) = Support.read(tmp_path / "task" / "query").examples
    assert (query.labels, query.known_labels) == (("c",), ())


def test_pictures_are_written_as_they_are(tmp_path: Path) -> None:
    every = dict(pictures())
    jpeg, png = every["grey.jpg"], every["alpha.png"]
    (tmp_path / "mine.png").write_bytes(png)
    images = (jpeg, tmp_path / "mine.png", jpeg, tmp_path / "mine.png")
    for _ in range(2):
        write_episode(replace(VECTORS, features=None, images=images), EPISODE, tmp_path / "task")
    support = Support.read(tmp_path / "task" / "support").examples
    assert [example.labels for example in support] == [("a",), ("c", "a")]
    for example, content in zip(support, (png, jpeg), strict=True):
        assert np.array_equal(np.asarray(example.raw), decode(content, "the picture"))


def test_an_earlier_task_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        write_episode(VECTORS, EPISODE, tmp_path / "task")
    other = Episode(EPISODE.labels, np.array([1]), np.array([2]))
    write_episode(VECTORS, other, tmp_path / "task")
    assert len(Support.read(tmp_path / "task" / "support").examples) == 1


@pytest.mark.parametrize(
    "name", ["support/metadata.csv", "support/page.txt", "support/deep/00001.txt", "notes.txt"]
)
def test_what_is_no_task_is_not_replaced(name: str, tmp_path: Path) -> None:
    write_episode(VECTORS, EPISODE, tmp_path / "task")
    mine = tmp_path / "task" / name
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(DesireEdgeError, match="task exists and is no episode; choose another --out"):
        write_episode(VECTORS, EPISODE, tmp_path / "task")
    assert mine.read_text() == "mine"
