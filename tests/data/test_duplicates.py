"""Near-duplicates: found, held to a slow reference, and the same wherever they are looked for."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from desire_edge.data import load_sample
from desire_edge.data.duplicates import NEAR, near_duplicates, shingles

LONG = "The quick brown fox jumps over the lazy dog while nine old men play chess in the warm shade of a tree"


def jaccard(one: str, other: str) -> float:
    mine, theirs = shingles(one), shingles(other)
    return len(mine & theirs) / len(mine | theirs)


def test_shingles_are_runs_of_three_words() -> None:
    assert shingles("A pool,  where TO swim") == {"a pool where", "pool where to", "where to swim"}
    assert shingles("Two words") == {"two words"}
    assert shingles("") == {""}
    assert shingles("水泳の場所") == {"水 泳 の", "泳 の 場", "の 場 所"}, "a letter is a word"


def test_a_text_with_one_word_changed_is_a_near_duplicate_of_the_first() -> None:
    texts = ["Something else", LONG, LONG.replace("tree", "bush"), "Neither of them, at all", LONG.upper()]
    assert near_duplicates(texts).tolist() == [0, 1, 1, 3, 1]


def test_the_sample_corpus_agrees_with_all_pairs_compared() -> None:
    texts = list(load_sample().texts or ())[:150]
    shuffled = random.Random(0)
    for text in texts[:20]:
        words = text.split()
        words[shuffled.randrange(len(words))] = "changed"
        texts.append(" ".join(words))
    found = near_duplicates(texts)
    for row, text in enumerate(texts):
        near = [other for other in range(row) if jaccard(text, texts[other]) >= NEAR]
        if found[row] != row:
            assert found[row] in near
        else:  # what hashing misses lies at the bound
            assert all(jaccard(text, texts[other]) < NEAR + 0.05 for other in near if found[other] == other)
    assert (found[150:] != np.arange(150, 170)).sum() >= 15


@settings(max_examples=30)
@given(st.lists(st.text(max_size=30), max_size=8))
def test_equal_texts_are_near_and_a_first_text_is_its_own(texts: list[str]) -> None:
    found = near_duplicates([*texts, *texts])
    assert (found <= np.arange(2 * len(texts))).all()
    np.testing.assert_array_equal(found[found], found)
    for row in range(len(texts)):
        assert found[len(texts) + row] != len(texts) + row


def test_every_process_gives_the_same_answer() -> None:
    code = (
        "from desire_edge.data.duplicates import near_duplicates;"
        "print(near_duplicates([f'{n % 7} of {n % 5} swam to {n % 3} and back' for n in range(60)]).tolist())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_progress_is_reported_a_text() -> None:
    seen: list[tuple[int, int]] = []
    near_duplicates(["a", "b"], lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
