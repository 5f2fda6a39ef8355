"""What the tests of the web client, and its measurements, share: npm's packages, a served bundle, a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drivers.cpp import LOCK
from playwright.sync_api import Browser, Page, expect, sync_playwright

from desire_edge import Bundle, Support
from desire_edge.files import alone
from desire_edge.inputs.spec import RawInput
from desire_edge.runtime.support import Missing
from desire_edge.runtime.task import Task
from desire_edge.serving import ORT, TOKENIZERS, PageServer, find_package, page_folder

CLIENT = Path(__file__).parent / "client.mjs"
ADAPT_TASK = Path(__file__).parent / "adapt_task.js"
KIND_TASK = Path(__file__).parent / "kind_task.js"
expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes a while
IN_PAGE = """
    const { Bundle, readInput } = await import("/desire-edge/index.js");
    const ort = await import("/ort/ort.wasm.bundle.min.mjs");
    const read = async (name) => new Uint8Array(await (await fetch(`/bundle/${name}`)).arrayBuffer());
"""
NPM = {**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip"}  # its CPU libraries are in the package


def program(name: str) -> str:
    """The path of a program; a test is skipped where it is not installed, but never in CI."""
    found = shutil.which(name)
    if found is None:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed")
    return found


@alone(LOCK)
def install_packages() -> None:
    """Have npm install what `package-lock.json` pins beside the page, where it is not there yet.

    What is optional there is for other systems than this, or came along.
    """
    folder = page_folder()
    installed = folder / "node_modules" / ".package-lock.json"
    wanted = json.loads((folder / "package-lock.json").read_text())["packages"]
    found = json.loads(installed.read_text())["packages"] if installed.is_file() else {}
    needed = {name: package for name, package in wanted.items() if name and not package.get("optional")}
    if any(found.get(name, {}).get("version") != package["version"] for name, package in needed.items()):
        command = [program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, env=NPM, check=True)


def ask(what: str, **request: Any) -> Any:
    """What `client.mjs`, run by Node, answers."""
    result = subprocess.run(
        [program("node"), str(CLIENT)],
        input=json.dumps({"what": what, **request}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@contextmanager
def serving(bundle: Path) -> Iterator[str]:
    """The address of the page with this bundle, served by this process."""
    tokenizers = find_package(TOKENIZERS)
    with PageServer(Bundle.open(bundle, "cpu"), 0, find_package(ORT), tokenizers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium, as the system's packages install it."""
    path = program("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def opened(page: Page, url: str) -> None:
    """Go to the page at `url` and wait until its bundle is open."""
    page.goto(url)
    page.locator("main[aria-busy=false]").wait_for()


@dataclass(frozen=True)
class Request:
    """What to adapt to, and what to ask then; `repeats` adaptations are timed."""

    support: Support
    queries: Sequence[RawInput] = ()
    labels: Sequence[str] | None = None
    missing: Missing = "negative"
    known_labels: Sequence[Sequence[str]] | None = None
    repeats: int = 1

    def to_json(self) -> dict[str, Any]:
        """As `adapt_task.js` takes it."""
        return {
            "examples": examples_json(self.support),
            "labels": self.labels,
            "missing": self.missing,
            "queries": list(map(raw_json, self.queries)),
            "knownLabels": self.known_labels,
            "repeats": self.repeats,
        }


def adapt_in_page(page: Page, request: Request) -> dict[str, Any]:
    """Adapt in the open page, by its own modules, ONNX Runtime and bundle.

    Returns labels, thresholds, probabilities of the queries, losses (first and last), steps, weights (flat), the bytes
    of task.safetensors, and the milliseconds of each adaptation, from features to the folded head.
    """
    found: dict[str, Any] = page.evaluate(
        f"""async (request) => {{
            {IN_PAGE}
            return ({function_in(ADAPT_TASK)})(Bundle, ort, read, request);
        }}""",
        request.to_json(),
    )
    return found


def function_in(script: Path) -> str:
    """The text of the function that a script exports."""
    return script.read_text(encoding="utf-8").partition("export default ")[2].rstrip().removesuffix(";")


def kinds_in_page(page: Page, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What the open page's bundle makes of files, `x` (flat), its `shape`, and `z` of each."""
    found: list[dict[str, Any]] = page.evaluate(
        f"""async (files) => {{
            {IN_PAGE}
            const options = {{ tokenizers: () => import("/tokenizers/tokenizers.min.mjs") }};
            return ({function_in(KIND_TASK)})(Bundle, readInput, ort, read, files, options);
        }}""",
        contents(files),
    )
    return found


def kinds_in_node(bundle: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """As `kinds_in_page`, by the same modules in Node."""
    found: list[dict[str, Any]] = ask("kinds", bundle=str(bundle), files=contents(files))
    return found


def contents(files: Sequence[Path]) -> list[dict[str, str]]:
    """Files as `kind_task.js` takes them."""
    return [{"name": file.name, "base64": b64encode(file.read_bytes()).decode()} for file in files]


def adapt_in_node(bundle: Path, request: Request) -> dict[str, Any]:
    """As `adapt_in_page`, by the same modules in Node."""
    found: dict[str, Any] = ask("adapt", bundle=str(bundle), **request.to_json())
    return found


def same_task_in_python(bundle: Path, content: bytes, expected: Task, folder: Path) -> Task:
    """What Python makes of the task that a client stored in `content`, after a look at its features.

    They are `expected`'s, Python's own, but for a few that lie near the middle of two halves: sums in another order may
    round those to the other one, which alone moves probabilities by up to about 1e-4.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.safetensors").write_bytes(content)
    task = Bundle.open(bundle, "cpu").resume(folder)
    mine, theirs = expected.taught, task.taught
    assert theirs.labels == mine.labels
    for name in ("vectors", "targets", "mask", "known_labels"):
        np.testing.assert_array_equal(getattr(theirs, name), getattr(mine, name), err_msg=name)
    np.testing.assert_allclose(theirs.z.astype(float), mine.z.astype(float), rtol=2**-10, atol=1e-6)
    assert np.mean(theirs.z != mine.z) < 0.01
    return task


def examples_json(support: Support) -> list[dict[str, Any]]:
    """A support set as the client's examples."""
    return [
        {
            "raw": raw_json(example.raw),
            "labels": list(example.labels),
            "negativeLabels": list(example.negative_labels),
            "knownLabels": list(example.known_labels),
        }
        for example in support.examples
    ]


def raw_json(raw: RawInput) -> Any:
    """A raw input as JSON values."""
    return raw.tolist() if isinstance(raw, np.ndarray) else raw


def keep_in_browser(page: Page, url: str, support: Support) -> None:
    """Leave a task in the browser's storage, as an earlier visit to the page at `url` does."""
    page.goto(f"{url}icon.svg")
    page.evaluate(
        """async (examples) => {
            const { save } = await import("/store.js");
            const labels = [...new Set(examples.flatMap((example) => example.labels))];
            const named = examples.map((example, id) => ({ ...example, id: String(id), name: `example ${id}` }));
            await save("state", { labels, examples: named, missing: "negative" });
        }""",
        examples_json(support),
    )


def seconds_to_first_adaptation(page: Page, url: str) -> float:
    """Open the page at `url`; the seconds from the navigation until what is in its storage is learned."""
    opened(page, url)
    handle = page.evaluate_handle(
        """async () => {
            for (;;) {
                const [mark] = performance.getEntriesByName("desire-edge:adapted");
                if (mark) return mark.startTime / 1000;
                await new Promise((resolve) => setTimeout(resolve, 5));
            }
        }"""
    )
    seconds: float = handle.json_value()
    return seconds
