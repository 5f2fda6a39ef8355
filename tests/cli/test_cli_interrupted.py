"""Commands that are cut off by a full disk or a kill: the old output stays whole, and no half of a new one appears."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from click.testing import Result
from trained import Trained
from training.cases import SMALL

from desire_edge import Bundle, DesireEdgeError
from desire_edge.training.checkpoint import Progress, load_checkpoint, save_checkpoint

Refused = Callable[..., str]


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """While this lasts no file of this process can grow beyond `size` bytes: real errors, as on a full disk."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def taught(sample_trained: Trained, tmp_path: Path) -> Path:
    """An earlier task."""
    return Bundle.open(sample_trained.bundle).adapt(labels=["bread"]).save(tmp_path / "taught")


def test_adapting_on_a_full_disk_keeps_the_earlier_task(
    sample_trained: Trained, taught: Path, refused: Refused, tmp_path: Path
) -> None:
    before = contents(tmp_path)
    with disk_of(100_000):
        sentence = refused(
            "adapt", sample_trained.bundle, "--support", sample_trained.support, "--out", "taught"
        )
    assert sentence.endswith("could not write taught: File too large; what was there before is unchanged")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("size", [100_000, 3_000_000])  # the first graph fails; the lexicon fails
def test_exporting_on_a_full_disk_writes_no_bundle(
    size: int, sample_trained: Trained, refused: Refused, tmp_path: Path
) -> None:
    with disk_of(size):
        sentence = refused("export", sample_trained.run.folder, "--out", "tagger.desire")
    assert "could not write tagger.desire: File too large" in sentence
    assert not list(tmp_path.iterdir())


def test_drawing_a_task_on_a_full_disk_writes_no_folder(
    sample_trained: Trained, refused: Refused, tmp_path: Path
) -> None:
    with disk_of(20):
        sentence = refused("data", "episode", "--run", sample_trained.run.folder, "--out", "task")
    assert "could not write task: File too large" in sentence
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_on_a_full_disk_keeps_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {"w": torch.ones(3)}, Progress(finished=1))
    with disk_of(1000), pytest.raises(DesireEdgeError, match="could not write"):
        save_checkpoint(path, {"w": torch.ones(3000)}, Progress(finished=2))
    tensors, progress = load_checkpoint(path)
    assert progress.finished == 1
    assert torch.equal(tensors["w"], torch.ones(3))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.safetensors"]


KILL = """
import os, signal, sys

def hook(event, arguments):
    here = event == {event!r} and any(str(argument).endswith({name!r}) for argument in arguments[:2])
    if here and arguments[1] not in ("r", "rb"):
        os.kill(os.getpid(), signal.SIGKILL)

from desire_edge.cli import main
sys.addaudithook(hook)
main()
"""
"""Runs the command line in a process that is killed when it opens a file of this name to write it, before one is put
in its place, or before the system call that does so with a new folder."""


@pytest.mark.parametrize(
    ("event", "name"), [("open", "model.onnx"), ("open", "task.safetensors"), ("ctypes.dlsym", "")]
)
def test_adapting_until_a_kill_keeps_the_earlier_task(
    event: str, name: str, sample_trained: Trained, taught: Path, tmp_path: Path
) -> None:
    before = contents(taught)
    arguments = ("adapt", sample_trained.bundle, "--shots", "0", "--labels", "jazz", "--out", "taught")
    code = KILL.format(event=event, name=name)
    result = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=tmp_path, check=False)
    assert result.returncode == -signal.SIGKILL
    assert contents(taught) == before
    assert len(list(tmp_path.iterdir())) == 2, "the kill came while the new folder was being written"


@pytest.mark.slow
def test_training_that_is_killed_between_folds_goes_on_to_the_same_model(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    settings = (*SMALL, "meta.folds=3", "meta.ways=[2, 4]")
    arguments = ["train", "--data", "sample", *(part for name in settings for part in ("--set", name))]
    code = KILL.format(event="os.rename", name="fold-1.safetensors")
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--out", "killed"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # as in this process: sums come out the same
        check=False,
    )
    assert result.returncode == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "killed").glob("fold-*")] == ["fold-0.safetensors"]
    told = json.loads(cli("info", "killed", "--json").stdout)
    assert (told["stage"], told["done"]) == ("folds", 1)

    assert cli("train", "--resume", "killed").exit_code == 0
    assert cli(*arguments, "--out", "whole").exit_code == 0
    (resumed, _), (whole, _) = (
        load_checkpoint(tmp_path / name / "checkpoint.safetensors") for name in ("killed", "whole")
    )
    assert resumed.keys() == whole.keys()
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)
    assert not list((tmp_path / "killed").glob("fold-*"))
