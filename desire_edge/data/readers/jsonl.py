"""Raw-text corpora: JSON Lines, one example a line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge.data.dataset import Dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names

SOURCE = "the path of a .jsonl file"
# The share of a corpus that serves as its test part, drawn with a fixed seed: the same file, the same part.
TEST_SHARE = 0.2
TEST_SEED = 0


def reads(source: str) -> bool:
    """Whether `source` ends like a JSON Lines file."""
    return source.endswith(".jsonl")


def read(source: str, data_dir: Path | None) -> Dataset:
    """Load the file at the path `source`."""
    return load_jsonl(Path(source))


def load_jsonl(path: Path) -> Dataset:
    """Read a UTF-8 file with one JSON object a line: `text`, `labels` (a list of names), optionally `title`.

    Other keys are ignored, and so are blank lines; a list of labels may be empty. Labels are the distinct
    names of the file in alphabetical order. A fixed, seeded 20 % of the rows are the test part.
    Raises `DesireEdgeError` with the line's number for anything else.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    texts: list[str] = []
    label_lists: list[tuple[str, ...]] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        if line.strip():
            text, names = _parse(line, f"{path}, line {number}")
            texts.append(text)
            label_lists.append(names)
    labels = tuple(sorted({name for names in label_lists for name in names}))
    if not labels:
        raise DesireEdgeError(
            f'{path} has no labelled example; each line is like {{"text": "...", "labels": ["..."]}}'
        )
    column = {name: index for index, name in enumerate(labels)}
    targets = np.zeros((len(texts), len(labels)), dtype=np.bool_)
    for row, names in enumerate(label_lists):
        targets[row, [column[name] for name in names]] = True
    test_rows = np.zeros(len(texts), dtype=np.bool_)
    order = np.random.RandomState(TEST_SEED).permutation(len(texts))
    test_rows[order[: round(TEST_SHARE * len(texts))]] = True
    return Dataset(
        name=path.stem,
        labels=labels,
        targets=targets,
        test_rows=test_rows,
        features=None,
        feature_names=(),
        texts=tuple(texts),
        source=f"{path.name} (sha256 {hashlib.sha256(content).hexdigest()})",
    )


def _parse(line: bytes, place: str) -> tuple[str, tuple[str, ...]]:
    """The text and the labels of one line; `place` names it in messages."""
    try:
        record: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DesireEdgeError(f"{place}: not UTF-8 text; save the file as UTF-8", "encoding") from error
    except (ValueError, RecursionError) as error:
        raise DesireEdgeError(
            f"{place}: not valid JSON ({error}); each line holds one JSON object", "json"
        ) from error
    if not isinstance(record, dict):
        raise DesireEdgeError(
            f'{place}: expected an object like {{"text": "...", "labels": ["..."]}}', "entry"
        )
    text, title = record.get("text"), record.get("title", "")
    if not isinstance(text, str) or not text.strip():
        raise DesireEdgeError(f'{place}: "text" must be there and be a non-empty string')
    if not isinstance(title, str):
        raise DesireEdgeError(f'{place}: "title" must be a string, or left out')
    names = record.get("labels")
    if not isinstance(names, list):
        raise DesireEdgeError(
            f'{place}: "labels" must be there and be a list of names, like ["python", "web"]', "names-type"
        )
    try:
        (title + text).encode()
    except UnicodeEncodeError as error:
        raise DesireEdgeError(
            f"{place}: holds half a character (an unpaired \\ud800–\\udfff)", "json"
        ) from error
    return (f"{title.strip()}\n{text}" if title.strip() else text), check_names(names, place)
