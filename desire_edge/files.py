"""Writing files so that a full disk or a kill leaves the old ones whole, and reading JSON with clear errors."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desire_edge.errors import DesireEdgeError


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is synced and renamed over `target`.

    If the body raises, or the process dies, `target` is what it was before. An `OSError` (full disk, no permission)
    becomes a `DesireEdgeError` that names the target.
    """
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise DesireEdgeError(
            f"could not write {target}: {error.strerror or error}; what was there before is unchanged"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(target: Path, content: bytes) -> None:
    """Write `content` to `target` atomically."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_json(target: Path, value: Any) -> None:
    """Write `value` as readable UTF-8 JSON to `target` atomically. NaN and infinities are refused."""
    write_bytes(target, (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `target`; on success it takes the place of `target` as a whole.

    The old folder is moved aside, the new one renamed into place, and only then the old one deleted; if anything
    fails before that the old one is put back.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    temporary.chmod(0o755)
    aside = temporary.with_suffix(".old")
    try:
        yield temporary
        if target.exists():
            target.replace(aside)
        try:
            temporary.replace(target)
        except OSError:
            if aside.exists():
                aside.replace(target)
            raise
    except OSError as error:
        raise DesireEdgeError(
            f"could not write {target}: {error.strerror or error}; what was there before is unchanged"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def read_json(path: Path, *, limit: int = 64 * 2**20) -> Any:
    """Parse the JSON file at `path`, at most `limit` bytes long, or raise a `DesireEdgeError` that names it."""
    try:
        if path.stat().st_size > limit:
            raise DesireEdgeError(f"{path} is larger than {limit} bytes, so it is not read")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DesireEdgeError(f"{path} is not valid JSON: {error}") from error
