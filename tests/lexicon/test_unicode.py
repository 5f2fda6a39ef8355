"""Characters are those of Unicode 14.0.0, whatever Python's tables have."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.lexicon import fold, tokenize
from desire_edge.lexicon.characters import UNICODE, kinds, normalize

# Assigned by Unicode 15 or 16: a capital and its small letter, what composes with a dot, a mark, an emoji.
LATER = "\U00010d50\U00010d70\U000105d2\u0897\U0001fae8"
TEXT = st.text(st.one_of(st.characters(), st.sampled_from(f"{LATER}e\u0301\u0307Σσςİﬁ")))


def test_letters_of_later_versions_are_unassigned() -> None:
    assert kinds(LATER) == "?????"
    assert kinds("aé旅9\u0301 -+#😀") == "aaaaa  +# "


@pytest.mark.skipif(unicodedata.unidata_version != UNICODE, reason=f"this Python has not Unicode {UNICODE}")
@given(st.characters())
def test_kinds_are_those_of_unicode_14(character: str) -> None:
    category = unicodedata.category(character)
    expected = "?" if category == "Cn" else "a" if category[0] in "LMN" else " "
    assert kinds(character) == (character if character in "+#" else expected)


@given(TEXT)
def test_what_is_unassigned_stays_and_parts_what_is_changed(text: str) -> None:
    before, after = "E\u0301", "\u0301O"
    for character in LATER:
        whole = f"{text}{before}{character}{after}"
        assert fold(whole) == fold(f"{text}{before}") + character + fold(after)
        assert normalize(whole, "NFC") == normalize(f"{text}{before}", "NFC") + character + after


@given(TEXT)
def test_text_of_assigned_characters_is_folded_as_python_does(text: str) -> None:
    if "?" not in kinds(text):
        assert fold(text) == unicodedata.normalize("NFKC", text).lower()
        assert normalize(text, "NFC") == unicodedata.normalize("NFC", text)


@given(TEXT)
def test_words_hold_no_unassigned_character(text: str) -> None:
    for word in tokenize(text):
        assert set(kinds(word.removesuffix("++").removesuffix("#"))) == {"a"}
