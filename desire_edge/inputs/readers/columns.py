"""Which column of a table holds what: as the user names them, else by their usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from desire_edge.errors import DesireEdgeError, shown
from desire_edge.inputs.examples import Columns

FILE_NAME = "file_name"
TITLES = ("title", "headline", "subject")
TEXTS = (
    "text",
    "body",
    "content",
    "description",
    "sentence",
    "document",
    "abstract",
    "summary",
    "message",
    "comment",
    "review",
    "question",
)
LABELS = (
    "labels",
    "label",
    "tags",
    "tag",
    "categories",
    "category",
    "keywords",
    "topics",
    "topic",
    "genres",
    "genre",
)
FILES = (FILE_NAME, "image", "file", "path", "filename", "image_path", "filepath")
VECTORS = ("features", "embedding", "embeddings", "vector")
TRAIN, TEST = ("train", "training", "validation", "valid", "val", "dev"), ("test", "testing")  # splits
NEGATIVE, KNOWN, GROUP, SPLIT = "negative_labels", "known_labels", "group", "split"


@dataclass(frozen=True)
class Chosen:
    """The columns of one table, each as the table spells it; an example stands in `text`, `file` or `vector`."""

    text: tuple[str, ...] = ()
    file: str | None = None
    vector: str | None = None
    labels: tuple[str, ...] = ()
    negative: str | None = None
    known: str | None = None
    group: str | None = None
    split: str | None = None

    def names(self) -> tuple[str, ...]:
        """All of them."""
        alone = (self.file, self.vector, self.negative, self.known, self.group, self.split)
        return (*self.text, *self.labels, *(name for name in alone if name))

    def to_json(self) -> dict[str, str]:
        """What was found, for people."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {
            name: ", ".join(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value
        }


def fits(there: Sequence[str], columns: Columns) -> bool:
    """Whether the columns of a table may be these: all that are named, else one that can be found."""
    if columns.named:
        return set(columns.named) <= set(there)
    return any(_find(there, names) for names in (TEXTS, TITLES, FILES, VECTORS, LABELS))


def choose(there: Sequence[str], columns: Columns, *, labelled: bool, where: str) -> Chosen:
    """The columns of a table that has those `there`.

    A column `file_name` comes first, as in Hugging Face's folders of images; then text, vectors, and files by other
    names.

    Raises:
        DesireEdgeError: a column that is named is not there, or what an example is, or its labels, cannot be found.
    """
    listed = ", ".join(shown(name) for name in there[:40]) or "none"
    for name in columns.named:
        if name not in there:
            raise DesireEdgeError(f"{where} has no column '{name}'; it has {listed}", "columns")
    inputs = (columns.text, columns.file, columns.vector)
    text, file, vector = inputs if any(inputs) else _inputs(there)
    if not (text or file or vector):
        raise DesireEdgeError(
            f"{where} has no column that is known to hold examples: it has {listed}; name what they are in with "
            "--text-column, --file-column or --vector-column",
            "columns",
        )
    labels = columns.labels or _one(there, LABELS)
    if labelled and not labels:
        raise DesireEdgeError(
            f"{where} has no column that is known to hold labels: it has {listed}; name it with --labels-column",
            "columns",
        )
    chosen = Chosen(
        text,
        file,
        vector,
        tuple(labels),
        columns.negative or _find(there, (NEGATIVE,)),
        columns.known or _find(there, (KNOWN,)),
        columns.group or _find(there, (GROUP,)),
        columns.split or _find(there, (SPLIT,)),
    )
    for name in chosen.names():
        if there.count(name) > 1:
            raise DesireEdgeError(
                f"{where} has {there.count(name)} columns '{name}'; give each a name of its own", "columns"
            )
    return chosen


def _inputs(there: Sequence[str]) -> tuple[tuple[str, ...], str | None, str | None]:
    """Columns of text, files and vectors by their usual names: text beside `file_name`, else one kind alone."""
    text = (*_one(there, TITLES), *_one(there, TEXTS))
    if name := _find(there, (FILE_NAME,)):
        return text, name, None
    if text:
        return text, None, None
    if vector := _find(there, VECTORS):
        return (), None, vector
    return (), _find(there, FILES), None


def _one(there: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The first of `names` that is there, alone; () if none is."""
    found = _find(there, names)
    return (found,) if found else ()


def _find(there: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of `names` that is there, as the table spells it: in small or capital letters."""
    spelt = {name.lower(): name for name in reversed(there)}
    return next((spelt[name] for name in names if name in spelt), None)
