"""Examples as every room has them: a raw input, what is known of its labels, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.files import decode_input, read_bounded
from desire_edge.inputs.names import list_of_names
from desire_edge.inputs.spec import RawInput

PICTURES = (".png", ".jpg", ".jpeg")
MAX_FOLDER_BYTES = 256 * 2**20
"""Of what a device reads of a support set, or of inputs."""


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
class Columns:
    """Which columns of a table hold what; what is not named is found by its usual names.

    Attributes:
        text: columns of text, joined by a line break in this order.
        labels: the column of labels; several are columns of 0 and 1, each named as its label.
        label_separator: what stands between labels in a cell of text.
        negative: the column of labels that an example is known not to carry.
        known: the column of base labels that it is known to carry.
        file: the column of names of files, in the folder of the table, or of images within it.
        vector: the column of vectors, lists of numbers, or of sparse features by name.
        group: the column that says which examples belong together: never part of them in training, part in the test.
        split: the column that says which part an example is of, train or test.
    """

    text: tuple[str, ...] = ()
    labels: str | tuple[str, ...] = ()
    label_separator: str = ";"
    negative: str | None = None
    known: str | None = None
    file: str | None = None
    vector: str | None = None
    group: str | None = None
    split: str | None = None

    def __post_init__(self) -> None:
        """One column of labels may be given by its name alone."""
        if isinstance(self.labels, str):
            object.__setattr__(self, "labels", (self.labels,))
        if not self.label_separator:
            raise DesireEdgeError("the label separator is empty; give what stands between labels, as in ';'")

    @property
    def named(self) -> tuple[str, ...]:
        """All columns that are named, each once."""
        alone = (self.negative, self.known, self.file, self.vector, self.group, self.split)
        return tuple(dict.fromkeys([*self.text, *self.labels, *(name for name in alone if name)]))


@dataclass(frozen=True)
class Place:
    """Where an example stands: a file, and which line or row of it, from 1; 0 where it is the file itself."""

    file: str
    number: int = 0
    unit: Literal["line", "row"] = "line"

    def __str__(self) -> str:
        """As errors say it."""
        return f"{self.file}, {self.unit} {self.number}" if self.number else self.file

    def to_json(self) -> dict[str, Any]:
        """The place as JSON values."""
        return {"file": self.file, **({self.unit: self.number} if self.number else {})}


@dataclass(frozen=True)
class Stored:
    """A raw input that is read when it is needed: a file, or the bytes of one that a table holds.

    Attributes:
        name: what errors call it; its ending says what it is.
        content: where the file is, or its bytes.
    """

    name: str
    content: Path | bytes

    @property
    def suffix(self) -> str:
        """The ending, in small letters, with its dot."""
        return Path(self.name).suffix.lower()

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, by its ending."""
        return self.suffix in PICTURES

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def read(self) -> RawInput:
        """What it holds.

        Raises:
            DesireEdgeError: it is not there, too large, of a kind that cannot be read, or not what its ending says.
        """
        content = self.content if isinstance(self.content, bytes) else read_bounded(self.content)
        return decode_input(content, self.name)


@dataclass(frozen=True)
class Row:
    """One example as a file of examples has it; what it refers to is not read yet."""

    raw: RawInput | Stored
    place: Place
    labels: tuple[str, ...] = ()
    negative_labels: tuple[str, ...] = ()
    known_labels: tuple[str, ...] = ()
    group: str | None = None
    split: str | None = None

    @property
    def name(self) -> str:
        """What messages call the example."""
        return self.raw.name if isinstance(self.raw, Stored) else str(self.place)

    def read(self) -> RawInput:
        """The raw input."""
        return self.raw.read() if isinstance(self.raw, Stored) else self.raw

    def example(self) -> Example:
        """The example, with what it refers to read."""
        return Example(self.read(), self.labels, self.negative_labels, self.name, self.known_labels)


@dataclass(frozen=True)
class Examples:
    """What a file or folder of examples holds.

    Attributes:
        path: the file or folder.
        rows: the examples in their order.
        found: what was read, and from which columns, as in {"text": "title, text", "labels": "tags"}.
        files: the files that were read, but for those that rows refer to.
        warnings: what looks wrong and may be right.
        features: how many numbers a vector has, where the format says so.
        feature_names: what each of them counts; () where they have no names.
        label_names: the labels that are named apart from the examples, unchecked; () where examples alone name them.
    """

    path: Path
    rows: tuple[Row, ...]
    found: Mapping[str, str]
    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()
    features: int | None = None
    feature_names: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What is asked of a reader.

    Attributes:
        columns: which columns hold what.
        labelled: whether labels must be there.
        max_examples: the most examples that are read; None for any number.
        max_bytes: the most bytes that are read of a file of examples; None for any number.
    """

    columns: Columns = field(default_factory=Columns)
    labelled: bool = True
    max_examples: int | None = None
    max_bytes: int | None = None

    def check_count(self, count: int, path: Path | str) -> None:
        """Refuse a file with more examples than are read."""
        if self.max_examples is not None and count > self.max_examples:
            raise DesireEdgeError(f"{path} names more than {self.max_examples} examples", "examples-many")

    def content(self, path: Path) -> bytes:
        """The bytes of the file at `path`, which may not be too large."""
        return read_bounded(path, self.max_bytes)

    def check_bytes(self, count: int, path: Path) -> None:
        """Refuse a file that holds more bytes than are read."""
        if self.max_bytes is not None and count > self.max_bytes:
            raise DesireEdgeError(
                f"{path} holds more than {self.max_bytes // 2**20} MiB, so it is not read", "file-large"
            )


def checked_labels(
    labels: Any, negative_labels: Any, known_labels: Any, where: str
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The three lists of clean names; none of them holds a name twice, and no label is its own negative."""
    positive = list_of_names(labels, "labels", where)
    negative = list_of_names(negative_labels, "negative_labels", where)
    known = list_of_names(known_labels, "known_labels", where)
    for name in negative:
        if name in positive:
            raise DesireEdgeError(f"{where}: '{name}' is both a label and a negative label", "name-both")
    return positive, negative, known
