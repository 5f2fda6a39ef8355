"""Writing files so that a full disk or a kill leaves the old ones whole, and reading JSON with clear errors."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from desire_edge.errors import DesireEdgeError


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process is in here with `path`, a file that is made for it and stays."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # the system lets go of it however this ends
        yield


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is synced and renamed over `target`.

    If the body raises, or the process dies, `target` is what it was before. A full disk or a missing permission becomes
    a `DesireEdgeError` that names the target.
    """
    temporary: Path | None = None
    try:
        with _writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
            os.close(handle)
            temporary = Path(name)
            yield temporary
            _sync(temporary)
            temporary.chmod(0o644)
            temporary.replace(target)
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

    If the body raises, or the process dies, `target` is what it was before. On Linux the two folders are exchanged in
    one step. Where that cannot be done the old one is first renamed to `.NAME.*.old` beside `target`, which is where a
    kill between the two renames leaves it. Where `target` is a link, the folder it names is replaced.
    """
    temporary: Path | None = None
    aside: Path | None = None
    try:
        with _writing(target):
            target = target.resolve()
            if Path.cwd().is_relative_to(target):
                raise DesireEdgeError(f"{target} is the folder you are in; name a folder inside it")
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
            temporary.chmod(0o755)
            yield temporary
            for path in temporary.rglob("*"):
                if path.is_file():
                    _sync(path)
            if not target.exists():
                temporary.replace(target)
            elif not _exchange(temporary, target):
                aside = temporary.with_suffix(".old")
                target.replace(aside)
                temporary.replace(target)
    finally:
        if aside is not None and aside.exists() and not target.exists():
            aside.replace(target)
        for leftover in (temporary, aside):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


def link_or_copy(source: Path, target: Path) -> None:
    """Put the file `source` at `target`, too: by a hard link, or as a copy where that cannot be."""
    try:
        if not os.access(source, os.W_OK):  # the link would be as unwritable, and could not be synced
            raise PermissionError
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


MAX_DEPTH = 512  # of JSON
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(path: Path, *, limit: int = 64 * 2**20, code: str = "invalid") -> Any:
    """Parse the JSON file at `path`, at most `limit` bytes long, or raise a `DesireEdgeError` that names it."""
    try:
        if path.stat().st_size > limit:
            raise DesireEdgeError(f"{path} is larger than {limit} bytes, so it is not read", code)
        return parse_json(path.read_bytes())
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise DesireEdgeError(f"{path} is not valid JSON: {error}", code) from error


def parse_json(content: str | bytes) -> Any:
    """The JSON value in `content`, text or UTF-8.

    Raises:
        ValueError: there is none, or it holds NaN, half a character or more than 512 levels.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, parse_int=_integer)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half a character, an unpaired \\ud800–\\udfff") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not _is_shallow(value):
        raise ValueError("it is nested too deeply")
    return value


def _is_shallow(value: Any) -> bool:
    """Whether a JSON value has at most `MAX_DEPTH` levels: Python's own bound changes with its version."""
    level = [value]
    for _ in range(MAX_DEPTH):
        parents = [item for item in level if isinstance(item, dict | list)]
        level = [
            item for parent in parents for item in (parent.values() if isinstance(parent, dict) else parent)
        ]
    return not any(isinstance(item, dict | list) for item in level)


def _integer(digits: str) -> int | float:
    """A whole number; one beyond all floats is infinite, as in other languages: Python takes ages to read it."""
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn what the system refuses while `target` is written into a `DesireEdgeError`."""
    try:
        yield
    except Exception as error:
        # What safetensors makes of a full disk is an error of its own; reading files needs no safetensors.
        if not isinstance(error, OSError) and type(error).__name__ != "SafetensorError":
            raise
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DesireEdgeError(
            f"could not write {target}: {reason}; what was there before is unchanged"
        ) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step, so that neither name is ever missing; False where the system cannot."""
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # not Linux, or an old C library
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(renameat2(here, os.fsencode(first), here, os.fsencode(second), exchange) == 0)
