"""Packages of the npm registry at a pinned version, fetched by the user's own npm and checked by their digest."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from desire_edge.errors import DesireEdgeError

MAX_BYTES = 64 * 2**20  # of one file


@dataclass(frozen=True)
class Package:
    """A package at one version; `integrity` is npm's own "ALGORITHM-BASE64" of the packed file."""

    name: str
    version: str
    integrity: str

    def __str__(self) -> str:
        """Return "NAME VERSION"."""
        return f"{self.name} {self.version}"


@contextmanager
def unpacking(package: Package, wants: str, mend: str) -> Iterator[tarfile.TarFile]:
    """Yield the package's archive, in which every path begins with "package/"; it is gone afterwards.

    `wants` says in errors what the package is for ("the page"), `mend` what to do where npm cannot be had.

    Raises:
        DesireEdgeError: there is no npm, it fails, or what it fetched has another digest.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DesireEdgeError(
            f"{wants} needs {package}, and there is no npm to fetch it; install npm, or {mend}"
        )
    with TemporaryDirectory(prefix="desire-edge-") as temporary:
        command = [npm, "pack", f"{package.name}@{package.version}", "--ignore-scripts", "--loglevel=error"]
        result = subprocess.run(command, cwd=temporary, capture_output=True, text=True, check=False)
        packed = sorted(Path(temporary).glob("*.tgz"))
        if result.returncode != 0 or len(packed) != 1:
            reason = (result.stderr.strip().splitlines() or ["no package came"])[0]
            raise DesireEdgeError(f"npm could not fetch {package} ({reason}); {mend}")
        algorithm, _, expected = package.integrity.partition("-")
        with packed[0].open("rb") as file:
            digest = hashlib.file_digest(file, algorithm).digest()
        if base64.b64encode(digest).decode() != expected:
            raise DesireEdgeError(f"what npm fetched is not {package} (its digest differs); {mend}")
        with tarfile.open(packed[0]) as archive:
            yield archive


def read(archive: tarfile.TarFile, names: Collection[str]) -> dict[str, bytes]:
    """The package's files `names`, which its digest says are there, in one pass, for going back is slow."""
    found: dict[str, bytes] = {}
    for member in archive:
        name = member.name.removeprefix("package/")
        if name in names and (file := archive.extractfile(member)) is not None:
            found[name] = file.read(MAX_BYTES)
    assert len(found) == len(names), "the digest is that of a package that has them"
    return found
