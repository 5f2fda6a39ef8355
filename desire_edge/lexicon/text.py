"""Folding and splitting text, in rules small enough for C and JavaScript to copy."""

from __future__ import annotations

import re

from desire_edge.lexicon.characters import fold, kinds, normalize

# In JavaScript: text.replace(/['’]/g, "").match(/[\p{L}\p{M}\p{N}]+(?:\+\+|#)?/gu). The end keeps c++ and c# whole.
_ASCII_RUN = re.compile(r"[A-Za-z0-9]+(?:\+\+|#)?")
_APOSTROPHES = re.compile("['’]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def tokenize(text: str) -> list[str]:
    """Split `text` into folded words, the same at training and on the device.

    A word is a longest run of letters, marks and digits (Unicode 14's categories L, M, N), with a "++" or "#" that
    follows it directly. Apostrophes (' and ’) are deleted first, so "don't" is "dont". All else separates.
    """
    return _runs(fold(text))


def split_name(name: str) -> list[str]:
    """Split a label's name like `tokenize`, but leave the letters' case as it is (for `split_camel_case`)."""
    return _runs(normalize(name, "NFKC"))


def split_camel_case(word: str) -> list[str]:
    """Split "openSource" into ["open", "Source"]: between a lower-case and an upper-case ASCII letter."""
    return _CAMEL.split(word)


def has_letter_or_digit(text: str) -> bool:
    """Whether `tokenize(text)` would find anything."""
    return "a" in kinds(text)


def _runs(text: str) -> list[str]:
    text = _APOSTROPHES.sub("", text)
    if text.isascii():
        return _ASCII_RUN.findall(text)
    # re has no \p{L}: find the runs among the characters' kinds, cut the text at the same places.
    return [text[run.start() : run.end()] for run in _ASCII_RUN.finditer(kinds(text))]
