"""The support set: examples with the labels a user gave them, from a folder or from Python values."""

from __future__ import annotations

import csv
import io
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import CONTROL, DesireEdgeError, shown
from desire_edge.files import parse_json
from desire_edge.runtime.features import RawInput

Missing = Literal["negative", "unknown"]
METADATA = ("metadata.jsonl", "metadata.csv")
KINDS = (".txt", ".npy", ".json")
# A support folder comes from anyone: what is read of it is bounded.
MAX_EXAMPLES = 4096
MAX_FILE_BYTES = 16 * 2**20
MAX_FOLDER_BYTES = 256 * 2**20
MAX_NAME = 200


@dataclass(frozen=True)
class Example:
    """One example: its raw input, its labels, the labels it is known not to have, and its name in messages.

    `known_labels` are the base labels it is known to carry, for a model that uses them.
    """

    raw: RawInput
    labels: tuple[str, ...]
    negative_labels: tuple[str, ...] = ()
    name: str = "example"
    known_labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Support:
    """S examples. An example may carry any number of labels, none included."""

    examples: tuple[Example, ...]

    @classmethod
    def of(
        cls,
        inputs: Sequence[RawInput],
        labels: Sequence[Iterable[str]],
        negative_labels: Sequence[Iterable[str]] | None = None,
        known_labels: Sequence[Iterable[str]] | None = None,
    ) -> Support:
        """A support set from Python values, one entry an example in each argument.

        Raises:
            DesireEdgeError: the arguments differ in length, or a label name is empty, too long or given twice.
        """
        if isinstance(inputs, str | Mapping):
            raise DesireEdgeError("a support set takes a list of inputs, and this is one; put it into a list")
        negative_labels = negative_labels if negative_labels is not None else [()] * len(inputs)
        known_labels = known_labels if known_labels is not None else [()] * len(inputs)
        if not len(inputs) == len(labels) == len(negative_labels) == len(known_labels):
            raise DesireEdgeError(
                f"{len(inputs)} inputs, {len(labels)} lists of labels, {len(negative_labels)} of negative labels and "
                f"{len(known_labels)} of known labels: there must be one of each an example"
            )
        rows = zip(inputs, labels, negative_labels, known_labels, strict=True)
        return cls(tuple(_example(*row, f"example {index}") for index, row in enumerate(rows)))

    @classmethod
    def read(cls, folder: Path | str) -> Support:
        """Read a support folder: `metadata.jsonl` or `metadata.csv`, and the files it names.

        Each entry has `file_name` (inside the folder), `labels` and, if wanted, `negative_labels` and `known_labels`:
        lists in JSON Lines, names separated by `;` in CSV. Files are text (`.txt`, UTF-8), vectors (`.npy`) or sparse
        features (`.json`, an object from feature name or index to number).

        Raises:
            DesireEdgeError: names the file, the line, what was expected and how to mend it.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise DesireEdgeError(f"the support folder {folder} does not exist or is not a folder")
        metadata = _metadata_of(folder)
        if metadata is None:
            raise DesireEdgeError(
                f"the support folder {folder} holds neither metadata.jsonl nor metadata.csv; "
                "write one of them, with an entry an example"
            )
        examples: list[Example] = []
        left = MAX_FOLDER_BYTES
        for where, entry in _entries(metadata, ("file_name", "labels")):
            if len(examples) == MAX_EXAMPLES:
                raise DesireEdgeError(f"{metadata} names more than {MAX_EXAMPLES} examples")
            path = _file_of(entry, folder, where)
            raw = read_input(path)
            left -= path.stat().st_size
            if left < 0:
                raise DesireEdgeError(
                    f"{metadata} names files of more than {MAX_FOLDER_BYTES // 2**20} MiB in all; "
                    "adapt with fewer or smaller ones"
                )
            negative, known = entry.get("negative_labels") or (), entry.get("known_labels") or ()
            examples.append(
                replace(_example(raw, entry.get("labels"), negative, known, where), name=str(path))
            )
        if not examples:
            raise DesireEdgeError(
                f"{metadata} names no examples; add one, or use --shots 0 --labels to go by names alone"
            )
        return cls(tuple(examples))

    def names(self) -> tuple[str, ...]:
        """All label names, in the order in which they first appear."""
        return tuple(
            dict.fromkeys(
                name for example in self.examples for name in (*example.labels, *example.negative_labels)
            )
        )

    def first_shots(self, shots: int) -> Support:
        """The first `shots` examples of each label, with whatever else these carry, and all that carry none.

        An example that carries several labels comes with the first of them that has fewer so far, so another label may
        have more than `shots`. With 0 shots no example is left.
        """
        if shots == 0:
            return Support(())
        counts: dict[str, int] = {}
        kept = []
        for example in self.examples:
            if not example.labels or any(counts.get(label, 0) < shots for label in example.labels):
                kept.append(example)
                for label in example.labels:
                    counts[label] = counts.get(label, 0) + 1
        return Support(tuple(kept))

    def targets(
        self, names: Sequence[str], missing: Missing
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and mask, both [S, N] float32, for the labels `names`.

        A label an example carries is 1 and known, a negative label 0 and known. Any other is 0, and known only if
        `missing` is "negative": with "unknown" it does not count, for a user who did not look is not saying no.
        """
        column = {name: index for index, name in enumerate(names)}
        targets = np.zeros((len(self.examples), len(names)), np.float32)
        mask = np.full_like(targets, float(missing == "negative"))
        for row, example in enumerate(self.examples):
            for label in example.labels:
                targets[row, column[label]] = 1
            for label in (*example.labels, *example.negative_labels):
                mask[row, column[label]] = 1
        return targets, mask


def read_input(path: Path) -> RawInput:
    """Read one raw input: text from `.txt`, a vector from `.npy`, sparse features from `.json`.

    Raises:
        DesireEdgeError: not there, too large, of another kind, or not what its ending says.
    """
    if path.suffix not in KINDS:
        raise DesireEdgeError(f"{path} is of no kind that can be read; use {', '.join(KINDS)}")
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DesireEdgeError(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MiB, so it is not read")
        content = path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        if path.suffix == ".txt":
            return content.decode("utf-8")
        if path.suffix == ".npy":
            # Not np.load, which also opens zip archives, of any size once unpacked.
            array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
            return array
        values = parse_json(content)
        if not isinstance(values, dict):
            raise ValueError("expected an object from feature name to number")
        return values
    except (ValueError, MemoryError, RecursionError) as error:  # the last two: a hostile .npy header
        reason = str(error).partition("\n")[0] or "its header cannot be"
        raise DesireEdgeError(f"{path} is not a readable {path.suffix} file: {reason}") from error


def read_known_labels(folder: Path) -> dict[Path, tuple[str, ...]]:
    """The `known_labels` that the metadata of `folder` give files in it; none where it has no metadata.

    Raises:
        DesireEdgeError: metadata that cannot be read, or an entry with `known_labels` whose file is not in the folder.
    """
    metadata = _metadata_of(folder)
    found: dict[Path, tuple[str, ...]] = {}
    for where, entry in _entries(metadata, ("file_name",)) if metadata is not None else ():
        known = _list_of_names(entry.get("known_labels") or (), "known_labels", where)
        if known:
            found[_file_of(entry, folder, where)] = known
    return found


def check_name(name: Any, where: str) -> str:
    """The label name, stripped; empty ones, ones over 200 characters and ones with control characters are refused."""
    if not isinstance(name, str):
        raise DesireEdgeError(f"{where}: a label is {reprlib.repr(name)}, not a name")
    stripped = name.strip()
    if not stripped:
        raise DesireEdgeError(f"{where}: a label name is empty")
    if len(stripped) > MAX_NAME or CONTROL.search(stripped):
        raise DesireEdgeError(
            f"{where}: label names are at most {MAX_NAME} characters without control characters, "
            f"and {stripped[:40]!r} is not"
        )
    return stripped


def check_names(names: Iterable[Any], where: str) -> tuple[str, ...]:
    """Checked names, none of them twice."""
    if isinstance(names, str):
        raise DesireEdgeError(f"{where} are one string, {names!r}; give a list of names")
    checked = tuple(check_name(name, where) for name in names)
    seen: set[str] = set()
    for name in checked:
        if name in seen:
            raise DesireEdgeError(f"{where}: the label '{name}' is named twice")
        seen.add(name)
    return checked


def _example(raw: RawInput, labels: Any, negative_labels: Any, known_labels: Any, where: str) -> Example:
    positive = _list_of_names(labels, "labels", where)
    negative = _list_of_names(negative_labels, "negative_labels", where)
    known = _list_of_names(known_labels, "known_labels", where)
    for name in negative:
        if name in positive:
            raise DesireEdgeError(f"{where}: '{name}' is both a label and a negative label")
    return Example(raw, positive, negative, where, known)


def _list_of_names(value: Any, field: str, where: str) -> tuple[str, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise DesireEdgeError(f"{where}: {field} must be a list of names, and is {reprlib.repr(value)}")
    return check_names(value, where)


def _metadata_of(folder: Path) -> Path | None:
    """The metadata of `folder`, if it has any."""
    found = [folder / name for name in METADATA if (folder / name).is_file()]
    if len(found) > 1:
        raise DesireEdgeError(
            f"the folder {folder} holds both metadata.jsonl and metadata.csv; keep one of them"
        )
    return found[0] if found else None


def _entries(metadata: Path, columns: Sequence[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Each entry with its place, "FILE, line N"; a CSV file must have these columns."""
    try:
        if metadata.stat().st_size > MAX_FILE_BYTES:
            raise DesireEdgeError(
                f"{metadata} is larger than {MAX_FILE_BYTES // 2**20} MiB, so it is not read"
            )
        text = metadata.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DesireEdgeError(f"cannot read {metadata}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DesireEdgeError(f"{metadata} is not UTF-8 text: {error}") from error
    if metadata.suffix == ".csv":
        yield from _csv_entries(metadata, columns, text)
        return
    for number, line in enumerate(text.split("\n"), start=1):  # not splitlines: JSON strings may hold U+2028
        if not line.strip():
            continue
        where = f"{metadata}, line {number}"
        try:
            entry = parse_json(line)
        except ValueError as error:
            raise DesireEdgeError(f"{where} is not valid JSON: {error}") from error
        if not isinstance(entry, dict):
            raise DesireEdgeError(f"{where} is not a JSON object with file_name and labels")
        yield where, entry


def _csv_entries(metadata: Path, columns: Sequence[str], text: str) -> Iterable[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not set(columns) <= set(reader.fieldnames or ()):
            raise DesireEdgeError(f"{metadata} needs a first line with the columns {' and '.join(columns)}")
        for row in reader:
            where = f"{metadata}, line {reader.line_num}"
            if None in row or None in row.values():
                raise DesireEdgeError(
                    f"{where} has not as many fields as the first line; separate labels by ; or quote them"
                )
            entry: dict[str, Any] = {"file_name": row["file_name"]}
            for field in ("labels", "negative_labels", "known_labels"):
                names = row.get(field, "")
                entry[field] = names.split(";") if names.strip() else []
            yield where, entry
    except csv.Error as error:
        raise DesireEdgeError(f"{metadata}, line {reader.line_num} is not valid CSV: {error}") from error


def _file_of(entry: dict[str, Any], folder: Path, where: str) -> Path:
    """The file of `folder` that an entry names; paths and links that lead out of the folder are refused."""
    name = entry.get("file_name")
    if not isinstance(name, str) or not name:
        raise DesireEdgeError(f"{where} has no file_name")
    path = folder / name
    try:
        if CONTROL.search(name):
            raise ValueError
        inside = path.resolve().is_relative_to(folder.resolve())
        exists = path.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, links in a circle
        raise DesireEdgeError(f"{where}: '{shown(name[:MAX_NAME])}' is no file name") from None
    if not inside:
        raise DesireEdgeError(
            f"{where}: {name} lies outside the folder of the metadata; copy it into that folder"
        )
    if not exists:
        raise DesireEdgeError(f"{where}: the folder holds no file {name}")
    return path
