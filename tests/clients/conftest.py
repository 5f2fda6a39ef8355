"""What tests of the clients share: npm's packages, a browser, the page in it; the C++ programs, built; small models."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers.cpp import TOOLS, build_programs, finished
from drivers.web import chromium, install_packages, opened, serving
from playwright.sync_api import Browser, BrowserContext, Page
from trained import Trained

Run = Callable[..., subprocess.CompletedProcess[str]]


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


@pytest.fixture(params=["sample", "known", "prior"])
def taught(request: pytest.FixtureRequest) -> Trained:
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of `desire_edge_app` and `probe`; they stay built, so that a later run builds what changed."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        assert os.environ.get("CI") != "true", f"CI must build the C++ client, and lacks {', '.join(missing)}"
        pytest.skip(f"needs {', '.join(missing)}")
    return build_programs()


@pytest.fixture
def app(programs: Path, tmp_path: Path) -> Run:
    """Run `desire_edge_app` in `tmp_path`."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(programs / "desire_edge_app"), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def refused_by_app(app: Run, tmp_path: Path) -> Callable[..., str]:
    """Run `desire_edge_app`, which must refuse with exit code 2 and write nothing; return its one sentence."""

    def run(*arguments: object) -> str:
        before = {path: path.read_bytes() for path in tmp_path.rglob("taught/*")}
        names = set(tmp_path.iterdir())
        done = app(*arguments)
        assert done.returncode == 2, done
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ") and len(line) < 600
        assert {path: path.read_bytes() for path in tmp_path.rglob("taught/*")} == before
        assert set(tmp_path.iterdir()) == names
        return line

    return run


@pytest.fixture
def probe(programs: Path) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Ask the client's parts; see probe.cpp."""

    def ask(questions: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, Any] = json.loads(finished(programs / "probe", given=json.dumps(questions)))
        return answers

    return ask
