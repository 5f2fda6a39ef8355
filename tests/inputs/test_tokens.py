"""Token ids: what a text's are, by a tokenizer beside the model, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ragged import tiny_tokenizer

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import Assets, TokensInput, input_from_json
from desire_edge.inputs.assets import sha256_of


@pytest.fixture
def spec(tmp_path: Path) -> TokensInput:
    return TokensInput.of(tiny_tokenizer(tmp_path), longest=6, pad=0)


def test_a_text_is_its_tokens_cut_off_at_the_longest(spec: TokensInput) -> None:
    for text, ids in {
        "bread a jazz": [1, 4, 6, 5, 2],
        "": [1, 2],
        "a salad": [1, 6, 3, 2],
        "a a a a a a a a a": [1, 6, 6, 6, 6, 2],
    }.items():
        found = spec.features_of(text, "a text").x
        assert found.dtype == np.int64
        assert found.tolist() == ids


def test_token_ids_are_taken_as_they_are(spec: TokensInput) -> None:
    for raw in ([1, 4, 2], np.array([1, 4, 2], np.uint8)):
        assert spec.features_of(raw, "ids").x.tolist() == [1, 4, 2]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({"bread": 1.0}, "input-kind"),
        ([1.5], "input-type"),
        ([[1], [1, 2]], "input-type"),
        ([], "input-type"),
        (np.zeros(0, np.int64), "input-shape"),
        ([1] * 7, "input-shape"),
        ([[1, 2]], "input-shape"),
        ([8], "input-feature"),
        ([-1], "input-feature"),
    ],
)
def test_other_values_are_refused(spec: TokensInput, raw: Any, code: str) -> None:
    with pytest.raises(DesireEdgeError, match=r"^ids") as refused:
        spec.features_of(raw, "ids")
    assert refused.value.code == code


def test_the_spec_comes_back_from_its_json(spec: TokensInput, tmp_path: Path) -> None:
    assert (spec.vocabulary, spec.ragged, spec.dtype, spec.shape) == (8, True, "int64", (None,))
    again = input_from_json(spec.to_json(), "here", "manifest", Assets(tmp_path))
    assert again == spec
    assert again.features_of("jazz", "a text").x.tolist() == [1, 5, 2]


@pytest.mark.parametrize(
    "patch",
    [
        {"longest": 0},
        {"longest": True},
        {"longest": 2**40},
        {"vocabulary_size": "8"},
        {"pad": -1},
        {"files": {}},
        {"files": {"../tokenizer.json": "0" * 64}},
        {"files": {"tokenizer.json": "0" * 63}},
        {"files": {"tokenizer.json": 5}},
    ],
)
def test_json_that_says_something_else_is_refused(spec: TokensInput, patch: dict[str, Any]) -> None:
    with pytest.raises(DesireEdgeError, match="does not say what the model's input is") as refused:
        input_from_json(spec.to_json() | patch, "here", "manifest", Assets())
    assert refused.value.code == "manifest"


def test_a_tokenizer_that_is_not_there_or_another_is_refused(spec: TokensInput, tmp_path: Path) -> None:
    def code_of(assets: Assets) -> str:
        with pytest.raises(DesireEdgeError, match=r"tokenizer\.json") as refused:
            input_from_json(spec.to_json(), "here", "manifest", assets).open()
        return refused.value.code

    assert code_of(Assets()) == "asset-none"
    assert code_of(Assets(tmp_path / "nowhere")) == "asset-none"
    (tmp_path / "tokenizer.json").write_text("{}")
    assert code_of(Assets(tmp_path)) == "asset-changed"
    broken = TokensInput(6, 8, 0, sha256_of(tmp_path / "tokenizer.json"), Assets(tmp_path))
    with pytest.raises(DesireEdgeError, match="not a tokenizer that can be read") as refused:
        broken.open()
    assert refused.value.code == "tokenizer"
