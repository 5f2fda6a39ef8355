"""The golden vectors, run by the web client in Node and in the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drivers.web import (
    Request,
    adapt_in_node,
    adapt_in_page,
    ask,
    install_packages,
    opened,
    serving,
)
from playwright.sync_api import Browser
from vectors.tiny import BUNDLES, PRIOR

from desire_edge import Support

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[1] / "vectors"
TOLERANCE = 1e-5  # of the largest number of what is compared


def read(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


CASES: list[dict[str, Any]] = read("cases.json")
EARLIER = {name: f"earlier/{name}" for name in BUNDLES if name not in PRIOR}
"""The golden bundles that are there of schema 6, too, which is from before the head prior's."""


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


def request_of(case: dict[str, Any]) -> Request:
    items, queries = case["support"], case["queries"]
    support = Support.of(
        [item["text"] for item in items],
        [item["labels"] for item in items],
        [item.get("negative_labels", []) for item in items],
        [item.get("known_labels", []) for item in items],
    )
    known = [query.get("known_labels", []) for query in queries]
    return Request(support, [query["text"] for query in queries], case["labels"], case["missing"], known)


def check(case: dict[str, Any], found: dict[str, Any]) -> None:
    """What a client found is what is expected, within `TOLERANCE` of the largest number."""
    expected = case["expected"]
    ways = len(case["labels"])
    losses, steps = expected["losses"], expected["steps"]
    assert (found["labels"], found["steps"]) == (case["labels"], steps)
    pairs = {
        "probabilities": (found["probabilities"], expected["query_probabilities"]),
        "thresholds": (found["thresholds"], expected["thresholds"]),
        "losses": (found["losses"], [losses[0], losses[steps]]),
    }
    for name, array in expected["head"].items():
        wanted, flat = np.array(array), np.array(found["weights"][name], float)
        # These have a column a way, the unused ones 0.
        rows = 1 if name == "b" else len(wanted)
        pairs[name] = (
            flat.reshape(rows, -1)[:, :ways].reshape(wanted.shape)
            if name in ("v", "m", "l", "b")
            else flat.reshape(wanted.shape),
            wanted,
        )
    for name, (mine, wanted) in pairs.items():
        scale = max(1e-3, float(np.abs(wanted).max()))
        np.testing.assert_allclose(
            mine, wanted, rtol=0, atol=TOLERANCE * scale, err_msg=f"{case['name']}: {name}"
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_node_learns_as_expected(case: dict[str, Any]) -> None:
    check(case, adapt_in_node(VECTORS / case["bundle"], request_of(case)))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["bundle"] in EARLIER], ids=lambda case: case["name"]
)
def test_node_learns_as_expected_by_an_earlier_bundle(case: dict[str, Any]) -> None:
    check(case, adapt_in_node(VECTORS / EARLIER[case["bundle"]], request_of(case)))


@pytest.mark.parametrize("bundle", [*BUNDLES, *EARLIER.values()])
def test_the_page_learns_as_expected(browser: Browser, bundle: str) -> None:
    cases = [case for case in CASES if bundle in (case["bundle"], EARLIER.get(case["bundle"]))]
    assert cases
    with serving(VECTORS / bundle) as url:
        page = browser.new_page()
        opened(page, url)
        for case in cases:
            check(case, adapt_in_page(page, request_of(case)))


def test_the_page_splits_texts_as_expected(browser: Browser) -> None:
    """The browser's Unicode is another one than Node's, and than that of the bundle."""
    cases = read("texts.json")["cases"]
    with serving(VECTORS / "plain") as url:
        page = browser.new_page()
        page.goto(f"{url}icon.svg")
        found = page.evaluate(
            """async (texts) => texts.map((await import("/desire-edge/text.js")).tokenize)""",
            [case["text"] for case in cases],
        )
    assert found == [case["tokens"] for case in cases]


def test_texts_and_names_are_understood_as_expected() -> None:
    texts = read("texts.json")["cases"]
    answers = ask("text", texts=[case["text"] for case in texts])
    assert [answer["tokens"] for answer in answers] == [case["tokens"] for case in texts]
    check_names(VECTORS / "plain" / "lexicon.safetensors", read("labels.json"))
    halves = read("halves.json")
    answers = ask("half", values=[case["value"] for case in halves])
    assert [f"{bits:04x}" for bits, _ in answers] == [case["half_bits"] for case in halves]


def test_the_static_lexicon_gives_what_is_expected() -> None:
    lexicon, expected = VECTORS / "static" / "lexicon.safetensors", read("static.json")
    texts = [item["text"] for item in expected["texts"]]
    answers = ask("textVectors", lexicon=str(lexicon), texts=texts, hashed=expected["hashed"])
    for item, answer in zip(expected["texts"], answers, strict=True):
        known = len(answer["words"]) - len(answer["unknown"])
        assert (known, len(answer["words"])) == (item["known_words"], item["words"])
        np.testing.assert_allclose(answer["x"], item["z"], rtol=0, atol=1e-6)
    check_names(lexicon, expected)


def check_names(lexicon: Path, expected: dict[str, Any]) -> None:
    """Node understands names, alone and together, as the file expects."""
    names = [item["name"] for item in expected["names"]]
    for item, answer in zip(expected["names"], ask("lookUp", lexicon=str(lexicon), names=names), strict=True):
        found = (answer["how"], answer["known"], answer["unknown"])
        assert found == (item["how"], item["known"], item["unknown"])
        np.testing.assert_allclose(answer["vector"], item["vector"], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(np.float16(answer["vector"]).astype(float), item["half"])
    for group in expected["groups"]:
        answer = ask("matrix", lexicon=str(lexicon), names=group["names"])
        np.testing.assert_allclose(answer["vectors"], group["vectors"], rtol=0, atol=1e-6)
