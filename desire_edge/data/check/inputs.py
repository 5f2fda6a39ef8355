"""What the examples themselves are like: languages and lengths of texts, pictures, vectors."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.data.check.findings import Finding, counted
from desire_edge.data.dataset import Dataset
from desire_edge.data.duplicates import picture_hash
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import images
from desire_edge.inputs.files import read_bounded

Progress = Callable[[str, int, int], None]

FEW_WORDS = 3  # a text with fewer says little
SMALL = 32  # pixels; a picture with a shorter side has lost what it shows
GUESSABLE = 60  # letters; of a shorter text the language is a bet
GUESSED = 1000  # texts, spread over the data set


@dataclass(frozen=True)
class Picture:
    """A picture: the digest of its file, and its size and `picture_hash`, or why it cannot be read."""

    digest: bytes
    size: tuple[int, int] = (0, 0)
    hashed: NDArray[np.uint8] | None = None
    error: str | None = None


def read_pictures(dataset: Dataset, report: Progress) -> list[Picture]:
    """All pictures of a data set, their pixels not kept; [] of one without."""
    read: list[Picture] = []
    for row, source in enumerate(dataset.images or ()):
        read.append(_picture(source, dataset.places[row]))
        report("pictures", row + 1, dataset.rows)
    return read


def _picture(source: Path | bytes, where: str) -> Picture:
    digest = where.encode()  # of one too large to be read, which repeats no other
    try:
        content = source if isinstance(source, bytes) else read_bounded(source)
        digest = hashlib.sha256(content).digest()
        pixels = images.decode(content, where)
    except DesireEdgeError as error:
        return Picture(digest, error=str(error))
    return Picture(digest, (pixels.shape[1], pixels.shape[0]), picture_hash(pixels))


def check_pictures(dataset: Dataset, pictures: Sequence[Picture]) -> Iterator[Finding]:
    """Pictures that cannot be read, or are tiny."""
    broken = [picture.error for picture in pictures if picture.error is not None]
    if broken:
        yield Finding(
            "pictures-broken",
            f"{counted(len(broken), 'picture')} that cannot be read, which training would refuse; take them out",
            tuple(broken),
        )
    small = [
        row for row, picture in enumerate(pictures) if picture.error is None and min(picture.size) < SMALL
    ]
    if small:
        yield Finding(
            "pictures-small",
            f"{counted(len(small), 'picture')} with a side of less than {SMALL} pixels",
            tuple(
                f"{dataset.places[row]} ({pictures[row].size[0]} × {pictures[row].size[1]})" for row in small
            ),
        )


def check_texts(dataset: Dataset) -> Iterator[Finding]:
    """Texts of hardly any words."""
    texts = dataset.texts or ()
    short = [row for row, text in enumerate(texts) if len(text.split()) < FEW_WORDS and len(text) < GUESSABLE]
    if short:
        yield Finding(
            "texts-short",
            f"{counted(len(short), 'text')} of fewer than {FEW_WORDS} words, which say little of their labels",
            tuple(f"{dataset.places[row]} ('{texts[row]:.40}')" for row in short),
        )


def languages(texts: Sequence[str]) -> dict[str, float]:
    """The languages of texts by ISO 639 code and the share of each, largest first, guessed from up to 1,000 of them.

    Texts of fewer than 60 letters are left out; {} if all are. A language of less than 1 % is a bad guess more often
    than a language, and counts as "other".
    """
    long = [text for text in texts if len(text) >= GUESSABLE]
    if not long:
        return {}
    identifier = _identifier()
    chosen = [long[row] for row in np.linspace(0, len(long) - 1, min(len(long), GUESSED)).astype(int)]
    guesses = Counter(identifier.classify(text)[0] for text in chosen)
    shares: dict[str, float] = {}
    other = 0.0
    for language, count in guesses.most_common():
        if count >= 0.01 * len(chosen):
            shares[language] = round(count / len(chosen), 3)
        else:
            other += count / len(chosen)
    return shares | ({"other": round(other, 3)} if other else {})


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


def check_languages(shares: dict[str, float]) -> Iterator[Finding]:
    """Texts in other languages than the words that are known."""
    others = {language: share for language, share in shares.items() if language not in ("en", "other")}
    if others and sum(others.values()) >= 0.05:
        named = ", ".join(f"{language} {share:.0%}" for language, share in others.items())
        yield Finding(
            "languages",
            f"texts that seem to be in other languages than English ({named}): label names and words are known in "
            "English, so text features and names mean less there; a multilingual encoder of yours may do better "
            "(--backbone onnx:FILE)",
        )


def check_vectors(dataset: Dataset) -> Iterator[Finding]:
    """Vectors of zeros, and columns that never change."""
    features = dataset.features
    if features is None:
        return
    zeros = np.flatnonzero(~features.any(axis=1))
    if len(zeros):
        yield Finding(
            "vectors-zero",
            f"{counted(len(zeros), 'vector')} of zeros alone, which say nothing of their labels",
            tuple(dataset.places[row] for row in zeros.tolist()),
        )
    constant = np.flatnonzero((features == features[:1]).all(axis=0))
    if len(constant):
        names = dataset.feature_names
        yield Finding(
            "features-constant",
            f"{counted(len(constant), 'feature')} of {features.shape[1]} the same in all examples; leave them out",
            tuple(f"'{names[column]}'" if names else f"number {column}" for column in constant.tolist()),
        )
