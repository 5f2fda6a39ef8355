"""The lexicon's file: size, precision, mapping, and refusing every file that is not whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from desire_edge.errors import DesireEdgeError
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.build import build_lexicon
from desire_edge.lexicon.format import map_tables
from desire_edge.lexicon.sources import Source

MakeSource = Callable[..., Source]
Tensors = dict[str, NDArray[Any]]
Description = dict[str, Any]

_WORDS = ("apple", "web", "design", "webdesigner", "webdesigning", "łódź", "c++", "of")


@pytest.fixture(scope="module")
def small_path(make_source: MakeSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lexicon of eight words from two sources, each of which knows only some of them."""
    path = tmp_path_factory.mktemp("file") / "small.safetensors"
    build_lexicon([make_source(*_WORDS[:6]), make_source(*_WORDS[2:], dim=5, seed=1)], path)
    return path


@pytest.fixture
def rewrite(small_path: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the small lexicon again after `change(tensors, description)`."""

    def written(change: Callable[[Tensors, Description], object]) -> Path:
        with safe_open(small_path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            description = json.loads(file.metadata()["lexicon"])
        change(tensors, description)
        path = tmp_path / "changed.safetensors"
        save_file(tensors, path, {"lexicon": json.dumps(description)})
        return path

    return written


def test_the_tables_are_read_in_place(default_path: Path) -> None:
    sources = map_tables(default_path).vectors
    assert isinstance(sources, tuple)
    for table in sources:
        base: Any = table.vectors
        while isinstance(base, np.ndarray):
            assert not base.flags.writeable and not base.flags.owndata
            base = base.base
        assert type(base).__name__ == "mmap"


def test_an_unchanged_copy_opens(rewrite: Callable[..., Path], small_path: Path) -> None:
    copy = Lexicon.open(rewrite(lambda tensors, description: None))
    original = Lexicon.open(small_path)
    assert len(copy) == len(original) == len(_WORDS) and copy.dim == original.dim == 13
    np.testing.assert_array_equal(copy.word_vectors(_WORDS), original.word_vectors(_WORDS))


def _set(name: str, index: Any, value: Any) -> Callable[[Tensors, Description], None]:
    def change(tensors: Tensors, description: Description) -> None:
        tensors[name][index] = value

    return change


def _replace(
    name: str, make: Callable[[NDArray[Any]], NDArray[Any]]
) -> Callable[[Tensors, Description], None]:
    def change(tensors: Tensors, description: Description) -> None:
        tensors[name] = make(tensors[name])

    return change


_DAMAGE: dict[str, tuple[Callable[[Tensors, Description], object], str]] = {
    "no words": (lambda t, d: t.pop("words"), "'words' is missing"),
    "no scales": (lambda t, d: t.pop("scales.1"), "'scales.1' is missing"),
    "empty": (_replace("offsets", lambda a: a[:1]), "no word"),
    "no offsets": (_replace("offsets", lambda a: a[:0]), "no word"),
    "float words": (_replace("words", lambda a: a.astype(np.float32)), "'words' is F32"),
    "wide offsets": (_replace("offsets", lambda a: a.astype(np.uint64)), "'offsets' is U64"),
    "signed rows": (_replace("rows.0", lambda a: a.astype(np.int16)), "'rows.0' is I16"),
    "float vectors": (_replace("vectors.0", lambda a: a.astype(np.float32)), "'vectors.0' is F32"),
    "flat vectors": (_replace("vectors.0", lambda a: a.ravel()), "2 dimension"),
    "tall offsets": (_replace("offsets", lambda a: a[:, None]), "1 dimension"),
    "offsets start late": (_set("offsets", 0, 1), "span"),
    "offsets end early": (_set("offsets", -1, 5), "span"),
    "offsets past the end": (_set("offsets", -1, 2**32 - 1), "span"),
    "offsets fall": (_set("offsets", 2, 0), "increase"),
    "an empty word": (lambda t, d: t["offsets"].__setitem__(2, t["offsets"][1]), "increase"),
    "invalid UTF-8": (_set("words", 0, 0xFF), "decode"),
    "a split character": (_set("offsets", -2, 43), "character"),
    "unsorted words": (_set("words", 0, ord("x")), "sorted"),
    "a rank twice": (_set("ranks", 0, 1), "ranks"),
    "a rank too high": (_set("ranks", 0, 2**32 - 1), "ranks"),
    "too few ranks": (_replace("ranks", lambda a: a[1:].copy()), "7 ranks"),
    "a row past the table": (_set("rows.1", 0, 200), "past"),
    "too few rows": (_replace("rows.0", lambda a: a[1:].copy()), "one entry"),
    "too few scales": (_replace("scales.0", lambda a: a[1:].copy()), "length"),
    "scale zero": (_set("scales.0", 0, 0.0), "scales.0"),
    "scale negative": (_set("scales.0", 0, -1.0), "scales.0"),
    "scale NaN": (_set("scales.0", 0, np.nan), "scales.0"),
    "scale infinite": (_set("scales.0", 0, np.inf), "scales.0"),
    "scale huge": (_set("scales.0", 0, 3e38), "scales.0"),
    "word without vector": (lambda t, d: [t[f"rows.{k}"].__setitem__(0, 0) for k in (0, 1)], "no vector"),
    "other dim": (lambda t, d: d["sources"][0].update(dim=9), "wide"),
    "norm zero": (lambda t, d: d["sources"][0].update(norm=0), "norm"),
    "norm NaN": (lambda t, d: d["sources"][0].update(norm=float("nan")), "norm"),
    "norm huge": (lambda t, d: d["sources"][0].update(norm=10**400), "large"),
    "norm a word": (lambda t, d: d["sources"][0].update(norm="much"), "much"),
    "no norm": (lambda t, d: d["sources"][0].pop("norm"), "norm"),
    "no sources": (lambda t, d: d.update(sources=[]), "dimensions"),
    "sources a number": (lambda t, d: d.update(sources=3), "int"),
    "a source too many": (lambda t, d: d["sources"].append(d["sources"][0]), "vectors.2"),
    "no schema": (lambda t, d: d.pop("schema"), "schema"),
    "a newer schema": (lambda t, d: d.update(schema=3), "schema 3 and this version reads 1 and 2"),
}


@pytest.mark.parametrize("damage", _DAMAGE)
def test_damaged_tables_are_refused(rewrite: Callable[..., Path], damage: str) -> None:
    change, complaint = _DAMAGE[damage]
    path = rewrite(change)
    with pytest.raises(DesireEdgeError, match=complaint) as caught:
        Lexicon.open(path)
    assert str(path) in str(caught.value)


def test_words_that_differ_late_must_be_sorted_too(rewrite: Callable[..., Path]) -> None:
    def swap(tensors: Tensors, description: Description) -> None:
        text = tensors["words"].tobytes().replace(b"webdesignerwebdesigning", b"webdesigninwebdesignerg")
        tensors["words"] = np.frombuffer(text, np.uint8)

    with pytest.raises(DesireEdgeError, match="sorted"):
        Lexicon.open(rewrite(swap))


def test_files_that_are_no_lexicon_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DesireEdgeError, match="cannot read"):
        Lexicon.open(tmp_path / "absent.safetensors")
    with pytest.raises(DesireEdgeError, match="cannot read"):
        Lexicon.open(tmp_path)
    other = tmp_path / "other.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, other)
    with pytest.raises(DesireEdgeError, match="not a lexicon"):
        Lexicon.open(other)
    save_file({"x": np.zeros(3, np.float32)}, other, {"lexicon": "[" * 100_000})
    with pytest.raises(DesireEdgeError, match="damaged"):
        Lexicon.open(other)
    save_file({"x": np.zeros(3, np.float32)}, other, {"lexicon": "3"})
    with pytest.raises(DesireEdgeError, match="damaged"):
        Lexicon.open(other)


def test_a_cut_file_is_refused_wherever_it_is_cut(small_path: Path, tmp_path: Path) -> None:
    content = small_path.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in (*range(0, len(content), 7), len(content) - 1):
        cut.write_bytes(content[:length])
        with pytest.raises(DesireEdgeError):
            Lexicon.open(cut)
    cut.write_bytes(content + b"\0")
    with pytest.raises(DesireEdgeError):
        Lexicon.open(cut)


@given(
    at=st.integers(0, 10**6), flip=st.integers(1, 255), name=st.sampled_from([*_WORDS, "webdesign", "other"])
)
def test_a_changed_byte_never_breaks_a_look_up(small_path: Path, at: int, flip: int, name: str) -> None:
    """It is refused, or changes what a word means: never an error of another kind, a zero or a NaN."""
    content = bytearray(small_path.read_bytes())
    content[at % len(content)] ^= flip
    changed = small_path.with_name("flipped.safetensors")
    changed.write_bytes(content)
    try:
        lexicon = Lexicon.open(changed)
    except DesireEdgeError:
        return
    vectors = lexicon.label_matrix([name, "apple pie"]).vectors
    assert np.isfinite(vectors).all() and np.linalg.norm(vectors, axis=0).min() > 0


def test_an_all_zero_vector_is_never_a_label(rewrite: Callable[..., Path]) -> None:
    def clear(tensors: Tensors, description: Description) -> None:
        tensors["vectors.0"][:] = 0
        tensors["vectors.1"][:] = 0

    entries = Lexicon.open(rewrite(clear)).label_matrix(["apple", "web design"]).entries
    assert [entry.how for entry in entries] == ["seeded", "seeded"]
    assert all(entry.vector.any() for entry in entries)


def test_an_open_lexicon_outlives_its_replacement(
    small_path: Path, make_source: MakeSource, tmp_path: Path
) -> None:
    """A file is replaced by renaming, so a process that has it mapped keeps what it had."""
    path = tmp_path / "lexicon.safetensors"
    shutil.copy(small_path, path)
    lexicon = Lexicon.open(path)
    before = lexicon.word_vectors(_WORDS)
    build_lexicon([make_source("apple", "pear", seed=5)], path)
    np.testing.assert_array_equal(lexicon.word_vectors(_WORDS), before)
    assert len(Lexicon.open(path)) == 2
