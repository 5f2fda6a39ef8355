"""Building the compact lexicon from its sources (server side)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path, write_bytes
from desire_edge.lexicon.characters import SPACE, fold
from desire_edge.lexicon.format import SourceTable, Tables, to_tensors
from desire_edge.lexicon.lexicon import Lexicon
from desire_edge.lexicon.sources import Source, open_source
from desire_edge.lexicon.static import STATIC, StaticTable
from desire_edge.lexicon.text import has_letter_or_digit, tokenize

_HEADER = 8192  # bytes set aside for the file's header


def make_lexicon(
    specs: Sequence[str],
    out: Path,
    *,
    max_bytes: int = 16_000_000,
    words: int | None = None,
    keep: Iterable[str] = (),
) -> Lexicon:
    """Write the lexicon that a run's settings ask for to `out` (atomically) and open it.

    `specs` are sources (see `open_source`), and the rest is as in `build_lexicon`; or one static lexicon: "static",
    the package's own, or a `.safetensors` file. That is copied as it is, or with its most frequent words alone, as many
    as `words` and `max_bytes` allow.
    """
    static = [spec for spec in specs if spec == "static" or spec.endswith(".safetensors")]
    if not static:
        sources = [open_source(spec) for spec in specs]
        return build_lexicon(sources, out, max_bytes=max_bytes, words=words, keep=keep)
    if len(specs) > 1:
        raise DesireEdgeError(
            f"{static[0]!r} is a whole lexicon, so it stands alone in lexicon.sources; leave the others away"
        )
    path = STATIC if static[0] == "static" else Path(static[0])
    lexicon = Lexicon.open(path)
    if not lexicon.static:
        raise DesireEdgeError(f"{path} is no static lexicon; make one with desire-edge lexicon build")
    keep = tuple(keep)
    count = min(
        len(lexicon) if words is None else words, _static_words_that_fit(path, lexicon, max_bytes, keep)
    )
    if count < len(lexicon):
        return shrink_lexicon(lexicon, out, words=count, keep=keep)
    write_bytes(out, path.read_bytes())
    return Lexicon.open(out)


def build_lexicon(
    sources: Sequence[Source],
    out: Path,
    *,
    max_bytes: int = 16_000_000,
    words: int | None = None,
    keep: Iterable[str] = (),
) -> Lexicon:
    """Write the compact lexicon of `sources` to `out` (atomically) and open it.

    Words are folded and ranked by the best rank any source gives them; as many as fit into `max_bytes` are taken
    in that order, at most `words` of them. The names in `keep`, and the words in them, come before all others, if
    a source knows them. Each source's vectors are scaled so that their mean norm over the words taken is the
    source's `norm`, and stored as int8 with one float32 scale a row. Raises `DesireEdgeError` if not even the words
    to keep fit.
    """
    if not sources:
        raise DesireEdgeError("a lexicon needs at least one source of word vectors")
    known = [folded_words(source) for source in sources]
    ranked = _by_best_rank(known)
    kept = _kept(keep, ranked)
    order = _first(kept, ranked)
    rows = np.array([[source.get(word, -1) for word in order] for source in known], dtype=np.int64)
    count = _count_that_fits(order, rows, sources, max_bytes)
    count = count if words is None else min(count, words)
    if count < max(1, len(kept)):
        raise DesireEdgeError(
            f"the lexicon may hold {count} words in {max_bytes} bytes, fewer than the {max(1, len(kept))} to keep; "
            "allow more bytes or more words"
        )
    # Ranks and bytes are worked out in this order; the file is sorted by the words' bytes.
    chosen = sorted(range(count), key=lambda index: order[index].encode())
    places = {word: place for place, word in enumerate(ranked)}
    ranks = np.argsort(np.argsort([places[order[index]] for index in chosen])).astype(np.uint32)
    encoded = [order[index].encode() for index in chosen]
    tables = Tables(
        words=np.frombuffer(b"".join(encoded), np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        ranks=ranks,
        vectors=tuple(_quantised(source, rows[number][chosen]) for number, source in enumerate(sources)),
    )
    return write_lexicon(tables, out)


def shrink_lexicon(lexicon: Lexicon, out: Path, *, words: int, keep: Iterable[str] = ()) -> Lexicon:
    """Write the `words` most frequent words of `lexicon` to `out` (atomically) and open it.

    The names in `keep`, and the words in them, come before all others. Vectors stay as they are, to the bit. Raises
    `DesireEdgeError` if there are more words to keep than `words`.
    """
    ranked = lexicon.words_by_rank(len(lexicon))
    kept = _kept(keep, ranked)
    if words < max(1, len(kept)):
        raise DesireEdgeError(
            f"a lexicon of {words} words cannot hold the {max(1, len(kept))} words of the base labels; allow more words"
        )
    taken = set(_first(kept, ranked)[:words])
    tables = lexicon.tables
    chosen = np.array([rank for rank, word in enumerate(ranked) if word in taken])
    indices = np.sort(np.argsort(tables.ranks)[chosen])
    encoded = [bytes(tables.words[tables.offsets[i] : tables.offsets[i + 1]]) for i in indices.tolist()]
    smaller = Tables(
        words=np.frombuffer(b"".join(encoded), np.uint8),
        offsets=np.cumsum([0, *map(len, encoded)]).astype(np.uint32),
        ranks=np.argsort(np.argsort(tables.ranks[indices])).astype(np.uint32),
        vectors=_of_words(tables.vectors, indices),
    )
    return write_lexicon(smaller, out)


def _static_words_that_fit(path: Path, lexicon: Lexicon, max_bytes: int, keep: Iterable[str]) -> int:
    """Return how many words of the static lexicon at `path` fit, those to keep first and then the most frequent."""
    table = lexicon.tables.vectors
    assert isinstance(table, StaticTable)
    ranked = lexicon.words_by_rank(len(lexicon))
    kept = _kept(keep, ranked)
    order = _first(kept, ranked)
    # Beside its letters a word has a row, a scale, an offset and a rank.
    costs = np.array([len(word.encode()) + table.vectors.shape[1] + 12 for word in order], np.int64)
    rest = path.stat().st_size - int(costs.sum())
    count = int(np.searchsorted(np.cumsum(costs), max_bytes - rest, side="right"))
    if count < max(1, len(kept)):
        raise DesireEdgeError(
            f"{max_bytes} bytes are too few for {path}, whose tables alone have {rest}, with the "
            f"{max(1, len(kept))} words of the base labels; allow more with lexicon.max_mb"
        )
    return count


def _of_words(
    vectors: tuple[SourceTable, ...] | StaticTable, indices: NDArray[np.int64]
) -> tuple[SourceTable, ...] | StaticTable:
    """Return the vectors of the words at `indices` alone."""
    if isinstance(vectors, StaticTable):
        return replace(vectors, vectors=vectors.vectors[indices], scales=vectors.scales[indices])
    sources = []
    for source in vectors:
        rows = source.rows[indices]
        used, places = np.unique(rows[rows > 0], return_inverse=True)
        shrunk = np.zeros_like(rows)
        shrunk[rows > 0] = places + 1
        sources.append(
            replace(source, vectors=source.vectors[used - 1], scales=source.scales[used - 1], rows=shrunk)
        )
    return tuple(sources)


def write_lexicon(tables: Tables, out: Path) -> Lexicon:
    """Write the tables to `out` (atomically) and open it."""
    tensors, metadata = to_tensors(tables)
    with atomic_path(out) as temporary:
        save_file(tensors, temporary, metadata)
    return Lexicon.open(out)


def ranked_words(sources: Sequence[Source]) -> list[str]:
    """Return the sources' words worth their bytes, folded, ordered by the best rank that any source gives them."""
    return _by_best_rank([folded_words(source) for source in sources])


def folded_words(source: Source) -> dict[str, int]:
    """Return each folded word's row, in rank order; of words with one folding, the one that equals it counts."""
    folded = [fold(word) for word in source.words]
    usable = np.linalg.norm(source.vectors, axis=1) > 0
    rows: dict[str, int] = {}
    exact: set[str] = set()
    for word, form, row in zip(source.words, folded, source.rows.tolist(), strict=True):
        if not usable[row] or (form in rows and (word != form or form in exact)):
            continue
        rows[form] = row
        if word == form:
            exact.add(form)
    return rows


def _by_best_rank(known: Sequence[dict[str, int]]) -> list[str]:
    """Return the words worth their bytes, ordered by the best place any source gives them."""
    places: dict[str, int] = {}
    for source in known:
        place = 0
        for word in source:
            if _is_plain(word):
                places[word] = min(place, places.get(word, place))
                place += 1
    return sorted(places, key=places.__getitem__)


def _is_plain(word: str) -> bool:
    """Whether this word is worth its bytes: not "1.3775", not "-you", but "2007", ".net", "c++" and "e-mail"."""
    if word.isalpha() or word.isdecimal():
        return True
    first = word[1:2] if word[0] == "." else word[0]
    return (
        has_letter_or_digit(first)
        and (has_letter_or_digit(word[-1]) or word[-1] in "+#")
        and any(character.isalpha() for character in word)
    )


def _kept(names: Iterable[str], ranked: Sequence[str]) -> dict[str, None]:
    known = set(ranked)
    wanted = (word for name in names for word in (fold(name.strip(SPACE)), *tokenize(name)))
    return {word: None for word in wanted if word in known}


def _first(kept: Mapping[str, None], ranked: Sequence[str]) -> list[str]:
    """All words, those to keep before the others."""
    return [*kept, *(word for word in ranked if word not in kept)]


def _count_that_fits(
    order: Sequence[str], rows: NDArray[np.int64], sources: Sequence[Source], max_bytes: int
) -> int:
    """Return how many words of `order` fit; `rows` [sources, words] are their rows, -1 where unknown."""
    costs = np.array(
        [len(word.encode()) + 8 for word in order], dtype=np.int64
    )  # offset and rank: 4 bytes each
    for number, source in enumerate(sources):
        costs += 2 if len(source.vectors) < 2**16 else 4
        _, first = np.unique(rows[number], return_index=True)
        costs[first[rows[number][first] >= 0]] += source.dim + 4  # a row is stored when its first word comes
    return int(np.searchsorted(np.cumsum(costs), max_bytes - _HEADER, side="right"))


def _quantised(source: Source, rows: NDArray[np.int64]) -> SourceTable:
    """Return the source's table for words with these rows (-1: unknown), scaled to its norm over the words."""
    used, inverse = np.unique(rows[rows >= 0], return_inverse=True)
    vectors = source.vectors[used]
    norms = np.linalg.norm(vectors, axis=1)
    if len(used):
        vectors = vectors * np.float32(source.norm / norms[inverse].mean())
    scales = (np.abs(vectors).max(axis=1) / 127.0).astype(np.float32)
    table = np.rint(vectors / scales[:, None]).astype(np.int8)
    places = np.zeros(len(rows), np.uint16 if len(source.vectors) < 2**16 else np.uint32)
    places[rows >= 0] = inverse + 1
    return SourceTable(source.name, source.norm, table, scales, places)
