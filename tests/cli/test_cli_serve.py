"""`serve`: the page and the bundle on localhost, those files and no others, to this machine only."""

from __future__ import annotations

import http.client
import json
import os
import posixpath
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import pytest
from trained import Trained

from desire_edge import Bundle, DesireEdgeError
from desire_edge.runtime.manifest import FILES
from desire_edge.serving import HOST, ORT, PageServer, find_package, page_folder

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def ort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the names of ONNX Runtime's files; no browser runs them here."""
    folder = tmp_path_factory.mktemp("ort")
    for name in ORT.files:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def server(sample_trained: Trained, ort: Path) -> Iterator[PageServer]:
    with PageServer(Bundle.open(sample_trained.bundle), 0, ort) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@dataclass(frozen=True)
class Answer:
    """What the server answers."""

    status: int
    headers: Message
    body: bytes


def get(server: PageServer, path: str, *, host: str | None = None, method: str = "GET") -> Answer:
    """The answer to a request for exactly this path."""
    connection = http.client.HTTPConnection(HOST, server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host or f"{HOST}:{server.server_port}")
    connection.endheaders()
    response = connection.getresponse()
    answer = Answer(response.status, response.headers, response.read())
    connection.close()
    return answer


def test_the_page_the_bundle_and_onnx_runtime_are_served(server: PageServer, sample_trained: Trained) -> None:
    assert get(server, "/").body == (page_folder() / "index.html").read_bytes()
    for name in ("manifest.json", *FILES):
        answer = get(server, f"/bundle/{name}")
        assert answer.status == 200
        assert answer.body == (sample_trained.bundle / name).read_bytes()
    for name in ORT.files:
        assert get(server, f"/ort/{name}").body == name.encode()
    assert get(server, f"/ort/{ORT.files[1]}").headers["Content-Type"] == "application/wasm"
    head = get(server, "/bundle/lexicon.safetensors", method="HEAD")
    assert head.body == b""
    assert (
        int(head.headers["Content-Length"]) == (sample_trained.bundle / "lexicon.safetensors").stat().st_size
    )


def test_every_script_that_the_page_imports_is_served(server: PageServer) -> None:
    seen, left = set(), ["/page.js"]
    while left:
        path = left.pop()
        if path in seen or path.startswith("/ort/"):
            continue
        seen.add(path)
        answer = get(server, path)
        assert answer.status == 200, path
        assert answer.headers["Content-Type"].startswith("text/javascript")
        for name in re.findall(r'from "(\.[^"]+)"', answer.body.decode()):
            left.append(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))
    assert "/desire-edge/inputs/words.js" in seen
    assert len(seen) > 10


@pytest.mark.parametrize(
    "path",
    [
        "/bundle/../../../etc/passwd",
        "/bundle/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/node.mjs",
        "/package.json",
        "/node_modules/onnxruntime-web/package.json",
        "/bundle/",
        "/bundle/secret.txt",
        "/ort/",
        "bundle/manifest.json",
    ],
)
def test_nothing_else_is_served(server: PageServer, path: str) -> None:
    assert get(server, path).status == 404


def test_another_sites_name_gets_nothing(server: PageServer) -> None:
    assert get(server, "/", host=f"localhost:{server.server_port}").status == 200
    for host in ("evil.example", f"evil.example:{server.server_port}", HOST):
        assert get(server, "/", host=host).status == 421
    assert get(server, "/", method="POST").status == 501


def test_only_this_machine_reaches_it(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_named(refused: Refused, sample_trained: Trained, ort: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused("serve", sample_trained.bundle, "--port", port, "--no-open", "--ort-web", ort)
    assert f"port {port}" in line
    assert "--port" in line


def test_a_folder_without_onnx_runtime_is_refused(
    refused: Refused, sample_trained: Trained, tmp_path: Path
) -> None:
    line = refused("serve", sample_trained.bundle, "--no-open", "--ort-web", tmp_path)
    assert str(tmp_path) in line
    assert ORT.files[1] in line


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The page as a wheel installs it, without node_modules, and an empty cache; returns a folder for programs."""
    page = tmp_path / "page"
    page.mkdir()
    (page / "package-lock.json").write_bytes((page_folder() / "package-lock.json").read_bytes())
    monkeypatch.setattr("desire_edge.serving.page_folder", lambda: page)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return programs


def test_without_npm_the_mend_is_named(no_packages: Path) -> None:
    with pytest.raises(DesireEdgeError, match=r"install npm, or .* --ort-web"):
        find_package(ORT)


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("echo 'npm error network' >&2; exit 1", "network"),
        ("echo no package > onnxruntime-web-1.tgz", "its digest differs"),
    ],
)
def test_a_failed_or_wrong_fetch_leaves_nothing(
    no_packages: Path, tmp_path: Path, script: str, complaint: str
) -> None:
    npm = no_packages / "npm"
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    with pytest.raises(DesireEdgeError, match=complaint):
        find_package(ORT)
    assert not list((tmp_path / "cache").rglob("*"))


def test_the_command_serves_until_it_is_interrupted(sample_trained: Trained, ort: Path) -> None:
    # A job in the background, as this test may be in, ignores interrupts, and so would the command.
    started = (
        "import signal; from desire_edge.cli import main; "
        "signal.signal(signal.SIGINT, signal.default_int_handler); main()"
    )
    command = [
        sys.executable,
        "-c",
        started,
        "serve",
        str(sample_trained.bundle),
        "--port",
        "0",
        "--no-open",
    ]
    with subprocess.Popen(
        [*command, "--ort-web", str(ort), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        printed = "".join(next(lines) for _ in range(4))
        url = json.loads(printed)["url"]
        host, port = re.fullmatch(r"http://([\d.]+):(\d+)/", url).groups()  # type: ignore[union-attr]
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/bundle/manifest.json")
        assert connection.getresponse().read() == (sample_trained.bundle / "manifest.json").read_bytes()
        connection.close()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
