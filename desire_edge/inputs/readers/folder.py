"""Folders of examples: metadata, and the files it names, or texts of its own; or a folder of files a label.

`metadata.jsonl` and `metadata.csv` are read by the rules of every client, unless columns are named: then, and in
`metadata.parquet`, as the same table elsewhere.

Without metadata the folders in it are the labels of the files in them, `cats/1.jpg`, as Hugging Face's image folders
have them; `train/cats/1.jpg` and `test/cats/2.jpg` are splits.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import Examples, Place, Request, Row, Stored, checked_labels
from desire_edge.inputs.files import MAX_FILE_BYTES, check_kind, is_input
from desire_edge.inputs.folder import METADATA, Contents, Folder, optional_names
from desire_edge.inputs.names import check_name
from desire_edge.inputs.readers import csv, jsonl, parquet
from desire_edge.inputs.readers.columns import GROUP, SPLIT, TEST, TRAIN
from desire_edge.inputs.readers.records import examples, word

NAME = f"a folder with {', '.join(METADATA)}"


def holds(path: Path) -> bool:
    """Whether the folder at `path` has metadata."""
    return any((path / name).is_file() for name in METADATA)


def texts(path: Path) -> list[Row]:
    """The texts that the metadata of the folder at `path` hold themselves; none where it has no metadata."""
    folder = Folder(path)
    found = []
    for place, entry in folder.entries(()):
        if (text := folder.text_of(entry, place)) is not None:
            found.append(Row(text, place, known_labels=optional_names(entry, "known_labels", str(place))))
    return found


def read(path: Path, request: Request) -> Examples:
    """Read the folder at `path`."""
    folder = Folder(path, None if request.max_bytes is None else MAX_FILE_BYTES)
    assert folder.metadata is not None, "a folder is read that has metadata"
    if (
        folder.metadata.suffix == ".parquet"
        or request.columns.named
        or request.columns.label_separator != ";"
    ):
        read_table = {".jsonl": jsonl.read, ".csv": csv.read, ".parquet": parquet.read}[
            folder.metadata.suffix
        ]
        return read_table(folder.metadata, request)
    rows: list[Row] = []
    for place, entry in folder.entries(("labels",) if request.labelled else ()):
        request.check_count(len(rows) + 1, folder.metadata)
        raw: str | Stored | None = folder.text_of(entry, place)
        if raw is None:
            file = folder.file_of(entry, place)
            check_kind(str(file))
            raw = Stored(str(file), file)
        labels = entry.get("labels") if request.labelled else ()
        others = [optional_names(entry, field, str(place)) for field in ("negative_labels", "known_labels")]
        positive, negative, known = checked_labels(labels, others[0], others[1], str(place))
        group, split = (word(entry.get(name), name, place) for name in (GROUP, SPLIT))
        rows.append(Row(raw, place, positive, negative, known, group, split))
    there = {GROUP: any(row.group for row in rows), SPLIT: any(row.split for row in rows)}
    columns = {"labels": "labels", **{name: name for name, is_there in there.items() if is_there}}
    return examples(path, tuple(rows), columns, (folder.metadata,), request)


def holds_classes(path: Path) -> bool:
    """Whether the folder at `path` has a folder of files for a label, and no such file beside it."""
    return not _files(path) and any(_files(each) for _, each in _classes(path))


def read_classes(path: Path, request: Request) -> Examples:
    """Read the folders at `path`, or those in its folders called as splits, each the label of the files in it."""
    contents = Contents(path)
    rows: list[Row] = []
    names: list[str] = []
    skipped: list[Path] = []
    for split in _splits(path):
        _check_unmixed(path, split)
    for part, each in _classes(path):
        for deeper in _folders(each):
            _check_unmixed(path, deeper)
        names.append(check_name(each.name, str(each)))
        skipped += [file for file in _visible(each) if file.is_file() and not _is_example(file)]
        for file in _files(each):
            contents.file(file.relative_to(path).as_posix(), "file", str(each))  # no link that leads out
            labels = (names[-1],) if request.labelled else ()
            rows.append(Row(Stored(str(file), file), Place(str(file)), labels, split=part))
            request.check_count(len(rows), path)
    read = examples(path, tuple(rows), {"labels": "the folders' names"}, (), request)
    if skipped:
        said = f"{path}: {len(skipped)} files are of no kind that can be read, such as {skipped[0]}; they are left out"
        read = replace(read, warnings=(*read.warnings, said))
    return replace(read, label_names=tuple(names) if request.labelled else ())


def _check_unmixed(path: Path, folder: Path) -> None:
    """Refuse files in a folder of which only folders should be."""
    if files := _files(folder):
        raise DesireEdgeError(
            f"{path} mixes depths: {files[0]} does not lie directly in the folder of its label; put all files into "
            f"{path.name}/LABEL or, where there are splits, into {path.name}/train/LABEL and {path.name}/test/LABEL",
            "metadata-none",
        )


def _classes(path: Path) -> list[tuple[str | None, Path]]:
    """The folders of labels, each with the split that it is of."""
    if splits := _splits(path):
        return [(split.name, each) for split in splits for each in _folders(split)]
    return [(None, each) for each in _folders(path)]


def _splits(path: Path) -> list[Path]:
    """The folders in that at `path` if all are called as splits; a label may be called `train` beside others."""
    folders = _folders(path)
    return folders if all(each.name.lower() in (*TRAIN, *TEST) for each in folders) else []


def _folders(path: Path) -> list[Path]:
    return [each for each in _visible(path) if each.is_dir()]


def _files(path: Path) -> list[Path]:
    return [each for each in _visible(path) if each.is_file() and _is_example(each)]


def _visible(path: Path) -> list[Path]:
    return sorted(each for each in path.iterdir() if not each.name.startswith("."))


def _is_example(file: Path) -> bool:
    return (
        is_input(file) and file.suffix.lower() != ".json"
    )  # in many a folder lies a .json that is no example
