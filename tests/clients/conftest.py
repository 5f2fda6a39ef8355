"""What tests of the web client share: npm's packages, a browser, the page in it, small models."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from drivers.web import chromium, install_packages, opened, serving
from playwright.sync_api import Browser, BrowserContext, Page
from trained import Trained


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


@pytest.fixture(params=["sample", "known"])
def taught(request: pytest.FixtureRequest) -> Trained:
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    return model
