"""The page in headless Chromium, as a person uses it: teach, try, reload, undo; nothing leaves it."""

from __future__ import annotations

import pytest
from clients.person import BIKE, BREAD, add_label, bars, teach_two, try_text
from drivers.web import opened
from playwright.sync_api import Dialog, Page, expect

pytestmark = pytest.mark.slow


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


def test_a_label_gets_another_name(page: Page) -> None:
    teach_two(page)
    before = try_text(page, BREAD)
    answers = iter(["cycling", " bread and cakes "])
    page.on("dialog", lambda dialog: dialog.accept(next(answers)))
    rename = page.get_by_role("button", name="Rename the label baking")
    rename.click()
    expect(page.get_by_role("alert")).to_contain_text("is a label 'cycling' already")
    rename.click()
    expect(page.get_by_role("status")).to_contain_text("from 2 examples")
    expect(page.get_by_role("button", name="Remove the label bread and cakes")).to_be_visible()
    assert list(try_text(page, BREAD)) == ["bread and cakes", "cycling"]
    page.get_by_role("button", name="Undo").click()
    assert try_text(page, BREAD) == before


def test_a_text_that_no_label_fits_gets_none_of_these(page: Page) -> None:
    teach_two(page)
    none = page.get_by_text("None of these")
    said = {}
    for text in (BREAD, BIKE, "The court fined the bank over its accounts.", "A symphony for strings."):
        try_text(page, text)
        said[text] = page.locator(".bar.said").count()
        expect(none).to_be_visible(visible=not said[text])
    assert said[BREAD] and not min(said.values()), said


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


def test_two_spellings_of_a_name_are_one_label(page: Page) -> None:
    add_label(page, " caf\u00e9")
    add_label(page, "cafe\u0301\u200b")
    expect(page.get_by_role("alert")).to_contain_text("is a label 'caf\u00e9' already")
    assert set(bars(page)) == {"caf\u00e9"}


def test_names_that_an_older_page_left_are_cleaned(page: Page, url: str) -> None:
    page.evaluate(
        """async () => {
            const { save } = await import("/store.js");
            const labels = ["cafe\\u0301", "caf\\u00e9", "jazz\\u200b", "\\u200b"];
            const example = { raw: "jazz", labels: ["jazz\\u200b"], negativeLabels: [], knownLabels: [] };
            await save("state", { labels, examples: [{ ...example, id: "0", name: "jazz" }], missing: "negative" });
        }"""
    )
    opened(page, url)
    expect(page.get_by_role("status")).to_contain_text("Learned 2 labels from 1 example")
    assert set(bars(page)) == {"caf\u00e9", "jazz"}


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
