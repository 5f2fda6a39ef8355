"""The picture of the page in the README: `python benchmarks/screenshot.py BUNDLE` writes docs/page.png.

A person teaches three labels with five examples and tries a text; the bundle is one of the sample corpus, such as
`make demo` leaves in build/demo/tagger.desire (with `--data sample`). Needs npm and chromium.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from drivers.web import chromium, install_packages, opened, serving

EXAMPLES = (
    ("Sourdough needs a hot oven and a day of patience. Feed the starter before you bake.", ["baking"]),
    ("A quick recipe for cinnamon rolls: knead the dough, let it rest, bake for twenty minutes.", ["baking"]),
    ("Fix a slipped bicycle chain with two tyre levers and some patience.", ["cycling", "repair"]),
    ("The best weekend bike rides along the river, with maps and photos.", ["cycling"]),
    ("How to replace a broken phone screen at home, tools and tips.", ["repair"]),
)
QUERY = "My tyre is flat again: patch the tube, pump it up, and ride on to the café for bread."
LABELS = ("baking", "cycling", "repair", "brompton")
OUT = Path(__file__).parents[1] / "docs" / "page.png"


def main() -> None:
    """Take the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=Path, help="a bundle of the sample corpus")
    parser.add_argument("--dark", action="store_true", help="in dark colours")
    parser.add_argument(
        "--out", type=Path, default=OUT, help="where the picture goes (default: docs/page.png)"
    )
    arguments = parser.parse_args()
    install_packages()
    with serving(arguments.bundle) as url, chromium() as browser:
        page = browser.new_page(
            viewport={"width": 1180, "height": 760},
            color_scheme="dark" if arguments.dark else "light",
            reduced_motion="reduce",
        )
        opened(page, url)
        for label in LABELS:
            page.get_by_label("Name of a new label").fill(label)
            page.get_by_role("button", name="Add label").click()
        ticks = page.get_by_role("group", name="Labels of the new example")
        for text, labels in EXAMPLES:
            page.get_by_label("Text of a new example").fill(text)
            for label in labels:
                ticks.get_by_text(label, exact=True).click()
            page.get_by_role("button", name="Add example").click()
        page.get_by_label("Text to label").fill(QUERY)
        page.get_by_text(f"from {len(EXAMPLES)} examples").wait_for()
        page.locator(".bar.said").first.wait_for()
        page.screenshot(path=arguments.out, full_page=True)


if __name__ == "__main__":
    main()
