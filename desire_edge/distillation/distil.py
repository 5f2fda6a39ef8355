"""Distilling a static lexicon from its teachers (server side): label names and texts in one space, 128 bytes a word.

Each teacher's vectors of the words are centred, turned to their principal axes, and the long axes shortened; put end to
end, they are brought to `dim` dimensions the same way. Four bits a number and one scale a word lose nothing that could
be measured. See docs/lexicon.md for the figures, and Minish Lab, "Model2Vec" (2024) for the idea.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.distillation.teachers import Array, Report, source_lineage, teacher_of, word_vectors
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.build import ranked_words, write_lexicon
from desire_edge.lexicon.format import Tables
from desire_edge.lexicon.lexicon import Lexicon
from desire_edge.lexicon.sources import DEFAULT_SOURCES, open_source
from desire_edge.lexicon.static import StaticTable, StaticVectors, fnv1a, ngrams, packed
from desire_edge.lexicon.text import split_name, tokenize
from desire_edge.lexicon.words import Words

DEFAULT_TEACHERS = ("minilm@0.4", "use@0.35", "spacy-md@0.25")
_FLATTEN_TEACHER = 0.25  # each axis is divided by (variance / the largest one) to this power
_FLATTEN_ALL = 0.125
_LEAST_VARIANCE = 1e-6  # of the largest; axes below are noise
_RIDGE = 1.0  # of the n-grams' vectors
_CLIPS = np.linspace(0.5, 1.0, 11)  # the largest number that four bits hold, over a vector's largest
_BLOCK = 2048  # words at once


@dataclass(frozen=True)
class Distillation:
    """What to distil.

    Attributes:
        words: how many, the most frequent ones.
        dim: dimensions, an even number.
        grams: rows for the n-grams of words that nobody knows.
        teachers: names, each with its share after an "@".
        sources: whose words, and in which order of frequency.
        norm: of a label's vector.
    """

    words: int = 36_000
    dim: int = 256
    grams: int = 4096
    teachers: tuple[str, ...] = DEFAULT_TEACHERS
    sources: tuple[str, ...] = DEFAULT_SOURCES
    norm: float = 4.5


def distil(
    out: Path,
    settings: Distillation,
    texts: Sequence[str],
    names: Sequence[str],
    report: Report = lambda step, done, total: None,
) -> Lexicon:
    """Write a static lexicon to `out` (atomically) and open it.

    Args:
        out: the file.
        settings: what to distil.
        texts: whose mean vector is taken from every text's.
        names: whose mean vector is taken from every name's.
        report: called with the step and, in a long one, how many of how many words are done.

    Raises:
        DesireEdgeError: a teacher or a source is not there, the settings do not fit one another, or `out` cannot be
            written.
    """
    shares = [_share(spec) for spec in settings.teachers]
    if settings.dim < 2 or settings.dim % 2 or settings.grams < 1 or not shares:
        raise DesireEdgeError(
            "a static lexicon needs an even number of dimensions, a row for n-grams and a teacher"
        )
    teachers = [(name, share, teacher_of(name)) for name, share in shares]
    report("words", 0, 0)
    ranked = ranked_words([open_source(spec) for spec in settings.sources])
    # Only words that a text can produce: of "e-mail", the words are "e" and "mail".
    words = [word for word in ranked if tokenize(word) == [word]][: settings.words]
    lineage = [source_lineage(spec, "words and their ranks") for spec in settings.sources]
    parts = []
    for name, share, teacher in teachers:
        given = word_vectors(name, teacher, words, report)
        made_of = teacher.lineage
        lineage.append(replace(made_of, role=f"teacher, share {share:g}: {made_of.role}"))
        if not given.any():
            raise DesireEdgeError(f"the teacher {name!r} knows none of the words; choose another")
        part = _unit_rows(_flattened(given.astype(np.float64), None, _FLATTEN_TEACHER))
        parts.append(math.sqrt(share) * part)
    report("principal axes", 0, 0)
    together = np.hstack(parts)
    known = np.flatnonzero(together.any(axis=1))
    words = [words[index] for index in known.tolist()]
    vectors = _flattened(together[known], settings.dim, _FLATTEN_ALL)
    if vectors.shape[1] < settings.dim:
        raise DesireEdgeError(
            f"the teachers' vectors of these {len(words)} words have {vectors.shape[1]} dimensions, fewer than the "
            f"{settings.dim} asked for; ask for fewer, or for more words"
        )
    report("n-grams", 0, 0)
    grams = gram_vectors(words, _unit_rows(vectors), settings.grams)
    report("writing", 0, 0)
    order = sorted(range(len(words)), key=lambda rank: words[rank].encode())
    encoded = [words[rank].encode() for rank in order]
    zeros = np.zeros(settings.dim, np.float32)
    table = StaticTable(
        settings.norm, *quantised(vectors[order]), *quantised(grams), zeros, zeros, tuple(lineage)
    )
    tables = Tables(
        words=np.frombuffer(b"".join(encoded), np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        ranks=np.array(order, np.uint32),
        vectors=table,
    )
    return write_lexicon(centred(tables, texts, names), out)


def centred(tables: Tables, texts: Sequence[str], names: Sequence[str]) -> Tables:
    """Return a static lexicon's tables with the means of these texts' and names' vectors [d] of length 1."""
    assert isinstance(tables.vectors, StaticTable)
    zeros = np.zeros(tables.vectors.dim, np.float32)
    table = replace(tables.vectors, text_mean=zeros, name_mean=zeros)
    vectors = StaticVectors(table, Words(tables.words, tables.offsets, tables.ranks))
    found = [
        [vector for each in given if (vector := vectors.unit(vectors.terms(split(each)), mean)) is not None]
        for given, split, mean in ((texts, tokenize, "text_mean"), (names, split_name, "name_mean"))
    ]
    means = [np.mean(rows, axis=0).astype(np.float32) if rows else zeros for rows in found]
    return replace(tables, vectors=replace(table, text_mean=means[0], name_mean=means[1]))


def quantised(vectors: NDArray[np.float64]) -> tuple[NDArray[np.uint8], Array]:
    """Return vectors [n, d] in four bits a number, uint8 [n, d / 2], and each one's scale [n].

    Of some scales that clip the largest numbers, or not, each vector has the one with the smallest squared error.
    """
    largest = np.abs(vectors).max(axis=1)
    largest[largest == 0] = 7.0  # nothing: zeros times 1
    best = np.full(len(vectors), np.inf)
    values, scales = np.zeros(vectors.shape, np.int8), np.ones(len(vectors), np.float32)
    for clip in _CLIPS:
        scale = (largest * clip / 7).astype(np.float32)
        found = np.clip(np.rint(vectors / scale[:, None]), -7, 7)
        error = ((found * scale[:, None] - vectors) ** 2).sum(axis=1)
        better = error < best
        best[better] = error[better]
        values[better], scales[better] = found[better], scale[better]
    return packed(values), scales


def gram_vectors(words: Sequence[str], vectors: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Return the n-grams' vectors [rows, d] whose sums come nearest to the words' vectors [n, d], by ridge regression.

    A word's n-grams count 1 / sqrt(how many) each, since only their sum's direction is used.
    """
    gram, products = np.zeros((rows, rows)), np.zeros((rows, vectors.shape[1]))
    for start in range(0, len(words), _BLOCK):
        block = words[start : start + _BLOCK]
        counts = np.zeros((len(block), rows), np.float32)
        for row, word in zip(counts, block, strict=True):
            hashes = [fnv1a(each) % rows for each in ngrams(word)]
            np.add.at(row, hashes, np.float32(1 / np.sqrt(len(hashes))))
        gram += counts.T @ counts
        products += counts.T @ vectors[start : start + _BLOCK].astype(np.float32)
    gram[np.diag_indices(rows)] += _RIDGE
    return np.asarray(np.linalg.solve(gram, products), np.float64)


def _flattened(vectors: NDArray[np.float64], dim: int | None, power: float) -> NDArray[np.float64]:
    """Return the vectors [n, *] on their first `dim` principal axes (None: all but noise), the longer ones shortened.

    Rows of zeros, words that a teacher does not know, stay so.
    """
    known = np.flatnonzero(vectors.any(axis=1))
    centred = np.zeros_like(vectors)
    centred[known] = vectors[known] - vectors[known].mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(known))
    order = np.argsort(-variances)[:dim]
    order = order[variances[order] > _LEAST_VARIANCE * variances[order[0]]]
    turned: NDArray[np.float64] = (centred @ axes[:, order]) / (
        variances[order] / variances[order[0]]
    ) ** power
    return turned


def _unit_rows(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=1)
    unit: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1.0)[:, None]
    return unit


def _share(spec: str) -> tuple[str, float]:
    name, at, number = spec.rpartition("@")
    try:
        share = float(number) if at else 1.0
    except ValueError:
        share = np.nan
    if not 0 < share < np.inf:
        raise DesireEdgeError(f"the share in {spec!r} must be a positive number, as in minilm@0.4")
    return name if at else spec, share
