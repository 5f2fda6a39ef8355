"""What a person does in the page, and what they see there."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

BREAD = "Knead the dough for the bread, then bake the loaf in a hot oven."
BIKE = "Ride the bike to work: mend the tyre, oil the chain, pump the wheel."


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


def drop(page: Page, files: dict[str, bytes], where: str = "body") -> None:
    """Drop files on the page, or a part of it, as the browser hands them to it."""
    contents = [[name, list(content)] for name, content in files.items()]
    transfer = page.evaluate_handle(
        """(contents) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of contents) transfer.items.add(new File([new Uint8Array(bytes)], name));
            return transfer;
        }""",
        contents,
    )
    page.dispatch_event(where, "drop", {"dataTransfer": transfer})
