"""The C++ client's words, vectors and half precision are Python's, and the golden vectors'."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import Trained
from vectors.measure import error

from desire_edge import DesireEdgeError
from desire_edge.inputs.names import check_name
from desire_edge.lexicon import LabelVector, Lexicon, tokenize

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


CHARACTERS = [chr(c) for c in (*range(0xD800), *range(0xE000, 0x110000))]


def test_every_character_is_folded_and_split_as_python_does(probe: Callable[[Any], Any]) -> None:
    texts = [f"a{character}b {character} Σ{character}Σ'x {character}++" for character in CHARACTERS]
    assert probe({"tokenize": texts})["tokenize"] == [tokenize(text) for text in texts]


def test_a_name_with_any_character_is_cleaned_as_python_does(probe: Callable[[Any], Any]) -> None:
    named = [c for c in CHARACTERS if c < "\U00020000" or "\U000e0000" <= c < "\U000e1000"]
    names = [f"{character}e\u0301{character}\u0301 {character}" for character in named]
    for answer, name in zip(probe({"names": [[name] for name in names]})["names"], names, strict=True):
        try:
            assert answer == {"gives": [check_name(name, "the names")]}
        except DesireEdgeError as error:
            assert answer["refuses"] == error.code, repr(name)


def test_halves_are_rounded_as_numpy_does(probe: Callable[[Any], Any]) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = np.sort(every[np.isfinite(every)].astype(np.float32))
    between = (every[1:].astype(np.float64) + every[:-1]) / 2  # ties, which single precision holds
    values = np.concatenate([every, between.astype(np.float32)])
    values = np.concatenate([values, *(np.nextafter(values, np.float32(far)) for far in (-np.inf, np.inf))])
    assert np.array_equal(
        probe({"half": values.tolist()})["half"], values.astype(np.float16).astype(np.float32).tolist()
    )


def test_names_get_the_vectors_that_python_gives_them(
    sample_trained: Trained, probe: Callable[[Any], Any]
) -> None:
    path = sample_trained.bundle / "lexicon.safetensors"
    lexicon = Lexicon.open(path)
    frequent = lexicon.words_by_rank(2000)
    pairs = np.random.default_rng(0).choice(frequent, (200, 2)).tolist()
    names = [
        "open source",
        "C#",
        "c++",
        "Zzqxv",
        "openSource",
        "don't",
        "日本語",
        "ΟΔΟΣ",
        "İstanbul",
        " x ",
        "2007",
    ]
    names += [*map("".join, pairs), *map(" ".join, pairs), *(f"{word[:-1]}qz" for word in frequent[:200])]
    matrices = [["jazz", "Jazz", "JAZZ", "bread"], ["web design", "webdesign", "design web"]]
    answers = probe({"lexicon": str(path), "look_up": names, "label_matrix": matrices})
    entries = [lexicon.look_up(name) for name in names]
    assert {entry.how for entry in entries} == {"word", "words", "compound", "subwords", "seeded"}
    for found, entry in zip(answers["look_up"], entries, strict=True):
        assert found == as_json(entry)
    for found, labels in zip(answers["label_matrix"], matrices, strict=True):
        matrix = lexicon.label_matrix(labels)
        assert found["warnings"] == list(matrix.warnings) and matrix.warnings
        assert found["entries"] == [as_json(entry) for entry in matrix.entries]


def as_json(label: LabelVector) -> dict[str, Any]:
    return {
        "name": label.name,
        "vector": label.vector.tolist(),
        "known": list(label.known),
        "unknown": list(label.unknown),
        "how": label.how,
    }


def test_texts_names_and_halves_are_the_golden_vectors(probe: Callable[[Any], Any]) -> None:
    texts = json.loads((VECTORS / "texts.json").read_bytes())["cases"]
    answers = probe({"tokenize": [text["text"] for text in texts]})
    assert answers["tokenize"] == [text["tokens"] for text in texts]

    halves = json.loads((VECTORS / "halves.json").read_bytes())
    halves = [half for half in halves if np.isfinite(half["half"])]
    assert probe({"half": [half["value"] for half in halves]})["half"] == [half["half"] for half in halves]

    check_names(probe, VECTORS / "plain" / "lexicon.safetensors", "labels.json")


def test_the_static_lexicon_gives_the_golden_vectors(probe: Callable[[Any], Any]) -> None:
    lexicon, expected = (
        VECTORS / "static" / "lexicon.safetensors",
        json.loads((VECTORS / "static.json").read_bytes()),
    )
    texts = [item["text"] for item in expected["texts"]]
    asked = {"lexicon": str(lexicon), "text_vectors": texts, "hashed": expected["hashed"]}
    answers = probe(asked)["text_vectors"]
    for found, item in zip(answers, expected["texts"], strict=True):
        assert (found["known_words"], found["words"]) == (item["known_words"], item["words"])
        assert error(found["x"], item["z"]) <= 1e-6
    check_names(probe, lexicon, "static.json")


def check_names(probe: Callable[[Any], Any], lexicon: Path, file: str) -> None:
    """Names, alone and together, are understood as the file of golden vectors expects."""
    expected = json.loads((VECTORS / file).read_bytes())
    names, groups = expected["names"], expected["groups"]
    answers = probe(
        {
            "lexicon": str(lexicon),
            "look_up": [name["name"] for name in names],
            "label_matrix": [group["names"] for group in groups],
        }
    )
    for found, name in zip(answers["look_up"], names, strict=True):
        assert [found[key] for key in ("how", "known", "unknown")] == [
            name[key] for key in ("how", "known", "unknown")
        ]
        assert error(found["vector"], name["vector"]) <= 1e-6
    for found, group in zip(answers["label_matrix"], groups, strict=True):
        assert error([entry["vector"] for entry in found["entries"]], group["vectors"]) <= 1e-6
        assert len(found["warnings"]) == sum(group["told_apart"])
