"""Folders whose folders are the labels of the files in them, as Hugging Face's image folders are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from desire_edge import DesireEdgeError, Support
from desire_edge.cli.inputs import rows_of
from desire_edge.data import load_files
from desire_edge.inputs import read_examples
from desire_edge.inputs.examples import Columns, Request


def write(folder: Path, *names: str) -> Path:
    """A folder with these files, each what its ending says."""
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".npy":
            np.save(path, np.full(3, number))
        elif path.suffix in (".jpg", ".png"):
            Image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        else:
            path.write_text(f"text number {number}")
    return folder


@pytest.mark.parametrize("ending", [".txt", ".npy", ".jpg", ".png"])
def test_each_file_has_the_label_that_its_folder_is_called(ending: str, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "pets", *(f"{name}{ending}" for name in ("cats/1", "dogs/2", "wild cats/3", "cats/0"))
    )
    (folder / ".git").mkdir()
    examples = read_examples(folder)
    assert [(Path(row.name).relative_to(folder).as_posix(), row.labels) for row in examples.rows] == [
        (f"cats/0{ending}", ("cats",)),
        (f"cats/1{ending}", ("cats",)),
        (f"dogs/2{ending}", ("dogs",)),
        (f"wild cats/3{ending}", ("wild cats",)),
    ]
    dataset = load_files(folder)
    assert dataset.labels == ("cats", "dogs", "wild cats") and dataset.warnings == ()
    assert (dataset.targets.sum(axis=1) == 1).all()
    assert Support.read(folder).names() == dataset.labels
    predicted = rows_of([folder], (), Columns(), None)
    assert [row.name for row in predicted] == [row.name for row in examples.rows]
    assert all(row.labels == () for row in predicted)


def test_folders_called_as_splits_hold_those_of_labels(tmp_path: Path) -> None:
    names = ("train/cats/1.txt", "train/dogs/2.txt", "Test/cats/3.txt", "val/dogs/4.txt")
    folder = write(tmp_path / "pets", *names)
    dataset = load_files(folder)
    assert dataset.labels == ("cats", "dogs")
    where = [Path(place).relative_to(folder).as_posix() for place in dataset.places]
    assert [name for name, test in zip(where, dataset.test_rows, strict=True) if test] == ["Test/cats/3.txt"]
    vehicles = write(tmp_path / "vehicles", "train/1.txt", "car/2.txt")
    assert load_files(vehicles).labels == ("car", "train"), "which is a label beside others"


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", "cats/1.png", "cats/2.webp", "birds/1.gif", "dogs/3.png")
    unreadable, unused = load_files(folder).warnings
    assert "2 files are of no kind that can be read, such as" in unreadable and "1.gif" in unreadable
    assert "no example carries the labels 'birds'" in unused


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("cats/1.txt", "2.txt"),
            "or put each file into a folder that is called as its label, and no file beside",
        ),
        (
            ("cats/1.txt", "cats/kittens/2.txt"),
            "mixes depths: .*kittens/2.txt does not lie directly in the folder",
        ),
        (
            ("train/cats/1.txt", "train/2.txt"),
            "mixes depths: .*train/2.txt does not lie directly in the folder",
        ),
        (("train/cats/1.txt", "dogs/2.txt"), "mixes depths: .*train/cats/1.txt does not lie directly"),
        (("train/1.txt", "test/2.txt"), "or put each file into a folder that is called as its label"),
    ],
)
def test_folders_that_mix_are_refused(names: tuple[str, ...], said: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", *names)
    for read in (read_examples, load_files, Support.read):
        with pytest.raises(DesireEdgeError, match=said) as refused:
            read(folder)
        assert refused.value.code == "metadata-none"


def test_links_that_lead_out_and_too_many_files_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "pets", "cats/1.txt", "cats/2.txt")
    with pytest.raises(DesireEdgeError, match="names more than 1 examples"):
        read_examples(folder, request=Request(max_examples=1))
    (tmp_path / "secret.txt").write_text("mine")
    (folder / "cats" / "3.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(DesireEdgeError, match="lies outside the folder"):
        read_examples(folder)
