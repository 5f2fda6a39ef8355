"""A bundle as one file: a zip of the folder's files, unpacked for as long as the bundle is open."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path
from desire_edge.runtime.manifest import MANIFEST, Manifest, is_whole

MAX_BYTES = 4 * 2**30  # of a bundle unpacked: an archive comes from anyone


def pack(folder: Path, out: Path) -> None:
    """Write the bundle in `folder` to the zip `out`, atomically; equal bundles give equal bytes.

    The files are stored, not compressed: weights hardly shrink, and readers in other languages stay simple.
    """
    with atomic_path(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in (MANIFEST, *Manifest.read(folder / MANIFEST).files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            with (folder / name).open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target)


def unpack(path: Path) -> TemporaryDirectory[str]:
    """Unpack the zip at `path` into a temporary folder, which goes with the object returned.

    Raises:
        DesireEdgeError: not a zip, other files in it than a bundle's, more than 4 GiB, or damaged.
    """
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="desire-edge-", ignore_cleanup_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if not is_whole([entry.filename for entry in entries]):
                raise DesireEdgeError(
                    f"{path} is a zip, but not of a bundle: it must hold {MANIFEST} and the files it names"
                )
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise DesireEdgeError(
                    f"{path} unpacks to more than {MAX_BYTES // 2**30} GiB, so it is not read"
                )
            for entry in entries:
                with archive.open(entry) as source, (Path(folder.name) / entry.filename).open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DesireEdgeError(f"{path} is not a whole bundle: {error}; copy it again") from error
    except OSError as error:
        raise DesireEdgeError(f"cannot unpack {path}: {error.strerror or error}") from error
    return folder
