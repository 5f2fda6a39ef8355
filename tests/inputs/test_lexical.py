"""Texts as their vectors by a static lexicon beside the model, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.static_lexicon import DIM, make_static
from vectors.tiny import tiny_lexicon

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import Assets, LexiconInput, input_from_json
from desire_edge.inputs.lexical import LEXICON
from desire_edge.inputs.spec import unknown_texts
from desire_edge.lexicon import Lexicon


@pytest.fixture
def spec(tmp_path: Path) -> LexiconInput:
    make_static(tmp_path / LEXICON)
    return LexiconInput.of(tmp_path / LEXICON)


def test_a_text_is_its_vector_of_length_1(spec: LexiconInput, tmp_path: Path) -> None:
    found = spec.features_of("Bread and zzyzx, bread and jazz", "a text")
    expected = Lexicon.open(tmp_path / LEXICON).text_vector("Bread and zzyzx, bread and jazz").vector
    np.testing.assert_array_equal(found.x, expected)
    assert found.x.dtype == np.float32 and np.linalg.norm(found.x) == pytest.approx(1, abs=1e-6)
    assert (found.known_words, found.words) == (3, 4)


def test_its_words_come_after_it_hashed(spec: LexiconInput, tmp_path: Path) -> None:
    wide = replace(spec, hashed=512)
    again = input_from_json(wide.to_json(), "here", "manifest", Assets(tmp_path))
    assert again == wide and again.features == wide.features == DIM + 512
    x = again.features_of("Bread and zzyzx, bread and jazz", "a text").x
    np.testing.assert_array_equal(x[:DIM], spec.features_of("Bread and zzyzx, bread and jazz", "a text").x)
    assert np.count_nonzero(x[DIM:]) == 4 and "hashed" not in spec.to_json()
    np.testing.assert_array_equal(again.features_of(x, "a vector").x, x)


def test_a_text_without_known_words_is_warned_of(spec: LexiconInput) -> None:
    features = [spec.features_of(text, "a text") for text in ("zzyzx xyzzy", "bread", "...")]
    (warning,) = unknown_texts(features, ["first", "second", "third"])
    assert warning.startswith("first: 0 of its 2 words")
    assert features[0].x.any() and not features[2].x.any()


def test_vectors_are_taken_as_they_are(spec: LexiconInput) -> None:
    vector = np.arange(DIM, dtype=np.float32)
    np.testing.assert_array_equal(spec.features_of(vector, "a vector").x, vector)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({"bread": 1.0}, "input-kind"),
        ([1.0] * 3, "input-shape"),
        ([np.nan] * DIM, "input-finite"),
        (["a"] * DIM, "input-type"),
    ],
)
def test_other_values_are_refused(spec: LexiconInput, raw: Any, code: str) -> None:
    with pytest.raises(DesireEdgeError, match=r"^this") as refused:
        spec.features_of(raw, "this")
    assert refused.value.code == code


def test_the_spec_comes_back_from_its_json(spec: LexiconInput, tmp_path: Path) -> None:
    again = input_from_json(spec.to_json(), "here", "manifest", Assets(tmp_path))
    assert again == spec and isinstance(again, LexiconInput)
    np.testing.assert_array_equal(again.features_of("jazz", "").x, spec.features_of("jazz", "").x)


@pytest.mark.parametrize(
    "change",
    [
        {"hashed": -1},
        {"hashed": True},
        {"hashed": 1 << 17},
        {"features": 7},
        {"features": True},
        {"features": 0},
        {"files": {}},
        {"files": {LEXICON: "x"}},
    ],
)
def test_a_spec_that_is_none_is_refused(spec: LexiconInput, tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(DesireEdgeError) as refused:
        input_from_json(spec.to_json() | change, "here", "manifest", Assets(tmp_path))
    assert refused.value.code == "manifest"


def test_another_lexicon_is_refused(spec: LexiconInput, tmp_path: Path) -> None:
    wider = input_from_json(spec.to_json() | {"features": DIM + 2}, "here", "manifest", Assets(tmp_path))
    with pytest.raises(DesireEdgeError, match="8 features, but the model takes 10"):
        wider.open()
    tiny_lexicon(tmp_path / LEXICON)
    fresh = input_from_json(spec.to_json(), "here", "manifest", Assets(tmp_path))
    with pytest.raises(DesireEdgeError) as changed:
        fresh.open()
    assert changed.value.code == "asset-changed"
    with pytest.raises(DesireEdgeError, match="gives texts no features"):
        LexiconInput.of(tmp_path / LEXICON)
