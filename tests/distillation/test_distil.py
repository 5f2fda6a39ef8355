"""Distilling a static lexicon: four bits, n-grams, means, and files of word vectors as teachers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from desire_edge.distillation.distil import Distillation, distil, gram_vectors, quantised
from desire_edge.distillation.teachers import Teacher, teacher_of, word_vectors
from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.static import Lineage, _unpacked, fnv1a, ngrams

TOPICS = {
    "bread": ("bread", "baker", "oven", "flour", "yeast", "loaf", "dough", "baking"),
    "jazz": ("jazz", "trumpet", "music", "band", "concert", "drummer", "melody", "drums"),
    "code": ("code", "linux", "kernel", "python", "compiler", "debug", "server", "script"),
}


@pytest.fixture
def teachers(tmp_path: Path) -> list[str]:
    """Two files of word vectors in which the words of a topic are alike."""
    rng = np.random.default_rng(0)
    specs = []
    for name, dim in (("first", 20), ("second", 30)):
        lines = []
        for words in zip(*TOPICS.values(), strict=True):
            for topic, word in zip(TOPICS, words, strict=True):
                centre = np.random.default_rng([dim, list(TOPICS).index(topic)]).normal(size=dim)
                vector = centre + 0.5 * rng.normal(size=dim)
                lines.append(f"{word} {' '.join(f'{value:.6f}' for value in vector)}\n")
        lines.append(f"e-mail {' '.join(['0.1'] * dim)}\n")
        (tmp_path / f"{name}.txt").write_text("".join(lines))
        specs.append(str(tmp_path / f"{name}.txt"))
    return specs


def made(teachers: list[str], out: Path, **settings: int) -> Lexicon:
    chosen = Distillation(
        **{"dim": 16, "grams": 64} | settings,
        teachers=tuple(f"{spec}@0.5" for spec in teachers),
        sources=(teachers[0],),
    )
    return distil(out, chosen, ["bread and jazz", "linux kernel", "oven"], ["music", "baker", "script"])


def test_texts_lie_near_the_names_of_their_topic(teachers: list[str], tmp_path: Path) -> None:
    lexicon = made(teachers, tmp_path / "static.safetensors")
    assert lexicon.static and lexicon.dim == 16 and len(lexicon) == 24 and "e-mail" not in lexicon
    texts = np.stack([lexicon.text_vector(" ".join(words[1:])).vector for words in TOPICS.values()])
    names = lexicon.label_matrix(list(TOPICS)).vectors
    assert np.argmax(texts @ names, axis=1).tolist() == [0, 1, 2]
    roles = [entry["role"] for entry in lexicon.describe()["lineage"]]
    assert [role.split(":")[0] for role in roles] == ["words and their ranks", *["teacher, share 0.5"] * 2]


def test_an_unknown_word_lies_near_one_spelt_alike(teachers: list[str], tmp_path: Path) -> None:
    lexicon = made(teachers, tmp_path / "static.safetensors", grams=512)
    unknown = lexicon.look_up("trumpetqz").vector
    assert "trumpet" in lexicon.look_up("trumpetqz").known or lexicon.look_up("trumpetqz").how == "ngrams"
    names = lexicon.label_matrix(["trumpet", "bread", "linux"]).vectors
    assert np.argmax(unknown @ names) == 0


def test_the_same_settings_give_the_same_file(teachers: list[str], tmp_path: Path) -> None:
    made(teachers, tmp_path / "first.safetensors")
    made(teachers, tmp_path / "again.safetensors")
    assert (tmp_path / "first.safetensors").read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_four_bits_keep_the_direction() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 64))
    vectors[7] = 0
    pairs, scales = quantised(vectors)
    found = _unpacked(pairs) * scales[:, None]
    assert not found[7].any() and scales[7] > 0
    kept = np.delete(np.arange(50), 7)
    cosines = (
        (found * vectors).sum(1)[kept]
        / np.linalg.norm(found[kept], axis=1)
        / np.linalg.norm(vectors[kept], axis=1)
    )
    assert cosines.min() > 0.98
    plain = np.rint(vectors / (np.abs(vectors).max(1, keepdims=True).clip(1e-9) / 7))
    plain *= np.abs(vectors).max(1, keepdims=True) / 7
    assert ((found - vectors) ** 2).sum() <= ((plain - vectors) ** 2).sum()


def test_n_grams_are_the_ridge_regression_of_the_words() -> None:
    words = [word for topic in TOPICS.values() for word in topic]
    vectors = np.random.default_rng(1).normal(size=(len(words), 4))
    rows = 40
    counts = np.zeros((len(words), rows))
    for row, word in zip(counts, words, strict=True):
        for gram in ngrams(word):
            row[fnv1a(gram) % rows] += 1 / np.sqrt(len(ngrams(word)))
    expected = np.linalg.lstsq(
        np.vstack([counts, np.eye(rows)]), np.vstack([vectors, np.zeros((rows, 4))]), rcond=None
    )[0]
    np.testing.assert_allclose(gram_vectors(words, vectors, rows), expected, atol=1e-5)


def test_words_that_no_teacher_knows_are_left_away(teachers: list[str], tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("xyzzy " + " ".join(["0.5"] * 4) + "\njazz 1 2 3 4\n")
    settings = Distillation(
        dim=16, grams=8, teachers=(teachers[0],), sources=(teachers[0], str(tmp_path / "more.txt"))
    )
    lexicon = distil(tmp_path / "static.safetensors", settings, [], [])
    assert "jazz" in lexicon and "xyzzy" not in lexicon
    unknown = replace(settings, teachers=(str(tmp_path / "more.txt"),), sources=(teachers[1],), words=1)
    with pytest.raises(DesireEdgeError, match="knows none of the words"):
        distil(tmp_path / "static.safetensors", unknown, [], [])


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"dim": 7}, "even number"),
        ({"grams": 0}, "row for n-grams"),
        ({"dim": 64}, "dimensions, fewer than the 64"),
        ({"teachers": ()}, "a teacher"),
        ({"teachers": ("minilm@much",)}, "must be a positive number"),
        ({"teachers": ("minilm@0",)}, "must be a positive number"),
        ({"teachers": ("no-such-teacher",)}, "no word vectors at 'no-such-teacher'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    teachers: list[str], tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    settings = Distillation(**{"sources": (teachers[0],), "dim": 16, "grams": 8} | changes)  # type: ignore[arg-type]
    with pytest.raises(DesireEdgeError, match=complaint):
        distil(tmp_path / "static.safetensors", settings, [], [])
    assert not (tmp_path / "static.safetensors").exists()


def test_what_an_encoder_says_is_kept(tmp_path: Path) -> None:
    """A teacher is asked once for the same words; a file cut short counts for nothing."""
    asked: list[list[str]] = []

    def encode(words: Sequence[str], report: Callable[[int], None]) -> NDArray[np.float32]:
        asked.append(list(words))
        report(len(words))
        return np.ones((len(words), 3), np.float32)

    teacher = Teacher(Lineage("own", "1", "MIT", "none"), encode)
    steps: list[tuple[str, int, int]] = []
    for _ in range(2):
        found = word_vectors("own", teacher, ["bread", "jazz"], lambda *step: steps.append(step), tmp_path)
        np.testing.assert_array_equal(found, np.ones((2, 3)))
    assert asked == [["bread", "jazz"]] and steps == [("words by own", 2, 2)] * 2
    (kept,) = tmp_path.iterdir()
    np.save(kept, np.ones((1, 3), np.float32))
    word_vectors("own", teacher, ["bread", "jazz"], lambda *step: None, tmp_path)
    word_vectors("own", teacher, ["bread", "tea"], lambda *step: None, tmp_path)
    assert asked[1:] == [["bread", "jazz"], ["bread", "tea"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "near", "far"), [("minilm", "bakery", "kernel"), ("use", "bakery", "kernel")]
)
def test_encoders_know_what_words_mean(spec: str, near: str, far: str, tmp_path: Path) -> None:
    found = word_vectors(spec, teacher_of(spec), ["bread", near, far], lambda *step: None, tmp_path)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.1
