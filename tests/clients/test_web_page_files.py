"""Files in the page, in headless Chromium: dropped, picked and downloaded; what it makes of them, Python makes, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clients.person import BIKE, BREAD, add_label, bars, drop, teach_two, try_text
from drivers.web import Request, adapt_in_page, opened, same_task_in_python, serving
from playwright.sync_api import BrowserContext, Page, expect
from trained import WAYS, Trained

from desire_edge import Bundle, Predictor, Support
from desire_edge.inputs import read_input
from desire_edge.runtime.archive import pack
from desire_edge.runtime.manifest import SCHEMA_VERSION

pytestmark = pytest.mark.slow


def zip_of(bundle: Path, folder: Path) -> bytes:
    pack(bundle, folder / "packed.zip")
    return (folder / "packed.zip").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("photo.gif", b"GIF89a", "photo.gif is of no kind that can be read"),
        ("photo.png", b"\x89PNG\r\n", "photo.png is not a whole PNG or JPEG picture"),
        ("tagger.zip", b"no zip at all", "tagger.zip is not a bundle"),
        ("list.json", b"[1, 2]", "list.json is not a readable .json file"),
        ("latin.txt", "café".encode("latin-1"), "latin.txt is not UTF-8 text"),
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
        (
            whole.replace(b'"schema_version": %d' % SCHEMA_VERSION, b'"schema_version": 9', 1),
            "schema version 9",
        ),
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


def test_a_table_of_examples_is_read(page: Page) -> None:
    table = 'file_name;labels;negative_labels\r\nA.TXT;"baking; bread";cycling\r\n'
    drop(page, {"metadata.csv": table.encode("utf-8-sig"), "A.TXT": BREAD.encode("utf-8-sig")})
    expect(page.get_by_role("status")).to_contain_text("from 1 example")
    assert set(bars(page)) == {"baking", "bread", "cycling"}
    drop(page, {"metadata.csv": table.encode(), "metadata.jsonl": b"", "A.TXT": BREAD.encode()})
    expect(page.get_by_role("alert")).to_contain_text("holds both metadata.jsonl and metadata.csv")


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
