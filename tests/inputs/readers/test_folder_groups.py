"""Groups and splits in a folder's metadata, whether columns are named or found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from desire_edge.inputs.examples import Columns
from desire_edge.inputs.readers import read_examples


@pytest.mark.parametrize("columns", [None, Columns(group="group")])
def test_groups_and_splits_are_read(tmp_path: Path, columns: Columns | None) -> None:
    lines = [
        {"file_name": "a.txt", "labels": ["x"], "group": "g", "split": "train"},
        {"file_name": "b.txt", "labels": [], "group": 7},
    ]
    (tmp_path / "metadata.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("some text")
    examples = read_examples(tmp_path, columns)
    assert [(row.group, row.split) for row in examples.rows] == [("g", "train"), ("7", None)]
    assert (examples.found["group"], examples.found["split"]) == ("group", "split")
