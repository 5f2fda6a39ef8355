"""What tests of several commands share: a folder to run them in, and what they print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from trained import Trained

from desire_edge import Bundle, Support

Cli = Callable[..., Result]


@pytest.fixture
def done(cli: Cli) -> Callable[..., str]:
    """Run `desire-edge`, which must succeed; return what it printed on standard output."""

    def run(*arguments: object) -> str:
        result = cli(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return run


@pytest.fixture
def as_json(done: Callable[..., str]) -> Callable[..., Any]:
    """Run `desire-edge … --json` and return the value."""
    return lambda *arguments: json.loads(done(*arguments, "--json"))


@pytest.fixture
def here(sample_trained: Trained, tmp_path: Path) -> Path:
    """The folder the commands run in, with a bundle and a latest run in it."""
    (tmp_path / "tagger.desire").symlink_to(sample_trained.bundle)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "sample").symlink_to(sample_trained.run.folder)
    return tmp_path


@pytest.fixture
def taught(here: Path, sample_trained: Trained) -> Path:
    """A model adapted to the sample's task, with the base labels."""
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    support = Support.read(sample_trained.support)
    return (
        bundle.adapt(support, labels=sample_trained.labels, keep_base=True).save(here / "taught")
        / "model.onnx"
    )
