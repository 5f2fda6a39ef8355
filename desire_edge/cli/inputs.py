"""What `predict` is asked about: files, folders, tables, texts on the command line, lines of standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from desire_edge import DesireEdgeError, Predictor
from desire_edge.inputs.examples import MAX_FOLDER_BYTES, Columns, Place, Request, Row, Stored
from desire_edge.inputs.files import READERS, is_input, text_of
from desire_edge.inputs.names import check_names
from desire_edge.lexicon.characters import SPACE

if TYPE_CHECKING:
    from desire_edge import Task
    from desire_edge.runtime.explain import Explanation

STANDARD_INPUT = Path("-")
AT_ONCE, PICTURES_AT_ONCE = 64, 4  # examples that are in memory together


def rows_of(
    paths: Sequence[Path], texts: Sequence[str], columns: Columns, known_labels: str | None
) -> list[Row]:
    """The examples to predict, in the order of the command line, texts last.

    Args:
        paths: files of one input, files of examples, folders of either, or `-`, each line of standard input.
        texts: inputs as they are.
        columns: which columns of tables hold what.
        known_labels: base labels that every example is known to carry, in place of those that tables and metadata
        give.
    """
    rows = [row for path in paths for row in _rows(path, columns)]
    rows += [Row(text, Place(text if len(text) <= 60 else f"{text[:59]}…")) for text in texts]
    if not rows:
        raise DesireEdgeError(
            "there is nothing to predict; name a file or folder, give --text, or - for standard input"
        )
    if known_labels is None:
        return rows
    names = check_names(known_labels.split(","), "--known-labels")
    return [Row(row.raw, row.place, known_labels=names) for row in rows]


def said(row: Row) -> dict[str, Any]:
    """The example as JSON says which it is: a file, a line or row of one, or the text itself."""
    if isinstance(row.raw, str) and not row.place.number:
        return {"text": row.raw}
    return row.place.to_json()


def predict_rows(
    predictor: Predictor, rows: Sequence[Row], task: Task | None
) -> tuple[dict[str, NDArray[np.float32]], list[Explanation]]:
    """What `predictor` gives of the rows, as `Predictor.outputs`, and, with the `task` it was taught, why."""
    parts: list[Mapping[str, NDArray[np.float32]]] = []
    explanations: list[Explanation] = []
    pictures = any(isinstance(row.raw, Stored) and row.raw.is_picture for row in rows)
    count = PICTURES_AT_ONCE if pictures else AT_ONCE
    for start in range(0, len(rows), count):
        some = rows[start : start + count]
        names, known = [row.name for row in some], [row.known_labels for row in some]
        raws = [row.read() for row in some]
        features = predictor.features(raws, names)
        parts.append(predictor.outputs(features, predictor.known_rows(known, names)))
        if task:
            from desire_edge.cli.why import explain_all

            explanations += explain_all(task, predictor, raws, known, parts[-1]["probabilities"])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, explanations


def prediction_values(
    predictor: Predictor,
    rows: Sequence[Row],
    outputs: Mapping[str, NDArray[np.float32]],
    explanations: Sequence[Explanation] = (),
    coverage: float | None = None,
) -> list[dict[str, Any]]:
    """What `predict_rows` gives, as JSON values, one a row; with a `coverage` the labels are those of its set."""
    predictions = []
    for index, row in enumerate(rows):
        probabilities = outputs["probabilities"][index]
        labels = predictor.decide(probabilities, coverage)
        prediction: dict[str, Any] = {
            **said(row),
            "known_labels": list(row.known_labels),
            "labels": labels,
            "none": not labels,
            "probabilities": dict(zip(predictor.labels, map(float, probabilities), strict=True)),
        }
        if predictor.base_labels:
            base = map(float, outputs["base_probabilities"][index])
            prediction["base_probabilities"] = dict(zip(predictor.base_labels, base, strict=True))
        if explanations:
            prediction["why"] = explanations[index].to_json()
        predictions.append(prediction)
    return predictions


def _rows(path: Path, columns: Columns) -> list[Row]:
    if path == STANDARD_INPUT:
        content = sys.stdin.buffer.read(MAX_FOLDER_BYTES + 1)
        if len(content) > MAX_FOLDER_BYTES:
            raise DesireEdgeError(
                f"standard input is larger than {MAX_FOLDER_BYTES // 2**20} MiB", "file-large"
            )
        lines = enumerate(text_of(content, "standard input").split("\n"), start=1)
        return [
            Row(line.removesuffix("\r"), Place("-", number)) for number, line in lines if line.strip(SPACE)
        ]
    if not path.exists():
        raise DesireEdgeError(f"there is no file or folder {path}")
    if path.is_dir():
        return list(_rows_of_folder(path, columns))
    if is_input(path):
        return [_file(path)]
    from desire_edge.inputs.readers import HOW_TO_MEND, format_of

    if format_of(path) is None:
        raise DesireEdgeError(
            f"{path} is of no kind that can be read; use {', '.join(READERS)}, or of many inputs {HOW_TO_MEND[4:]}",
            "file-kind",
        )
    return _table(path, columns)


def _rows_of_folder(path: Path, columns: Columns) -> Iterator[Row]:
    """The examples of a data set; else the files in the folder, by name, and the texts that its metadata hold."""
    from desire_edge.inputs.folder import read_known_labels
    from desire_edge.inputs.readers import folder, is_data_set

    if is_data_set(path) or (columns.named and folder.holds(path)):
        yield from _table(path, columns)
        return
    known, texts = read_known_labels(path), folder.texts(path)
    files = sorted(file for file in path.iterdir() if is_input(file))
    if not files and not texts:
        raise DesireEdgeError(f"the folder {path} holds no {', '.join(READERS)} files")
    for file in files:
        yield _file(file, known.get(file, ()))
    yield from texts


def _table(path: Path, columns: Columns) -> list[Row]:
    from desire_edge.inputs.readers import read_examples

    request = Request(columns, labelled=False, max_bytes=MAX_FOLDER_BYTES)
    return list(read_examples(path, request=request).rows)


def _file(path: Path, known_labels: tuple[str, ...] = ()) -> Row:
    return Row(Stored(str(path), path), Place(str(path)), known_labels=known_labels)
