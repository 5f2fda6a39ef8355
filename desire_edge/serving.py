"""The page on localhost: its files, ONNX Runtime for the web, and one bundle, to this machine only."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from desire_edge import npm
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder, read_json
from desire_edge.runtime.bundle import Bundle
from desire_edge.runtime.manifest import MANIFEST

HOST = "127.0.0.1"
PAGE_KINDS = (".html", ".css", ".js", ".svg")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".wasm": "application/wasm",  # without it a browser does not compile while it loads
}
HEADERS = {
    # No script but the page's own, no request but to this server, in no other site's frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class PagePackage:
    """An npm package that the page needs files of.

    Attributes:
        name: of the package; the page's `package-lock.json` says which version.
        files: those of its folder `dist` that are needed.
        option: names that folder on the command line.
    """

    name: str
    files: tuple[str, ...]
    option: str


ORT = PagePackage("onnxruntime-web", ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"), "--ort-web")
TOKENIZERS = PagePackage("@huggingface/tokenizers", ("tokenizers.min.mjs",), "--tokenizers-web")


class PageServer(ThreadingHTTPServer):
    """Serves the page at `url`, and nothing but the files that `__init__` lists; `serve_forever` runs it."""

    daemon_threads = True

    def __init__(self, bundle: Bundle, port: int, ort: Path, tokenizers: Path | None = None) -> None:
        """Listen on `port` of this machine (0: any free one). `ort` is a folder with the files of `ORT`.

        `tokenizers` is one with those of `TOKENIZERS`, which a bundle of tokens needs.

        Raises:
            DesireEdgeError: the port cannot be had, or the page is not part of this installation.
        """
        page = page_folder()
        parts = [
            path
            for path in (*page.iterdir(), *(page / "desire-edge").rglob("*"))
            if path.suffix in PAGE_KINDS
        ]
        self.files: dict[str, Path] = {
            "/": page / "index.html",
            **{f"/{path.relative_to(page).as_posix()}": path for path in parts},
            **{f"/ort/{name}": ort / name for name in ORT.files},
            **{f"/tokenizers/{name}": tokenizers / name for name in TOKENIZERS.files if tokenizers},
            **{f"/bundle/{name}": bundle.path / name for name in (MANIFEST, *bundle.manifest.files)},
        }
        self.bundle = bundle  # a zip stays unpacked for as long as its bundle is there
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise DesireEdgeError(
                f"cannot listen on port {port}: {getattr(error, 'strerror', None) or error}; "
                "choose another with --port"
            ) from error

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that goes away in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PageServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        host, _, port = self.headers.get("Host", "").partition(":")
        if host not in (HOST, "localhost") or (port or "80") != str(self.server.server_port):
            # Another site's name that was made to point here, so that its scripts could read the bundle.
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        file = self.server.files.get(self.path.partition("?")[0])
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            with file.open("rb") as content:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", TYPES.get(file.suffix, "application/octet-stream"))
                self.send_header("Content-Length", str(os.fstat(content.fileno()).st_size))
                for name, value in HEADERS.items():
                    self.send_header(name, value)
                self.end_headers()
                if with_body:
                    shutil.copyfileobj(content, self.wfile)
        except FileNotFoundError:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing for each request."""


def page_folder() -> Path:
    """Where the page's files are."""
    folder = Path(__file__).parent / "clients" / "web"
    if not (folder / "index.html").is_file():
        raise DesireEdgeError(f"{folder} does not hold the page; install desire-edge again")
    return folder


def find_package(
    wanted: PagePackage, named: Path | None = None, say: Callable[[str], object] = lambda message: None
) -> Path:
    """The folder with a package's files: `named`, the page's `node_modules`, or the user's cache, which npm fills once.

    `say` is told of that, for it takes a while.

    Raises:
        DesireEdgeError: `named` does not hold them, or they are nowhere and cannot be fetched.
    """
    if named is not None:
        for folder in (named, named / "dist"):
            if _has(wanted, folder):
                return folder
        raise DesireEdgeError(
            f"{named} does not hold {' and '.join(wanted.files)}; name the dist folder of {wanted.name}"
        )
    package = _pinned(wanted)
    modules = page_folder() / "node_modules" / package.name
    cached = _cache() / f"{package.name.replace('/', '-')}-{package.version}"
    if (
        _has(wanted, modules / "dist")
        and read_json(modules / "package.json").get("version") == package.version
    ):
        return modules / "dist"
    if not _has(wanted, cached):
        say(f"fetching {package} with npm, once, into {cached}")
        _fetch(wanted, cached, package)
    return cached


def _has(wanted: PagePackage, folder: Path) -> bool:
    return all((folder / name).is_file() for name in wanted.files)


def _pinned(wanted: PagePackage) -> npm.Package:
    """The package at the version that the page is tested with."""
    package = read_json(page_folder() / "package-lock.json")["packages"][f"node_modules/{wanted.name}"]
    return npm.Package(wanted.name, str(package["version"]), str(package["integrity"]))


def _cache() -> Path:
    """The user's cache folder."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "desire-edge"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/desire-edge").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "desire-edge"


def _fetch(wanted: PagePackage, out: Path, package: npm.Package) -> None:
    """Have npm fetch the package, check it, and put its files into the folder `out`."""
    mend = f"get the npm package {package} in another way and name its dist folder with {wanted.option}"
    with npm.unpacking(package, "the page", mend) as archive, atomic_folder(out) as folder:
        for name, content in npm.read(archive, [f"dist/{name}" for name in wanted.files]).items():
            (folder / Path(name).name).write_bytes(content)
