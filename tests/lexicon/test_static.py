"""A static lexicon's vectors, held to a reference that takes a word, a piece and an n-gram at a time."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from vectors.static_lexicon import STATIC, static_tables
from vectors.tiny import tiny_lexicon

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon, tokenize
from desire_edge.lexicon.build import make_lexicon, shrink_lexicon, write_lexicon
from desire_edge.lexicon.static import STATIC as PACKAGED
from desire_edge.lexicon.static import StaticTable, fnv1a, ngrams
from desire_edge.lexicon.text import split_name
from desire_edge.lexicon.words import Words

LEXICON = Lexicon.open(STATIC)
TABLES = static_tables()
WORDS = Words(TABLES.words, TABLES.offsets, TABLES.ranks)
texts = st.lists(
    st.sampled_from(
        [
            "bread",
            "jazz",
            "the",
            "c++",
            "webdesign",
            "openSource",
            "zzyzx",
            "naïve",
            "旅行記",
            "hot",
            "cold",
            ".",
        ]
    )
    | st.text("abcdeé旅-# ", min_size=1, max_size=8),
    max_size=9,
).map(" ".join)


def row(pairs: NDArray[np.uint8], scales: NDArray[np.float32], index: int) -> list[float]:
    """One row's numbers, nibble by nibble."""
    numbers: list[float] = []
    for byte in pairs[index].tolist():
        numbers += [(byte % 16 - 8) * float(scales[index]), (byte // 16 - 8) * float(scales[index])]
    return numbers


def unit(vector: list[float], parts: float) -> list[float]:
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector] if length > 1e-6 * parts else [0.0] * len(vector)


def reference(words: list[str], mean: NDArray[np.float32]) -> list[float]:
    """The definition in docs/bundle.md, in plain Python."""
    table = TABLES.vectors
    assert isinstance(table, StaticTable)
    total, parts = [0.0] * table.dim, 0.0
    folded = [word.lower() for word in words]
    for place, word in enumerate(folded):
        if word in folded[:place]:
            continue
        repeats = 1 + math.log(folded.count(word))
        pieces, _ = WORDS.pieces(words[place])
        vectors = [
            (repeats * math.log(2 + int(TABLES.ranks[index])), row(table.vectors, table.scales, index))
            for index in pieces
        ]
        if not pieces:
            rows = [
                row(table.grams, table.gram_scales, fnv1a(gram) % len(table.grams)) for gram in ngrams(word)
            ]
            spelt = unit(
                [sum(column) for column in zip(*rows, strict=True)], sum(math.hypot(*each) for each in rows)
            )
            vectors = [(repeats * math.log(1 + len(WORDS)), spelt)]
        for weight, vector in vectors:
            total = [value + weight * added for value, added in zip(total, vector, strict=True)]
            parts += weight * math.hypot(*vector)
    whole = unit(total, parts)
    if not any(whole):
        return whole
    return unit([value - float(centre) for value, centre in zip(whole, mean, strict=True)], 1.0)


@given(text=texts)
def test_a_text_is_what_the_definition_says(text: str) -> None:
    assert isinstance(TABLES.vectors, StaticTable)
    expected = reference(tokenize(text), TABLES.vectors.text_mean)
    found = LEXICON.text_vector(text)
    np.testing.assert_allclose(found.vector, expected, atol=1e-6)
    assert found.words == len(set(tokenize(text))) >= found.known_words


@given(text=texts, size=st.integers(1, 40))
def test_a_text_s_words_are_hashed_as_the_definition_says(text: str, size: int) -> None:
    expected = [0.0] * size
    folded = [word.lower() for word in tokenize(text)]
    for place, word in enumerate(folded):
        if word not in folded[:place]:
            ranks = [int(TABLES.ranks[index]) for index in WORDS.pieces(tokenize(text)[place])[0]]
            rarity = 2 + max(ranks) if ranks else 1 + len(WORDS)
            value = 0x811C9DC5
            for byte in word.encode("utf-8", "surrogatepass"):
                value = (value ^ byte) * 0x01000193 % 2**32
            sign = 1 if value % 2 else -1
            expected[value // 2 % size] += sign * (1 + math.log(folded.count(word))) * math.log(rarity)
    found = LEXICON.text_vector(text, size)
    np.testing.assert_array_equal(found.vector[:-size], LEXICON.text_vector(text).vector)
    np.testing.assert_allclose(found.vector[-size:], expected, rtol=1e-6, atol=1e-6)


@given(name=texts.filter(lambda text: any(character.isalnum() for character in text)))
def test_a_name_is_what_the_definition_says(name: str) -> None:
    assert isinstance(TABLES.vectors, StaticTable)
    entry = LEXICON.look_up(name)
    assert np.linalg.norm(entry.vector) == pytest.approx(LEXICON.norm, rel=1e-5)
    if entry.how in ("words", "compound", "subwords", "ngrams"):
        expected = reference(split_name(name), TABLES.vectors.name_mean)
        np.testing.assert_allclose(entry.vector / LEXICON.norm, expected, atol=1e-6)
    assert (entry.how == "ngrams") == (bool(entry.unknown) and entry.how != "seeded")


def test_names_and_texts_share_a_space_and_a_lexicon_of_sources_has_no_texts(tmp_path: Path) -> None:
    tiny_lexicon(tmp_path / "tiny.safetensors")
    with pytest.raises(DesireEdgeError, match="none for texts"):
        Lexicon.open(tmp_path / "tiny.safetensors").text_vector("bread")


def test_n_grams_and_their_hash_are_the_documented_ones() -> None:
    assert ngrams("a") == ["<a>"]
    assert ngrams("aaaa") == ["<aa", "aaa", "aa>", "<aaa", "aaaa", "aaa>", "<aaaa", "aaaa>"]
    assert [fnv1a(text) for text in ("", "a", "foobar")] == [
        0x811C9DC5,
        0xE40C292C,
        0xBF9CF968,
    ]  # FNV's own


def test_a_smaller_one_keeps_the_most_frequent_words_as_they_are(tmp_path: Path) -> None:
    smaller = shrink_lexicon(LEXICON, tmp_path / "smaller.safetensors", words=10, keep=["trumpet"])
    assert len(smaller) == 10 and "trumpet" in smaller and "the" in smaller
    for word in ("trumpet", "the", "bread"):
        np.testing.assert_array_equal(smaller.look_up(word).vector, LEXICON.look_up(word).vector)
    assert smaller.describe()["lineage"] == LEXICON.describe()["lineage"] != []


def test_settings_name_a_static_lexicon_by_its_file(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    write_lexicon(TABLES, file)
    copy = tmp_path / "run" / "lexicon.safetensors"
    assert len(make_lexicon([str(file)], copy)) == len(LEXICON)
    assert copy.read_bytes() == file.read_bytes()
    assert len(make_lexicon([str(file)], copy, words=12)) == 12
    with pytest.raises(DesireEdgeError, match="stands alone"):
        make_lexicon([str(file), "glove-50"], copy)
    with pytest.raises(DesireEdgeError, match=r"lexicon\.max_mb"):
        make_lexicon([str(file)], copy, max_bytes=500)
    tiny_lexicon(file)
    with pytest.raises(DesireEdgeError, match="no static lexicon"):
        make_lexicon([str(file)], copy)
    assert len(Lexicon.open(copy)) == 12  # what was there before


def test_a_static_lexicon_has_as_many_words_as_fit(tmp_path: Path) -> None:
    file, made = tmp_path / "own.safetensors", tmp_path / "made.safetensors"
    write_lexicon(TABLES, file)
    size = file.stat().st_size
    assert len(make_lexicon([str(file)], made, max_bytes=size)) == len(LEXICON)
    smaller = make_lexicon([str(file)], made, max_bytes=size - 200, keep=["trumpet"])
    assert 1 < len(smaller) < len(LEXICON) and made.stat().st_size <= size - 200
    assert "trumpet" in smaller
    packaged = make_lexicon(["static"], made, max_bytes=1_000_000)
    assert 900_000 < made.stat().st_size <= 1_000_000
    assert set(packaged.words_by_rank(100)) == set(Lexicon.open(PACKAGED).words_by_rank(100))
