"""Folders of examples: their metadata in either form, and the files it names, however a system writes names."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from desire_edge import DesireEdgeError, Support
from desire_edge.inputs import Columns
from desire_edge.inputs.folder import Contents, read_known_labels


def folder_of(tmp_path: Path, name: str, metadata: str) -> Path:
    for letter in "abc":
        (tmp_path / f"{letter}.txt").write_text(f"text {letter}")
    (tmp_path / name).write_text(metadata, encoding="utf-8")
    return tmp_path


def lines(*entries: object) -> str:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def labels_of(support: Support) -> list[tuple[object, tuple[str, ...], tuple[str, ...]]]:
    return [(example.raw, example.labels, example.negative_labels) for example in support.examples]


EXPECTED = [("text a", ("x", "open source"), ()), ("text b", (), ("x",)), ("text c", ("y",), ())]


def test_json_lines_are_read_in_order(tmp_path: Path) -> None:
    metadata = lines(
        {"file_name": "a.txt", "labels": ["x", " open source "]},
        {"file_name": "b.txt", "labels": [], "negative_labels": ["x"]},
        {"file_name": "c.txt", "labels": ["y"], "negative_labels": None, "source": "ignored"},
    )
    assert labels_of(Support.read(folder_of(tmp_path, "metadata.jsonl", metadata))) == EXPECTED


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_says_the_same(mark: str, end: str, tmp_path: Path) -> None:
    rows = [
        "negative_labels,file_name,more,labels",
        ",a.txt,,x; open source",
        "x,b.txt,,",
        ',c.txt,"a,b",y',
        "",
    ]
    folder = folder_of(tmp_path, "metadata.csv", mark + end.join(rows))
    assert labels_of(Support.read(folder)) == EXPECTED


def test_csv_needs_no_negative_labels_and_may_quote_line_ends(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "metadata.csv", 'file_name,labels,note\na.txt,"x;y","two\nlines"\n')
    assert labels_of(Support.read(folder)) == [("text a", ("x", "y"), ())]


def test_a_line_separator_within_a_json_string_is_no_line_end(tmp_path: Path) -> None:
    metadata = lines({"file_name": "a.txt", "labels": ["x"], "note": "one\u2028two\u0085three"})
    assert Support.read(folder_of(tmp_path, "metadata.jsonl", metadata)).names() == ("x",)


def test_a_file_may_lie_deeper_in_the_folder_or_be_a_link_within_it(tmp_path: Path) -> None:
    folder_of(tmp_path, "metadata.jsonl", lines({"file_name": "deep/a.txt", "labels": ["x"]}))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").symlink_to("../a.txt")
    assert Support.read(tmp_path).examples[0].raw == "text a"


def test_a_link_out_of_the_folder_is_refused_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("not yours")
    inside = tmp_path / "support"
    inside.mkdir()
    (inside / "cafe\u0301.txt").symlink_to("../secret.txt")
    (inside / "deep").symlink_to("..")
    (inside / "metadata.jsonl").write_text("")
    for name in ("cafe\u0301.txt", "caf\u00e9.txt", "deep/secret.txt", r"deep\secret.txt"):
        with pytest.raises(DesireEdgeError, match="lies outside the folder") as refused:
            Contents(inside).file(name, "file_name", "here")
        assert refused.value.code == "file-outside"


def test_links_in_a_circle_are_no_files(tmp_path: Path) -> None:
    folder_of(tmp_path, "metadata.jsonl", lines({"file_name": "round.txt", "labels": ["x"]}))
    (tmp_path / "round.txt").symlink_to("round.txt")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "up").symlink_to("..")
    with pytest.raises(DesireEdgeError, match=r"round\.txt") as refused:
        Support.read(tmp_path)
    assert refused.value.code == "file-name"


def test_known_labels_are_those_of_the_files_there_are(tmp_path: Path) -> None:
    entries = (
        {"file_name": r"deep\A.TXT", "known_labels": ["li\u200bnux"]},
        {"file_name": "./b.txt", "known_labels": None},
        {"file_name": "caf\u00e9.txt", "known_labels": ["music"]},
    )
    folder_of(tmp_path, "metadata.jsonl", lines(*entries))
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "A.TXT").write_text("text A")
    (tmp_path / "cafe\u0301.txt").write_text("text d")
    assert read_known_labels(tmp_path) == {
        tmp_path / "deep" / "A.TXT": ("linux",),
        tmp_path / "cafe\u0301.txt": ("music",),
    }
    (tmp_path / "metadata.jsonl").unlink()
    assert read_known_labels(tmp_path) == {}


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "nowhere"):
        with pytest.raises(DesireEdgeError, match="does not exist or is not a folder") as refused:
            Support.read(path)
        assert refused.value.code == "folder-none"


@pytest.mark.parametrize("name", ["a.txt", "metadata.jsonl"])
def test_a_huge_file_is_not_read(name: str, tmp_path: Path) -> None:
    folder_of(tmp_path, "metadata.jsonl", lines({"file_name": "a.txt", "labels": ["x"]}))
    with (tmp_path / name).open("ab") as file:
        file.truncate(16 * 2**20 + 1)
    with pytest.raises(DesireEdgeError, match="larger than 16 MiB") as refused:
        Support.read(tmp_path)
    assert refused.value.code == "file-large"


def test_a_huge_folder_is_not_read(tmp_path: Path) -> None:
    with folder_of(tmp_path, "metadata.jsonl", "").joinpath("big.txt").open("ab") as file:
        file.truncate(16 * 2**20)
    entry = {"file_name": "big.txt", "labels": ["x"]}
    (tmp_path / "metadata.jsonl").write_text(lines(*[entry] * 17))
    with pytest.raises(DesireEdgeError, match="more than 256 MiB in all") as refused:
        Support.read(tmp_path)
    assert refused.value.code == "folder-large"


def test_pictures_are_bounded_by_what_they_unpack_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    (tmp_path / "metadata.jsonl").write_text(lines(*[{"file_name": "a.png", "labels": ["x"]}] * 3))
    assert len(Support.read(tmp_path).examples) == 3
    monkeypatch.setattr("desire_edge.runtime.support.MAX_DECODED_BYTES", 2 * 100 * 50 * 3)
    with pytest.raises(DesireEdgeError, match="in all once decoded; adapt with fewer") as refused:
        Support.read(tmp_path)
    assert refused.value.code == "folder-large"


def test_texts_stand_in_the_metadata_too(tmp_path: Path) -> None:
    metadata = lines(
        {"text": "fresh bread", "labels": ["baking"], "known_labels": ["linux"]},
        {"file_name": "a.txt", "labels": ["x"]},
    )
    folder = folder_of(tmp_path, "metadata.jsonl", metadata)
    first, second = Support.read(folder).examples
    assert (first.raw, first.known_labels, first.name) == (
        "fresh bread",
        ("linux",),
        f"{tmp_path / 'metadata.jsonl'}, line 1",
    )
    assert second.raw == "text a" and read_known_labels(folder) == {}


def test_metadata_may_be_parquet_and_have_other_columns(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "metadata.csv", "file;tags\na.txt;x|y\n")
    with pytest.raises(DesireEdgeError, match=r"file_name \(or text\) and labels"):
        Support.read(folder)
    columns = Columns(file="file", labels="tags", label_separator="|")
    assert Support.read(folder, columns).examples[0].labels == ("x", "y")
    (tmp_path / "metadata.csv").unlink()
    pq.write_table(pa.table({"file_name": ["b.txt"], "tags": [["y"]]}), tmp_path / "metadata.parquet")
    assert labels_of(Support.read(folder)) == [("text b", ("y",), ())]
