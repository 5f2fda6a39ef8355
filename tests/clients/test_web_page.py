"""The page in headless Chromium, as a person uses it: teach, try, reload, undo, drop, download; nothing leaves it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from drivers.web import (
    Request,
    adapt_in_page,
    chromium,
    install_packages,
    opened,
    same_task_in_python,
    serving,
)
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from trained import WAYS, Trained

from desire_edge import Bundle, Predictor, Support
from desire_edge.inputs import read_input
from desire_edge.runtime.archive import pack

pytestmark = pytest.mark.slow

BREAD = "Knead the dough for the bread, then bake the loaf in a hot oven."
BIKE = "Ride the bike to work: mend the tyre, oil the chain, pump the wheel."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    install_packages()
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def url(browser: Browser, sample_trained: Trained) -> Iterator[str]:
    with serving(sample_trained.bundle) as address:
        yield address


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh profile. A request to anything but this machine fails the test, and so does any error of a script's."""
    fresh = browser.new_context(accept_downloads=True)
    hosts: set[str] = set()
    errors: list[str] = []
    fresh.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/:]*).*", r"\1", request.url)))
    fresh.on("weberror", lambda error: errors.append(str(error.error)))
    fresh.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield fresh
    fresh.close()
    assert {host for host in hosts if not host.startswith("blob:")} <= {"http://127.0.0.1"}
    assert errors == []


@pytest.fixture
def page(context: BrowserContext, url: str) -> Page:
    """The page with the sample's bundle open."""
    fresh = context.new_page()
    opened(fresh, url)
    return fresh


def add_label(page: Page, name: str) -> None:
    page.get_by_label("Name of a new label").fill(name)
    page.get_by_role("button", name="Add label").click()


def add_example(page: Page, text: str, *labels: str) -> None:
    page.get_by_label("Text of a new example").fill(text)
    ticks = page.get_by_role("group", name="Labels of the new example")
    for label in labels:
        ticks.get_by_text(label, exact=True).click()
    page.get_by_role("button", name="Add example").click()


def teach_two(page: Page) -> None:
    """Two labels, and an example of each."""
    add_label(page, "baking")
    add_label(page, "cycling")
    add_example(page, BREAD, "baking")
    add_example(page, BIKE, "cycling")
    expect(page.get_by_role("status")).to_contain_text("from 2 examples")


def bars(page: Page) -> dict[str, int]:
    """Each label's probability in percent, as the page says it to a screen reader."""
    meters = page.get_by_role("meter").all()
    return {
        str(meter.get_attribute("aria-label")): int(meter.get_attribute("aria-valuenow") or -1)
        for meter in meters
    }


def try_text(page: Page, text: str) -> dict[str, int]:
    page.get_by_label("Text to label").fill(text)
    expect(page.locator(".bar .value").first).to_have_text(re.compile(r"\d+ %"))
    page.wait_for_timeout(100)  # the last keystroke's prediction takes a few milliseconds
    return bars(page)


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, as the browser hands them to it."""
    contents = [[name, list(content)] for name, content in files.items()]
    transfer = page.evaluate_handle(
        """(contents) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of contents) transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        contents,
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def test_the_right_one_of_two_taught_labels_wins(page: Page) -> None:
    teach_two(page)
    about_bread = try_text(page, "Bake the bread until the oven is cold.")
    assert about_bread["baking"] > about_bread["cycling"]
    about_bikes = try_text(page, "Oil the chain before you ride.")
    assert about_bikes["cycling"] > about_bikes["baking"]


def test_labels_work_by_their_names_alone(page: Page) -> None:
    add_label(page, "baking")
    add_label(page, "cycling")
    found = try_text(page, BREAD)
    assert found["baking"] > found["cycling"]
    expect(page.get_by_role("status")).to_contain_text("by name alone")


def test_a_reload_goes_on(page: Page, url: str) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    page.get_by_label("Text of a new example").fill("half a sentence")
    page.wait_for_timeout(500)  # the browser writes in the background
    opened(page, url)
    expect(page.get_by_label("Text to label")).to_have_value(BREAD)
    expect(page.get_by_label("Text of a new example")).to_have_value("half a sentence")
    expect(page.get_by_role("status")).to_contain_text("from 2 examples")
    assert bars(page) == before
    page.get_by_role("button", name="Undo").click()  # the steps stay, too
    expect(page.get_by_text("1 of at most 64")).to_be_visible()


def test_what_was_done_is_undone(page: Page) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    page.get_by_role("button", name="Remove the example Knead").click()
    expect(page.get_by_role("status")).to_contain_text("from 1 example")
    assert try_text(page, BREAD) != before
    page.get_by_role("button", name="Remove the label baking").click()
    expect(page.get_by_role("meter")).to_have_count(1)
    page.get_by_role("heading", name="Labels").click()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("status")).to_contain_text("from 2 examples")
    assert try_text(page, BREAD) == before


def test_start_over_leaves_no_text(page: Page, url: str) -> None:
    teach_two(page)
    try_text(page, BREAD)
    page.get_by_label("Text of a new example").fill("half a sentence")
    start_over = page.get_by_role("button", name="Start over")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if len(asked) == 1:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    start_over.click()
    expect(page.get_by_role("meter")).to_have_count(2)
    start_over.click()
    expect(page.get_by_role("meter")).to_have_count(0)
    assert len(asked) == 2
    assert "cannot be undone" in asked[0]
    for _ in range(2):
        expect(page.get_by_role("button", name="Undo")).to_be_disabled()
        expect(page.get_by_label("Text to label")).to_have_value("")
        expect(page.get_by_label("Text of a new example")).to_have_value("")
        stored = page.evaluate("async () => JSON.stringify(await (await import('/store.js')).load('state'))")
        assert '"history":[]' in stored
        assert all(text not in stored for text in (BREAD, BIKE, "half a sentence", "baking"))
        opened(page, url)


@pytest.mark.parametrize(
    "storage", ["undefined", "{ open() { throw new DOMException('no', 'SecurityError'); } }"]
)
def test_a_browser_without_storage_is_enough(page: Page, url: str, storage: str) -> None:
    page.add_init_script(f"Object.defineProperty(window, 'indexedDB', {{ value: {storage} }})")
    opened(page, url)
    teach_two(page)
    assert try_text(page, BREAD)["baking"] > 0
    opened(page, url)
    expect(page.get_by_role("meter")).to_have_count(0)


def test_a_value_that_cannot_be_stored_is_left(page: Page) -> None:
    stored = page.evaluate(
        """async () => {
            const { load, save } = await import("/store.js");
            await save("state", { draft: () => {} });
            await save("other", 1);
            return load("other");
        }"""
    )
    assert stored == 1


def test_a_tick_and_what_no_tick_means_change_what_is_learned(page: Page) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    example = page.get_by_role("group", name="Labels of the example Knead")
    example.get_by_text("cycling").click()
    expect(page.get_by_text("2 examples", exact=True)).to_be_visible()
    page.wait_for_timeout(200)
    ticked = bars(page)
    assert ticked["cycling"] > before["cycling"]
    example.get_by_text("cycling").click()
    page.get_by_label("I ticked only what I noticed").check()
    expect(page.get_by_text("No example is known not to carry 'baking'")).to_be_visible()


def test_unknown_labels_and_words_are_shown_as_such(page: Page) -> None:
    add_label(page, "xqzvwk")
    label = page.get_by_label("Labels to learn").get_by_role("listitem")
    expect(label).to_contain_text("unknown name")
    add_label(page, "breadbaking")
    expect(page.get_by_label("Labels to learn")).to_contain_text("bread + baking")
    try_text(page, "bread qqqzx")
    expect(page.get_by_text("The model knows 1 of 2 words")).to_be_visible()
    expect(page.locator("#words s")).to_have_text(["qqqzx"])
    try_text(page, "qqqzx zzzxq")
    expect(page.get_by_text("The model knows none of these words")).to_be_visible()


def test_the_keyboard_is_enough(page: Page) -> None:
    keyboard = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(40):
            keyboard.press("Tab")
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"no way to {selector} by Tab")

    tab_to("#label")
    keyboard.type("baking")
    keyboard.press("Enter")
    keyboard.type("cycling")
    keyboard.press("Enter")
    tab_to("#example")
    keyboard.type(BREAD)
    tab_to("#draft-ticks input")
    keyboard.press("Space")
    tab_to("#example-form button")
    keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("from 1 example")
    tab_to("#query")
    keyboard.type(BREAD)
    expect(page.locator(".bar.said .name").first).to_have_text("baking")
    page.evaluate("document.activeElement.blur()")
    tab_to("#labels .remove")
    keyboard.press("Enter")
    expect(page.get_by_role("meter")).to_have_count(1)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Remove the label cycling"
    keyboard.press("Control+z")
    expect(page.get_by_role("meter")).to_have_count(2)


def zip_of(bundle: Path, folder: Path) -> bytes:
    pack(bundle, folder / "packed.zip")
    return (folder / "packed.zip").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.png", b"\x89PNG\r\n", "photo.png is of no kind that can be read"),
        ("tagger.zip", b"no zip at all", "tagger.zip is not a bundle"),
        ("list.json", b"[1, 2]", "list.json is not a readable .json file"),
        ("latin.txt", "café".encode("latin-1"), "latin.txt is not a readable .txt file"),
        ("x.json", b'{"no such feature": 1}', "x.json: the model has no feature 'no such feature'"),
        ("manifest.json", b'{"schema_version": 2}', "schema version 2"),
        ("vector.npy", b"\x93NUMPY\x01\x00", "vector.npy is not a readable .npy file"),
    ],
)
def test_a_wrong_file_is_refused_in_a_sentence(page: Page, name: str, content: bytes, said: str) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    drop(page, {name: content})
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert len(page.get_by_role("alert").inner_text().split("\n")[0]) < 300
    assert bars(page) == before
    page.get_by_role("button", name="Close this message").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_damaged_bundle_leaves_the_open_one(page: Page, sample_trained: Trained, tmp_path: Path) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    whole = zip_of(sample_trained.bundle, tmp_path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1  # in the extractor or the lexicon
    for content, said in (
        (whole[: len(whole) // 2], "its table of contents is missing"),
        (bytes(flipped), "is not what was exported"),
        (whole.replace(b'"schema_version": 3', b'"schema_version": 9', 1), "schema version 9"),
    ):
        page.locator("#files").set_input_files(
            {"name": "tagger.desire", "mimeType": "application/zip", "buffer": content}
        )
        expect(page.get_by_role("alert")).to_contain_text(said)
    assert try_text(page, BREAD) == before


def test_a_dropped_bundle_stays_over_a_reload(
    page: Page, url: str, known_trained: Trained, tmp_path: Path
) -> None:
    content = zip_of(known_trained.bundle, tmp_path)
    chooser = page.locator("#files")
    chooser.set_input_files({"name": "known.desire", "mimeType": "application/zip", "buffer": content})
    expect(page.get_by_label("Tags it has already").first).to_be_visible()  # only this bundle uses them
    add_label(page, "baking")
    opened(page, url)
    expect(page.get_by_label("Tags it has already").first).to_be_visible()
    base = Bundle.open(known_trained.bundle).manifest.base_labels[0]
    add_example_with_tags(page, BREAD, base)
    expect(page.get_by_text(f"has already: {base}")).to_be_visible()
    add_example_with_tags(page, BIKE, "no base label")
    expect(page.get_by_role("alert")).to_contain_text("is no base label of this bundle")


def add_example_with_tags(page: Page, text: str, tags: str) -> None:
    page.get_by_label("Text of a new example").fill(text)
    page.get_by_label("Tags it has already").first.fill(tags)
    page.get_by_role("button", name="Add example").click()


def test_more_labels_or_examples_than_the_bundle_takes_are_refused(page: Page) -> None:
    for number in range(WAYS):
        add_label(page, f"label {number}")
    add_label(page, "one more")
    expect(page.get_by_role("alert")).to_contain_text(f"at most {WAYS} labels")
    drop(page, {f"{number}.txt": b"text" for number in range(65)})
    expect(page.get_by_role("alert")).to_contain_text("at most 64 examples")


def test_a_folder_of_examples_is_learned_as_python_learns_it(
    page: Page, sample_trained: Trained, tmp_path: Path
) -> None:
    """The files a person downloads are those of Python: the model's probabilities, and a task to go on from."""
    files = list(sample_trained.support.iterdir())
    page.locator("#files").set_input_files(files)
    expect(page.get_by_role("status")).to_contain_text(f"from {len(files) - 1} examples")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download model.onnx").click()
    download.value.save_as(tmp_path / "taught" / "model.onnx")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download task.safetensors").click()
    download.value.save_as(tmp_path / "taught" / "task.safetensors")

    own = Bundle.open(sample_trained.bundle, "cpu").adapt(Support.read(sample_trained.support))
    content = (tmp_path / "taught" / "task.safetensors").read_bytes()
    task = same_task_in_python(sample_trained.bundle, content, own, tmp_path / "again")
    queries = [read_input(path) for path in sorted(sample_trained.query.glob("*.txt"))]
    model = Predictor(tmp_path / "taught" / "model.onnx", "cpu")
    assert model.labels == task.labels
    np.testing.assert_allclose(model.predict(queries), task.predict(queries), rtol=0, atol=1e-5)


def test_numbers_in_the_page_are_those_of_python(
    context: BrowserContext, taught: Trained, tmp_path: Path
) -> None:
    support = Support.read(taught.support)
    queries = [read_input(path) for path in sorted(taught.query.glob("*.txt"))]
    with serving(taught.bundle) as url:
        page = context.new_page()
        opened(page, url)
        found = adapt_in_page(page, Request(support, queries))
    own = Bundle.open(taught.bundle, "cpu").adapt(support)
    task = same_task_in_python(taught.bundle, bytes(found["task"]), own, tmp_path)
    assert found["labels"] == list(task.labels)
    np.testing.assert_allclose(found["probabilities"], task.predict(queries), rtol=0, atol=1e-5)
    thresholds = [label.threshold for label in task.report.labels]
    np.testing.assert_allclose(found["thresholds"], thresholds, rtol=0, atol=1e-5)
    losses = [task.report.loss_before, task.report.loss_after]
    np.testing.assert_allclose(found["losses"], losses, rtol=1e-5, atol=1e-6)


@pytest.fixture(params=["sample", "known"])
def taught(request: pytest.FixtureRequest) -> Trained:
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model
