"""What tests of several rooms share: the real data set, small trained models, the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from hypothesis import settings
from trained import DELICIOUS, KNOWN, PRIOR, SAMPLE, Trained, train_small

from desire_edge.cli import main
from desire_edge.data import DataNotFoundError, Dataset, DeliciousFiles, find_delicious, load_delicious


def pytest_configure() -> None:
    """One thread for torch: for sizes as the tests' more gain nothing, and where other programs run they lose much.

    No deadline for hypothesis: a busy machine is no failure.
    """
    torch.set_num_threads(1)
    settings.register_profile("no deadline", deadline=None)
    settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for Delicious, so that `-m delicious` selects them and CI can count skips."""
    for item in items:
        if {"delicious", "delicious_files"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("delicious")


@pytest.fixture(scope="session")
def delicious_files() -> DeliciousFiles:
    """The three Delicious files, if they are on this machine; nothing is fetched."""
    try:
        return find_delicious(fetch=False)
    except DataNotFoundError:
        assert "DESIRE_EDGE_DATA" not in os.environ, "DESIRE_EDGE_DATA is set, so the data must be there"
        pytest.skip("Delicious is not on this machine; name its folder in DESIRE_EDGE_DATA")


@pytest.fixture(scope="session")
def delicious(delicious_files: DeliciousFiles) -> Dataset:
    """The real Delicious data set."""
    return load_delicious(delicious_files.train.parent)


@pytest.fixture(scope="session")
def sample_trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small model of the sample corpus: raw text."""
    return train_small(tmp_path_factory.mktemp("sample"), SAMPLE)


@pytest.fixture(scope="session")
def known_trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """As `sample_trained`, but made to use known base labels."""
    return train_small(tmp_path_factory.mktemp("known"), KNOWN)


@pytest.fixture(scope="session")
def prior_trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """As `sample_trained`, but with the head `prior`."""
    return train_small(tmp_path_factory.mktemp("prior"), PRIOR)


@pytest.fixture(scope="session")
def delicious_trained(delicious_files: DeliciousFiles, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A small model of Delicious: 500 named features."""
    return train_small(tmp_path_factory.mktemp("delicious"), DELICIOUS)


@pytest.fixture(scope="session", params=["sample", pytest.param("delicious", marks=pytest.mark.delicious)])
def trained(request: pytest.FixtureRequest) -> Trained:
    """Each small model in turn."""
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model


Cli = Callable[..., Result]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run `desire-edge` with arguments (in `tmp_path`) and return what it printed and its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def refused(cli: Cli) -> Callable[..., str]:
    """Run `desire-edge`, which must refuse with exit code 2, one line on stderr, no traceback; return that line."""

    def run(*arguments: object) -> str:
        result = cli(*arguments)
        assert result.exit_code == 2, (result.output, result.exception)
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        return line

    return run


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Each torch device in turn; CUDA is skipped where there is none, unless `make test-gpu` asks for it."""
    if request.param == "cuda" and not torch.cuda.is_available():
        assert "DESIRE_EDGE_REQUIRE_CUDA" not in os.environ, "make test-gpu needs a CUDA device"
        pytest.skip("this machine has no CUDA device")
    return torch.device(request.param)
