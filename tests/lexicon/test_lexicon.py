"""Looking words and label names up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.data import Dataset, load_sample
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon, fold
from desire_edge.lexicon.characters import SPACE
from desire_edge.lexicon.seeded import name_hash, seeded_direction

MakeLexicon = Callable[..., Lexicon]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


# ---- words


def test_words_are_found_whatever_their_case_and_form(default_lexicon: Lexicon) -> None:
    vector = default_lexicon.word_vector("python")
    assert vector is not None
    assert vector.shape == (default_lexicon.dim,) == (350,) and vector.dtype == np.float32
    for form in ("Python", "PYTHON", "ｐｙｔｈｏｎ"):
        assert form in default_lexicon
        np.testing.assert_array_equal(default_lexicon.word_vector(form), vector)


def test_an_unknown_word_has_no_vector(default_lexicon: Lexicon) -> None:
    assert "zzxqyv" not in default_lexicon and "" not in default_lexicon
    assert default_lexicon.word_vector("zzxqyv") is None
    vectors = default_lexicon.word_vectors(["zzxqyv", "python"])
    assert vectors.shape == (2, 350) and not vectors[0].any()
    np.testing.assert_array_equal(vectors[1], default_lexicon.word_vector("python"))
    assert default_lexicon.word_vectors([]).shape == (0, 350)


def test_words_come_by_rank(default_lexicon: Lexicon) -> None:
    words = default_lexicon.words_by_rank(1000)
    assert len(words) == len(set(words)) == 1000
    assert words[0] == "the" and {"of", "and", "you", "time", "world"} < set(words)
    assert "folksonomy" not in words
    assert len(default_lexicon.words_by_rank(10**9)) == len(default_lexicon)


def test_every_word_is_found_by_search(make_lexicon: MakeLexicon) -> None:
    words = ["b", "a", "ab", "abc", "łódź", "日本", "a-b", "c++", "webdesigner", "webdesigning", "z" * 300]
    lexicon = make_lexicon(*words)
    assert lexicon.words_by_rank(99) == words
    assert all(word in lexicon for word in words)
    assert not any(word in lexicon for word in ("", "aa", "webdesign", "z" * 299, "z" * 301, "日"))


@pytest.mark.parametrize(
    ("word", "neighbours"),
    [
        ("python", {"php", "java", "perl", "c++", "scripts"}),
        ("apple", {"iphone", "microsoft", "blackberry", "android"}),
        ("cooking", {"cook", "recipes", "baking", "cuisine"}),
        ("covid", {"coronavirus", "covid-19"}),
    ],
)
def test_neighbours_mean_alike(default_lexicon: Lexicon, word: str, neighbours: set[str]) -> None:
    words = default_lexicon.words_by_rank(20_000)
    vectors = default_lexicon.word_vectors(words)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vector = default_lexicon.word_vector(word)
    assert vector is not None
    nearest = {words[index] for index in np.argsort(-vectors @ vector)[:20]}
    assert len(nearest & neighbours) >= 2


# ---- names


def test_a_known_name_is_its_word(default_lexicon: Lexicon) -> None:
    entry = default_lexicon.look_up("  JavaScript ")
    assert (entry.name, entry.known, entry.unknown, entry.how) == ("JavaScript", ("javascript",), (), "word")
    np.testing.assert_array_equal(entry.vector, default_lexicon.word_vector("javascript"))


@pytest.mark.parametrize(
    ("name", "how", "known", "unknown"),
    [
        ("machine learning", "words", ("machine", "learning"), ()),
        ("Machine_Learning!", "words", ("machine", "learning"), ()),
        ("photos of cats", "words", ("photos", "of", "cats"), ()),
        ("xqzzv pictures", "words", ("pictures",), ("xqzzv",)),
        ("webdesign tips", "compound", ("web", "design", "tips"), ()),
        ("crimeFighters", "compound", ("crime", "fighters"), ()),
        ("zdesigner", "subwords", ("designer",), ()),
        ("C#", "subwords", ("c",), ()),
        ("c++", "word", ("c++",), ()),
        (".net", "word", (".net",), ()),
        ("xqzzv", "seeded", (), ("xqzzv",)),
        ("日本語の名前", "seeded", (), ("日本語の名前",)),
        ("?!", "seeded", (), ("?!",)),
    ],
)
def test_how_a_name_is_understood(
    default_lexicon: Lexicon, name: str, how: str, known: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    entry = default_lexicon.look_up(name)
    assert (entry.how, entry.known, entry.unknown) == (how, known, unknown)


def test_a_name_of_several_words_lies_between_them(default_lexicon: Lexicon) -> None:
    mean = default_lexicon.look_up("cat pictures").vector
    cat, pictures = default_lexicon.word_vectors(["cat", "pictures"])
    assert min(cosine(mean, cat), cosine(mean, pictures)) > 0.6 > cosine(cat, pictures)
    np.testing.assert_allclose(np.linalg.norm([mean, cat, pictures], axis=1), default_lexicon.norm, rtol=1e-5)


def test_frequent_words_count_less(default_lexicon: Lexicon) -> None:
    name = default_lexicon.look_up("the history of the railways").vector
    content = default_lexicon.look_up("history railways").vector
    plain = default_lexicon.word_vectors(["the", "history", "of", "the", "railways"]).mean(axis=0)
    assert cosine(name, content) > 0.98
    assert cosine(plain, content) < 0.9


def test_a_seeded_vector_depends_on_the_letters_alone(default_lexicon: Lexicon) -> None:
    first, again, other = (default_lexicon.look_up(name).vector for name in ("xqzzv", "XQZZV", "xqzzw"))
    np.testing.assert_array_equal(first, again)
    assert abs(cosine(first, other)) < 0.3
    np.testing.assert_allclose(np.linalg.norm(first[:50]), 4.5, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(first[50:]), 3.0, rtol=1e-5)


def test_the_seeded_generator_is_the_documented_one() -> None:
    """FNV-1a's and splitmix64's published test values; other languages copy them."""
    assert name_hash("") == 0xCBF29CE484222325
    assert name_hash("a") == 0xAF63DC4C8601EC8C
    assert name_hash("foobar") == 0x85944171F73967E8
    state, outputs = name_hash("foobar"), []
    for _ in range(5):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
        outputs.append((mixed ^ (mixed >> 31)) >> 11)
    expected = np.array(outputs) / 2.0**52 - 1.0
    np.testing.assert_allclose(seeded_direction("foobar", 5), expected / np.linalg.norm(expected), rtol=1e-14)


@pytest.mark.parametrize("name", ["", "  ", "\n\t", "\u00a0"])
def test_an_empty_name_is_refused(default_lexicon: Lexicon, name: str) -> None:
    with pytest.raises(DesireEdgeError, match="empty"):
        default_lexicon.look_up(name)


@given(name=st.text(min_size=1) | st.text("abcdefgh XYZ019-_#+.'’", min_size=1, max_size=30))
def test_any_name_has_a_usable_vector(default_lexicon: Lexicon, name: str) -> None:
    if not fold(name).strip(SPACE):
        with pytest.raises(DesireEdgeError):
            default_lexicon.look_up(name)
        return
    entry = default_lexicon.look_up(name)
    assert entry.vector.shape == (350,) and entry.vector.dtype == np.float32
    assert np.isfinite(entry.vector).all() and np.linalg.norm(entry.vector) == pytest.approx(
        default_lexicon.norm, rel=1e-5
    )
    assert (entry.how == "seeded") == (not entry.known)
    assert entry.known or entry.unknown
    assert all(word in default_lexicon for word in entry.known)


def test_even_broken_unicode_has_a_vector(default_lexicon: Lexicon) -> None:
    assert default_lexicon.look_up("caf\udce9 \udce9").vector.any()


# ---- matrices of labels


def test_a_matrix_has_one_column_a_label(default_lexicon: Lexicon) -> None:
    names = ["python", "machine learning", "xqzzv", "webdesign"]
    matrix = default_lexicon.label_matrix(names)
    assert matrix.vectors.shape == (350, 4) and matrix.vectors.dtype == np.float32
    assert matrix.vectors.flags.c_contiguous and matrix.warnings == ()
    assert [entry.name for entry in matrix.entries] == names
    for column, name in zip(matrix.vectors.T, names, strict=True):
        np.testing.assert_array_equal(column, default_lexicon.look_up(name).vector)
    assert default_lexicon.label_matrix([]).vectors.shape == (350, 0)


def test_equal_vectors_are_told_apart(default_lexicon: Lexicon) -> None:
    names = ["News", "news", "dogs and cats", "NEWS", "cats and dogs"]
    matrix = default_lexicon.label_matrix(names)
    columns = matrix.vectors.T
    similar = [[cosine(a, b) for b in columns] for a in columns]
    assert np.sort(np.unique(np.triu(similar, 1).ravel()))[-1] < 0.9999
    np.testing.assert_array_equal(columns[0], default_lexicon.word_vector("news"))
    for column, entry in zip(columns, matrix.entries, strict=True):
        own = default_lexicon.look_up(entry.name).vector
        assert cosine(column, own) > 0.99
        np.testing.assert_array_equal(column, entry.vector)
    added = columns[1] - columns[0]
    assert abs(cosine(added, columns[0])) < 1e-4
    np.testing.assert_allclose(np.linalg.norm(added), 0.1 * np.linalg.norm(columns[0]), rtol=1e-3)
    pairs = [("News", "news"), ("News", "NEWS"), ("dogs and cats", "cats and dogs")]
    assert len(matrix.warnings) == 3
    for first, second in pairs:
        assert sum(f"{first!r} and {second!r}" in warning for warning in matrix.warnings) == 1


@pytest.mark.parametrize("names", [["news", "sport", " news "], ["xqzzv", "xqzzv"]])
def test_the_same_name_twice_is_refused(default_lexicon: Lexicon, names: list[str]) -> None:
    with pytest.raises(DesireEdgeError, match=f"{names[0]!r} is given twice"):
        default_lexicon.label_matrix(names)


def test_an_empty_name_in_a_matrix_is_refused(default_lexicon: Lexicon) -> None:
    with pytest.raises(DesireEdgeError, match="empty"):
        default_lexicon.label_matrix(["news", " "])


@given(
    names=st.lists(
        st.text("abAB é+#?", min_size=1, max_size=4).filter(str.strip), unique_by=str.strip, max_size=8
    )
)
def test_no_two_columns_are_equal_or_zero(default_lexicon: Lexicon, names: list[str]) -> None:
    columns = default_lexicon.label_matrix(names).vectors.T
    assert np.isfinite(columns).all()
    for index, column in enumerate(columns):
        assert column.any()
        assert all(cosine(column, other) < 0.9999 for other in columns[:index])


def test_delicious_tags_are_known_and_distinct(default_lexicon: Lexicon, delicious: Dataset) -> None:
    matrix = default_lexicon.label_matrix(delicious.labels)
    how = Counter(entry.how for entry in matrix.entries)
    assert how["word"] >= 900 and how["subwords"] + how["seeded"] <= 25
    plain = np.array([default_lexicon.look_up(name).vector for name in delicious.labels])
    assert len(np.unique(plain, axis=0)) >= 965
    assert len(np.unique(matrix.vectors.T, axis=0)) == 975


def test_the_sample_corpus_tags_are_known(default_lexicon: Lexicon) -> None:
    matrix = default_lexicon.label_matrix(load_sample().labels)
    guessed = [entry.name for entry in matrix.entries if entry.how in ("subwords", "seeded")]
    assert len(guessed) <= 0.05 * len(matrix.entries), guessed


def test_a_device_needs_numpy_and_safetensors_only(default_path: Path) -> None:
    """Looking names up imports nothing that only a server has."""
    program = (
        "import sys; from pathlib import Path; from desire_edge.lexicon import Lexicon\n"
        "Lexicon.open(Path(sys.argv[1])).label_matrix(['webdesign', 'xqzzv'])\n"
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(default_path)], capture_output=True, text=True, check=True
    )
    foreign = {name for name in answer.stdout.split() if not name.startswith("_")}
    assert foreign & {"torch", "onnx", "pyarrow", "msgpack", "scipy", "sklearn", "pydantic"} == set()
    assert {"numpy", "safetensors", "desire_edge"} <= foreign


def test_every_process_finds_the_same_vectors(default_lexicon: Lexicon, default_path: Path) -> None:
    names = ["news", "webdesign", "NEWS", "xqzzv", "dogs and cats", "cats and dogs"]
    program = (
        "import sys; from pathlib import Path; from desire_edge.lexicon import Lexicon\n"
        "matrix = Lexicon.open(Path(sys.argv[1])).label_matrix(sys.argv[2:])\n"
        "sys.stdout.buffer.write(matrix.vectors.tobytes())"
    )
    mine = default_lexicon.label_matrix(names).vectors.tobytes()
    for seed in ("1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", program, str(default_path), *names],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert answer.stdout == mine
