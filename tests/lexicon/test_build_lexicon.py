"""What the compact lexicon holds, and how exactly."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon, fold
from desire_edge.lexicon.build import build_lexicon, shrink_lexicon
from desire_edge.lexicon.format import SourceTable, map_tables
from desire_edge.lexicon.sources import Source

MakeSource = Callable[..., Source]


def tables_of(path: Path) -> tuple[SourceTable, ...]:
    vectors = map_tables(path).vectors
    assert isinstance(vectors, tuple)
    return vectors


def test_the_default_lexicon_fills_its_16_megabytes(default_path: Path, default_lexicon: Lexicon) -> None:
    assert 15_900_000 < default_path.stat().st_size <= 16_000_000
    assert len(default_lexicon) > 140_000
    sources = map_tables(default_path).vectors
    assert isinstance(sources, tuple)
    glove, spacy = sources
    assert glove.dim == 50 and spacy.dim == 300
    assert len(spacy.vectors) <= 20_000 < (spacy.rows > 0).sum()  # many words share one row


def test_int8_keeps_the_direction(default_sources: list[Source], default_path: Path) -> None:
    tables = map_tables(default_path)
    lexicon = Lexicon(tables)
    words = lexicon.words_by_rank(3_000)
    start = 0
    for source in default_sources:
        rows = dict(zip(source.words, source.rows.tolist(), strict=True))
        words = [word for word in words if word in rows]
        exact = source.vectors[[rows[word] for word in words]]
        stored = lexicon.word_vectors(words)[:, start : start + source.dim]
        cosines = (exact * stored).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(stored, axis=1)
        assert cosines.min() > 0.999
        start += source.dim


def test_each_source_has_its_mean_norm(default_path: Path) -> None:
    sources = map_tables(default_path).vectors
    assert isinstance(sources, tuple)
    for source, norm in zip(sources, (4.5, 3.0), strict=True):
        rows = source.rows[source.rows > 0].astype(np.int64) - 1
        norms = np.linalg.norm(source.vectors.astype(np.float32) * source.scales[:, None], axis=1)
        np.testing.assert_allclose(norms[rows].mean(), norm, rtol=1e-3)


def test_everyday_words_are_in(default_lexicon: Lexicon) -> None:
    for word in (
        "python",
        "e-mail",
        "c++",
        ".net",
        "2007",
        "łódź",
        "o'brien",
        "blockchain",
        "kubernetes",
        "usa",
    ):
        assert word in default_lexicon, word
    for word in ("1.3775", "-you", "</s>", "!", "'s", "i--"):
        assert word not in default_lexicon, word


def test_a_small_limit_is_kept_and_filled(make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source(*(f"word{number}" for number in range(10_000)), dim=30)
    for limit in (20_000, 100_000, 333_333):
        path = tmp_path / f"{limit}.safetensors"
        lexicon = build_lexicon([source], path, max_bytes=limit)
        assert path.stat().st_size <= limit < path.stat().st_size + 8192 + 60
        assert lexicon.words_by_rank(len(lexicon)) == list(source.words[: len(lexicon)])


def test_words_caps_the_count_and_keep_comes_first(make_source: MakeSource, tmp_path: Path) -> None:
    source = make_source(*(f"word{number}" for number in range(100)), "machine", "learning", "rare-one")
    path = tmp_path / "capped.safetensors"
    keep = ["Machine Learning!", "RARE-one", "nobody knows this"]
    lexicon = build_lexicon([source], path, words=10, keep=keep)
    assert len(lexicon) == 10
    assert lexicon.words_by_rank(10)[:7] == [f"word{number}" for number in range(7)]
    assert lexicon.words_by_rank(10)[7:] == ["machine", "learning", "rare-one"]
    with pytest.raises(DesireEdgeError, match=r"2 words .* fewer than the 3 to keep"):
        build_lexicon([source], path, words=2, keep=keep)
    with pytest.raises(DesireEdgeError, match="0 words"):
        build_lexicon([source], path, max_bytes=100)
    assert len(Lexicon.open(path)) == 10  # a failed build leaves the old file whole


def test_a_shrunk_lexicon_keeps_frequent_and_kept_words_to_the_bit(
    default_lexicon: Lexicon, tmp_path: Path
) -> None:
    ranked = default_lexicon.words_by_rank(100_000)
    frequent, rare = ranked[:498], ranked[-2:]
    small = shrink_lexicon(default_lexicon, tmp_path / "small.safetensors", words=500, keep=rare)
    assert small.words_by_rank(501) == [*frequent, *rare]
    np.testing.assert_array_equal(
        small.word_vectors([*frequent, *rare]), default_lexicon.word_vectors([*frequent, *rare])
    )
    assert (tmp_path / "small.safetensors").stat().st_size < 300_000


def test_a_lexicon_cannot_shrink_below_what_it_keeps(default_lexicon: Lexicon, tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match=r"2 words cannot hold the 3 words"):
        shrink_lexicon(default_lexicon, tmp_path / "small", words=2, keep=["cats and dogs"])


def test_kept_tags_get_their_own_vectors(default_sources: list[Source], tmp_path: Path) -> None:
    kept = build_lexicon(default_sources, tmp_path / "kept.safetensors", keep=["folksonomy", "pocketpc"])
    assert kept.look_up("folksonomy").how == kept.look_up("PocketPC").how == "word"


def test_the_exact_lower_case_form_is_preferred(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    source = Source("cased", ["Apple", "APPLE", "Pear", "apple"], np.arange(4), vectors, 1.0)
    lexicon = build_lexicon([source], tmp_path / "cased.safetensors")
    assert lexicon.words_by_rank(9) == ["apple", "pear"]
    assert lexicon.word_vectors(["apple", "pear"]).argmax(axis=1).tolist() == [3, 2]


def test_every_word_speaks_at_the_same_strength(make_source: MakeSource, tmp_path: Path) -> None:
    first, second = make_source("both", "left", norm=4.0), make_source("both", "right", norm=3.0, seed=1)
    lexicon = build_lexicon([first, second], tmp_path / "two.safetensors")
    both, left, right = lexicon.word_vectors(["both", "left", "right"])
    assert not left[8:].any() and not right[:8].any() and both[:8].any() and both[8:].any()
    np.testing.assert_allclose(np.linalg.norm([both, left, right], axis=1), 5.0, rtol=1e-5)


def test_words_without_a_vector_are_left_out(tmp_path: Path) -> None:
    vectors = np.array([[1, 0], [0, 0], [0, 2]], dtype=np.float32)
    lexicon = build_lexicon(
        [Source("s", ["a", "b", "c"], np.arange(3), vectors, 1.0)], tmp_path / "z.safetensors"
    )
    assert lexicon.words_by_rank(9) == ["a", "c"]


def test_nothing_to_build_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="at least one source"):
        build_lexicon([], tmp_path / "none.safetensors")
    nothing = Source("zeros", ["a", "b"], np.arange(2), np.zeros((2, 3), np.float32), 1.0)
    with pytest.raises(DesireEdgeError, match="0 words"):
        build_lexicon([nothing], tmp_path / "none.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    program = (
        "import sys; import numpy as np; from pathlib import Path\n"
        "from desire_edge.lexicon.build import build_lexicon; from desire_edge.lexicon.sources import Source\n"
        "words = [f'word{n}' for n in range(500)]; vectors = np.sin(np.arange(2000.0)).reshape(500, 4)\n"
        "source = Source('s', words, np.arange(500), vectors.astype(np.float32), 2.0)\n"
        "build_lexicon([source, source], Path(sys.argv[1]), keep={'word3', 'word9', 'word77'}, words=300)"
    )
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for path in paths:
        subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    assert paths[0].read_bytes() == paths[1].read_bytes()


@given(words=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=30))
def test_any_words_survive_the_round_trip(
    make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.safetensors"
    try:
        lexicon = build_lexicon([make_source(*words)], path)
    except DesireEdgeError as error:
        assert "0 words" in str(error)  # nothing but punctuation
        return
    stored = lexicon.words_by_rank(len(words))
    assert len(stored) == len(set(stored)) == len(lexicon)
    assert set(stored) <= {fold(word) for word in words}
    assert {fold(word) for word in words if fold(word).isalnum() and fold(word).isascii()} <= set(stored)
