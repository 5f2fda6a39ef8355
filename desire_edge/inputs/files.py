"""One raw input from one file, by its ending."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.images import decode
from desire_edge.inputs.npy import read_npy
from desire_edge.inputs.spec import RawInput

MAX_FILE_BYTES = 16 * 2**20  # a file comes from anyone: what is read of it is bounded


def read_input(path: Path) -> RawInput:
    """Read one raw input, by its ending, in any case.

    Text from `.txt`, a vector from `.npy`, sparse features from `.json`, pixels from `.png`, `.jpg` and `.jpeg`.

    Raises:
        DesireEdgeError: not there, too large, of another kind, or not what its ending says.
    """
    check_kind(str(path))
    return decode_input(read_bounded(path), str(path))


def decode_input(content: bytes, where: str) -> RawInput:
    """The raw input in a file's bytes; the ending of its name `where`, which errors have too, says what it is."""
    check_kind(where)
    return READERS[Path(where).suffix.lower()](content, where)


def check_kind(name: str) -> None:
    """Refuse a file that is of no kind that can be read, by its name."""
    if not is_input(Path(name)):
        raise DesireEdgeError(f"{name} is of no kind that can be read; use {', '.join(READERS)}", "file-kind")


def is_input(path: Path) -> bool:
    """Whether the file is of a kind that can be read, by its name."""
    return path.suffix.lower() in READERS


def read_bounded(path: Path, limit: int | None = MAX_FILE_BYTES) -> bytes:
    """The bytes of the file at `path`, which may be `limit` at most; None for any number."""
    try:
        if limit is not None and path.stat().st_size > limit:
            raise DesireEdgeError(
                f"{path} is larger than {limit // 2**20} MiB, so it is not read", "file-large"
            )
        return path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error


def text_of(content: bytes, where: str) -> str:
    """The text of a file's bytes, UTF-8, without a byte order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DesireEdgeError(
            f"{where} is not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8", "encoding"
        ) from error


def _sparse(content: bytes, where: str) -> dict[str, float]:
    try:
        values = parse_json(text_of(content, where))
        if not isinstance(values, dict):
            raise ValueError("expected an object from feature name to number")
    except ValueError as error:
        raise DesireEdgeError(f"{where} is not a readable .json file: {error}", "json") from error
    return values


READERS: dict[str, Callable[[bytes, str], RawInput]] = {
    ".txt": text_of,
    ".npy": read_npy,
    ".json": _sparse,
    ".png": decode,
    ".jpg": decode,
    ".jpeg": decode,
}
"""From a file's bytes, and its name in errors, to raw input, by the file's ending in small letters."""
