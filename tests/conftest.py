"""What tests of several rooms share: the real data set."""

from __future__ import annotations

import os

import pytest

from desire_edge.data import DataNotFoundError, Dataset, DeliciousFiles, find_delicious, load_delicious


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
