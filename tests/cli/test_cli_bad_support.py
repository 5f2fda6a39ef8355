"""Every bad support folder is refused in one sentence that names the trouble, and the earlier task stays as it was."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from trained import WAYS, Trained

Refused = Callable[..., str]
Files = dict[str, str | bytes]


def entry(labels: object, file_name: object = "a.txt", **more: object) -> str:
    """One line of metadata.jsonl."""
    return json.dumps({"file_name": file_name, "labels": labels, **more}) + "\n"


def with_text(metadata: str | bytes) -> Files:
    """A folder with `a.txt` and this metadata.jsonl."""
    return {"a.txt": "a guide to bread", "metadata.jsonl": metadata}


def with_csv(metadata: str | bytes) -> Files:
    """A folder with `a.txt` and this metadata.csv."""
    return {"a.txt": "a guide to bread", "metadata.csv": metadata}


def with_input(name: str, content: str | bytes) -> Files:
    """A folder whose one example is the file `name`."""
    return {name: content, "metadata.jsonl": entry(["baking"], name)}


def npy(array: object, *, pickled: bool = False) -> bytes:
    """An array as the bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, np.asarray(array, dtype=object if pickled else None), allow_pickle=pickled)
    return stream.getvalue()


def npz(array: NDArray[np.float64]) -> bytes:
    """A zip archive of an array, which `numpy.load` would open whatever its name."""
    stream = io.BytesIO()
    np.savez_compressed(stream, array)
    return stream.getvalue()


def npy_header(shape: str) -> bytes:
    """A .npy file that says it has `shape` and holds eight numbers."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(32)


DEEP = "[" * 5000 + "]" * 5000
NESTED = json.loads("[" * 400 + "]" * 400)  # can be read, but not without measure be printed

FOLDERS: dict[str, tuple[Files, str]] = {
    "empty folder": ({}, "holds neither metadata.jsonl nor metadata.csv"),
    "both metadata files": (
        {**with_text(entry(["baking"])), "metadata.csv": "file_name,labels\na.txt,baking\n"},
        "holds both metadata.jsonl and metadata.csv",
    ),
    "no entry": (with_text("\n  \n"), "names no examples"),
    "no file_name": (with_text('{"labels": ["baking"]}\n'), "line 1 has no file_name"),
    "file not there": (with_text(entry(["baking"]) + entry(["baking"], "b.txt")), "line 2: the folder holds no file b"),
    "a folder as a file": (with_text(entry(["baking"], ".")), "the folder holds no file ."),
    "parent folder": (with_text(entry(["baking"], "../outside.txt")), "../outside.txt lies outside the folder"),
    "absolute path": (with_text(entry(["baking"], "/etc/hostname")), "/etc/hostname lies outside the folder"),
    "control character in file_name": (with_text(entry(["baking"], "a\x1b[31m.txt")), r"'a\x1b[31m.txt' is no file"),
    "NUL in file_name": (with_text(entry(["baking"], "a\0.txt")), r"'a\x00.txt' is no file name"),
    "endless file_name": (with_text(entry(["baking"], "a" * 5000)), f"'{'a' * 200}' is no file name"),
    "unknown kind": (with_input("a.md", "text"), "a.md is of no kind that can be read; use .txt, .npy, .json"),
    "broken JSON": (with_text('{"file_name": '), "line 1 is not valid JSON"),
    "JSON of another kind": (with_text('["a.txt"]\n'), "line 1 is not a JSON object"),
    "NaN in metadata": (with_text('{"file_name": NaN}\n'), "NaN is no JSON number"),
    "deep metadata": (with_text(DEEP), "line 1 is not valid JSON: it is nested too deeply"),
    "metadata in UTF-16": (with_text(entry(["baking"]).encode("utf-16")), "is not UTF-8 text"),
    "labels missing": (with_text('{"file_name": "a.txt"}\n'), "labels must be a list of names, and is None"),
    "labels as one string": (with_text(entry("baking")), "labels must be a list of names, and is 'baking'"),
    "labels nested": (with_text(entry(NESTED)), "line 1: a label is [[["),
    "a number as a label": (with_text(entry([7])), "a label is 7, not a name"),
    "an empty label": (with_text(entry(["baking", " "])), "line 1: a label name is empty"),
    "a label twice": (with_text(entry(["baking", "baking "])), "the label 'baking' is named twice"),
    "a label with a control character": (with_text(entry(["ba\x1bking"])), r"'ba\x1bking' is not"),
    "a label with a line break": (with_text(entry(["abc\u2028def"])), r"'abc\u2028def' is not"),
    "half a character": (with_text(entry(["\ud800"])), "line 1 is not valid JSON: it holds half a character"),
    "an endless label": (with_text(entry(["a" * 201])), "at most 200 characters"),
    "both label and negative label": (
        with_text(entry(["baking"], negative_labels=["baking"])),
        "'baking' is both a label and a negative label",
    ),
    "known labels as one string": (
        with_text(entry(["baking"], known_labels="linux")),
        "known_labels must be a list of names, and is 'linux'",
    ),
    "a known label twice": (with_text(entry(["baking"], known_labels=["a", "a"])), "line 1: the label 'a' is named tw"),
    "known labels for a bundle that does not use them": (
        with_text(entry(["baking"], known_labels=["linux"])),
        "support/a.txt has known labels, but the bundle tagger does not use them; leave them away, or train with",
    ),
    "no label anywhere": (with_text(entry([])), "there is no label to learn"),
    "more labels than ways": (
        with_text(entry([f"label {number}" for number in range(WAYS + 1)])),
        f"{WAYS + 1} labels, but this bundle holds at most {WAYS}; teach fewer, or export it with --ways {WAYS + 1}",
    ),
    "CSV without the columns": (with_csv("name,tags\na.txt,baking\n"), "the columns file_name (or text) and labels"),
    "empty CSV": (with_csv(""), "the columns file_name (or text) and labels"),
    "CSV with an empty label": (with_csv("file_name,labels\na.txt,baking;;bread\n"), "line 2: a label name is empty"),
    "CSV with too many fields": (with_csv("file_name,labels\na.txt,baking,bread\n"), "line 2 has not as many fields"),
    "CSV with too few fields": (with_csv("file_name,labels\na.txt\n"), "line 2 has not as many fields"),
    "CSV with an open quote": (with_csv('file_name,labels\na.txt,"baking\n'), "is not valid CSV"),
    "CSV with an endless field": (with_csv(f"file_name,labels\na.txt,{'a' * 140_000}\n"), "at most 200 characters"),
    "CSV in latin-1": (with_csv("file_name,labels\na.txt,diseño\n".encode("latin-1")), "is not UTF-8 text"),
    "text in latin-1": (with_input("a.txt", "diseño".encode("latin-1")), "a.txt is not UTF-8 text"),
    "NaN feature": (with_input("a.json", '{"the": NaN}'), "NaN is no JSON number"),
    "infinite feature": (with_input("a.json", '{"0": 1e999}'), "feature 0 is inf; every feature must be"),
    "feature beyond float32": (with_input("a.json", '{"0": -1e39}'), "feature 0 is -inf"),
    "feature beyond float64": (with_input("a.json", f'{{"0": 1{"0" * 400}}}'), "feature 0 is inf"),
    "feature that is no number": (with_input("a.json", '{"0": "1"}'), "the value of feature '0' is '1', not a number"),
    "feature that is true": (with_input("a.json", '{"0": true}'), "the value of feature '0' is True, not a number"),
    "feature that is nested": (with_input("a.json", f'{{"0": {json.dumps(NESTED)}}}'), "not a number"),
    "unknown feature": (with_input("a.json", '{"qqqqq": 1}'), "the model has no feature 'qqqqq'"),
    "feature out of range": (with_input("a.json", '{"2000": 1}'), "an index from 0 to 1999"),
    "feature before the first": (with_input("a.json", '{"-1": 1}'), "the model has no feature '-1'"),
    "features as a list": (with_input("a.json", "[1, 2]"), "expected an object from feature name to number"),
    "deep features": (with_input("a.json", DEEP), "it is nested too deeply"),
    "features that are no text": (with_input("a.json", b"\xff\xff"), "a.json is not UTF-8 text"),
    "features that are no JSON": (with_input("a.json", "{"), "a.json is not a readable .json file"),
    "too few numbers": (with_input("a.npy", npy(np.zeros(3))), "has shape [3], but this model takes 2000 features"),
    "two rows": (with_input("a.npy", npy(np.zeros((2, 2000)))), "has shape [2, 2000]"),
    "NaN in a vector": (with_input("a.npy", npy(np.full(2000, np.nan))), "feature 0 is nan"),
    "infinity in a vector": (with_input("a.npy", npy(np.full(2000, np.inf))), "feature 0 is inf"),
    "vector beyond float32": (with_input("a.npy", npy(np.full(2000, 1e300))), "feature 0 is inf"),
    "complex numbers": (with_input("a.npy", npy(np.zeros(2000, complex))), "does not hold plain numbers"),
    "strings": (with_input("a.npy", npy(["a"] * 2000)), "does not hold plain numbers"),
    "pickled objects": (with_input("a.npy", npy([{"a": 1}], pickled=True)), "does not hold plain numbers, but '|O'"),
    "a zip archive": (with_input("a.npy", npz(np.zeros(2000))), "a.npy is not a readable .npy file"),
    "a vector cut short": (with_input("a.npy", npy(np.zeros(2000))[:-1]), "a.npy is not a readable .npy file"),
    "text as a vector": (with_input("a.npy", "1 2 3"), "a.npy is not a readable .npy file"),
    "nothing as a vector": (with_input("a.npy", b""), "a.npy is not a readable .npy file"),
    "a header of terabytes": (with_input("a.npy", npy_header("(10000000000000,)")), "is not a readable .npy file"),
    "a header of no size": (with_input("a.npy", npy_header("(-1,)")), "a.npy is not a readable .npy file"),
    "a header beyond int64": (with_input("a.npy", npy_header("(9223372036854775807, 4)")), "a.npy"),
    "a header that is deep": (with_input("a.npy", npy_header("-" * 9000 + "1")), "a.npy is not a readable .npy file"),
}  # fmt: skip


@pytest.fixture
def earlier(tmp_path: Path, sample_trained: Trained, cli: Callable[..., object]) -> Path:
    """The folder of an earlier task, which a refusal must leave as it is."""
    cli("adapt", sample_trained.bundle, "--shots", 0, "--labels", "bread", "--out", tmp_path / "taught")
    assert (tmp_path / "taught" / "model.onnx").stat().st_size > 1000
    return tmp_path / "taught"


@pytest.fixture
def refused_folder(
    tmp_path: Path, sample_trained: Trained, earlier: Path, refused: Refused
) -> Callable[[], str]:
    """Adapt with the folder `support`, which must be refused and change nothing; return the sentence."""

    def run() -> str:
        before = {file.name: file.read_bytes() for file in earlier.iterdir()}
        sentence = refused("adapt", sample_trained.bundle, "--support", "support", "--out", "taught")
        assert {file.name: file.read_bytes() for file in earlier.iterdir()} == before
        assert {path.name for path in tmp_path.iterdir()} <= {"support", "taught", "outside.txt"}
        return sentence

    return run


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bad_support_folder_is_refused(
    name: str, tmp_path: Path, refused_folder: Callable[[], str]
) -> None:
    files, expected = FOLDERS[name]
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    for file, content in files.items():
        (tmp_path / "support" / file).write_bytes(content.encode() if isinstance(content, str) else content)
    sentence = refused_folder()
    assert expected in sentence
    assert len(sentence) < 600


def test_a_known_label_that_is_no_base_label_is_refused(
    known_trained: Trained, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "a.txt").write_text("a guide to bread")
    (tmp_path / "support" / "metadata.jsonl").write_text(entry(["baking"], known_labels=["no\x1b such"]))
    arguments = ("adapt", known_trained.bundle, "--support", "support", "--out", "taught")
    assert r"'no\x1b such' is not" in refused(*arguments)
    (tmp_path / "support" / "metadata.jsonl").write_text(entry(["baking"], known_labels=["no such"]))
    sentence = refused(*arguments)
    assert "support/a.txt: the known label 'no such' is no base label of the bundle tagger;" in sentence
    assert "`desire-edge info BUNDLE --json` lists them" in sentence


def test_a_missing_support_folder_is_refused(refused_folder: Callable[[], str]) -> None:
    assert "the support folder support does not exist or is not a folder" in refused_folder()


@pytest.mark.parametrize(
    ("target", "expected"),
    [("../outside.txt", "lies outside the folder"), ("link.txt", "'link.txt' is no file name")],
)
def test_links_out_of_the_folder_or_in_a_circle_are_refused(
    target: str, expected: str, tmp_path: Path, refused_folder: Callable[[], str]
) -> None:
    (tmp_path / "outside.txt").write_text("not yours")
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "link.txt").symlink_to(target)
    (tmp_path / "support" / "metadata.jsonl").write_text(entry(["baking"], "link.txt"))
    assert expected in refused_folder()


@pytest.mark.parametrize("name", ["a.txt", "metadata.jsonl"])
def test_a_huge_file_is_not_read(name: str, tmp_path: Path, refused_folder: Callable[[], str]) -> None:
    (tmp_path / "support").mkdir()
    (tmp_path / "support" / "metadata.jsonl").write_text(entry(["baking"]))
    with (tmp_path / "support" / name).open("ab") as file:
        file.truncate(2**35)  # holes: it takes no room on the disk
    assert f"{name} is larger than 16 MiB, so it is not read" in refused_folder()
