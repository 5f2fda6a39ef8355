"""Splitting compounds by unigram rank."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.compounds import Split, split_compound

_RANKS = {
    "the": 0, "of": 1, "to": 2, "on": 10, "my": 50, "as": 60, "read": 700, "web": 900, "design": 1200, "now": 90,
    "here": 150, "nowhere": 9000, "ruby": 7000, "rails": 11000, "xq": 40000, "abc": 30000, "map": 2000, "2": 80,
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("webdesign", ("web", "design")),
        ("rubyonrails", ("ruby", "on", "rails")),
        ("toread", ("to", "read")),
        ("nowhereweb", ("nowhere", "web")),  # one rare word is likelier than two common ones
        ("web2", ("web", "2")),
    ],
)
def test_the_most_probable_pieces_win(word: str, pieces: tuple[str, ...]) -> None:
    assert split_compound(word, _RANKS.get) == Split(pieces, True)


def test_letters_are_left_out_only_as_a_last_resort() -> None:
    assert split_compound("zdesign", _RANKS.get) == Split(("design",), False)


@pytest.mark.parametrize("word", ["zzzz", "webzzzz", "webxq", "webabc", "mapas", "", "designzzzzz"])
def test_scraps_and_endings_are_no_pieces(word: str) -> None:
    assert split_compound(word, _RANKS.get) is None


def test_a_very_long_word_is_not_split() -> None:
    assert split_compound("web" * 40, _RANKS.get) is None


@given(st.text("webdsignofruyla2x", max_size=30))
def test_pieces_are_known_and_stand_in_order(word: str) -> None:
    split = split_compound(word, _RANKS.get)
    if split is None:
        return
    assert all(piece in _RANKS for piece in split.pieces)
    assert split.complete == ("".join(split.pieces) == word)
    at = 0
    for piece in split.pieces:
        at = word.index(piece, at) + len(piece)
    assert sum(map(len, split.pieces)) >= 0.6 * len(word)


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("webdesign", ("web", "design")),
        ("rubyonrails", ("ruby", "on", "rails")),
        ("socialnetworking", ("social", "networking")),
        ("projectmanagement", ("project", "management")),
        ("creativecommons", ("creative", "commons")),
        ("toread", ("to", "read")),
        ("mp3blog", ("mp3", "blog")),
        ("cyberpunk2077", ("cyberpunk", "2077")),
    ],
)
def test_real_compounds(default_lexicon: Lexicon, name: str, pieces: tuple[str, ...]) -> None:
    entry = default_lexicon.look_up(name)
    assert (entry.known, entry.how) == (pieces, "compound")
