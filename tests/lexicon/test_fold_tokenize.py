"""Folding and splitting text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.lexicon import fold, tokenize
from desire_edge.lexicon.text import split_camel_case

_JAVASCRIPT = r"""
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const tokens = texts.map((text) =>
  text.normalize("NFKC").toLowerCase().replace(/['’]/g, "").match(/[\p{L}\p{M}\p{N}]+(?:\+\+|#)?/gu) ?? []);
process.stdout.write(JSON.stringify(tokens));
"""


@pytest.mark.parametrize(
    ("text", "folded"),
    [("ＷＥＢ", "web"), ("Łódź", "łódź"), ("ﬁle", "file"), ("C#", "c#"), ("e\u0301", "é"), ("日本", "日本")],
)
def test_fold_unifies_forms_and_case(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ruby on Rails", ["ruby", "on", "rails"]),
        ("don't stop, O’Brien's!", ["dont", "stop", "obriens"]),
        ("C++ and C# (and F#)", ["c++", "and", "c#", "and", "f#"]),
        ("a+b = #5", ["a", "b", "5"]),
        ("snake_case/web2.0", ["snake", "case", "web2", "0"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("… – !?", []),
        ("", []),
    ],
)
def test_tokenize_finds_the_words(text: str, words: list[str]) -> None:
    assert tokenize(text) == words


@given(st.text())
def test_tokens_are_runs_of_letters_marks_and_digits(text: str) -> None:
    for word in tokenize(text):
        stem = word.removesuffix("++").removesuffix("#")
        assert stem
        assert all(unicodedata.category(character)[0] in "LMN" for character in stem)


@given(
    st.lists(st.text("abzáßд語19", min_size=1), max_size=8),
    st.sampled_from([" ", ", ", " – ", "/", "_", "\n"]),
)
def test_tokenize_undoes_joining(words: list[str], separator: str) -> None:
    assert tokenize(separator.join(words)) == words


@given(st.text())
def test_no_letter_or_digit_is_lost(text: str) -> None:
    letters = [c for c in fold(text) if unicodedata.category(c)[0] in "LMN"]
    assert [c for word in tokenize(text) for c in word if c not in "+#"] == letters


def test_camel_case_is_split_before_capitals_that_follow_small_letters() -> None:
    assert split_camel_case("openSourceHTML") == ["open", "Source", "HTML"]
    assert split_camel_case("plain") == ["plain"]


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_javascript_splits_every_character_alike() -> None:
    """Every character that this Python's Unicode tables know, alone and within a word."""
    characters = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")
    ]
    texts = [f"{character} Ab{character}C++ d" for character in characters]
    answer = subprocess.run(
        ["node", "-e", _JAVASCRIPT], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    theirs = json.loads(answer.stdout)
    differing = [text for text, words in zip(texts, theirs, strict=True) if words != tokenize(text)]
    assert differing == []
