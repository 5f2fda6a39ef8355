"""Python takes and refuses what every client must, with the codes that refusals.json says."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.refusals.content import merged, write
from vectors.tiny import FOLDER

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.inputs import Assets, RawInput, input_from_json, read_input
from desire_edge.inputs.names import list_of_names
from desire_edge.lexicon import Lexicon
from desire_edge.runtime.manifest import MANIFEST

Case = dict[str, Any]
REFUSALS: dict[str, list[Case]] = json.loads((FOLDER / "refusals.json").read_text(encoding="utf-8"))
PACKAGE = FOLDER.parents[1] / "desire_edge"
CODES = {case["refuses"] for cases in REFUSALS.values() for case in cases if "refuses" in case}


def said(raw: RawInput) -> dict[str, Any]:
    """A raw input as it stands in the file."""
    if isinstance(raw, str):
        return {"text": raw}
    return {"features": dict(raw)} if isinstance(raw, dict) else {"vector": np.asarray(raw).tolist()}


def names(case: Case, folder: Path) -> Any:
    return list(list_of_names(case["given"], "names", "here"))


def folders(case: Case, folder: Path) -> Any:
    for name, content in case["files"].items():
        write(folder / name, content)
    return [
        {
            "labels": list(example.labels),
            "negative_labels": list(example.negative_labels),
            "known_labels": list(example.known_labels),
            "input": said(example.raw),
        }
        for example in Support.read(folder).examples
    ]


def inputs(case: Case, folder: Path) -> Any:
    spec = input_from_json(case["spec"], "the case", "manifest", Assets())
    return spec.features_of(read_input(write(folder / case["file"], case["content"])), "here").x.tolist()


def lexicons(case: Case, folder: Path) -> Any:
    lexicon = Lexicon.open(write(folder / "lexicon.safetensors", case["content"]))
    return {"words": len(lexicon), "dim": lexicon.dim}


def manifests(case: Case, folder: Path) -> Any:
    bundle = Path(shutil.copytree(FOLDER / case["bundle"], folder / "bundle"))
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    (bundle / MANIFEST).write_text(json.dumps(merged(manifest, case["patch"])))
    return Bundle.open(bundle, "cpu").path == bundle


def tasks(case: Case, folder: Path) -> Any:
    items = case["support"]
    support = Support.of(
        [item["text"] for item in items],
        *([item.get(field, []) for item in items] for field in ("labels", "negative_labels", "known_labels")),
    )
    task = Bundle.open(FOLDER / case["bundle"], "cpu").adapt(
        support, labels=case["labels"], missing=case["missing"]
    )
    return {"labels": list(task.labels)}


@pytest.mark.parametrize(
    ("topic", "case"),
    [
        pytest.param(topic, case, id=f"{topic}: {case['about']}")
        for topic, cases in REFUSALS.items()
        for case in cases
    ],
)
def test_a_case_gives_what_it_says(topic: str, case: Case, tmp_path: Path) -> None:
    answer = {
        "names": names,
        "folders": folders,
        "inputs": inputs,
        "lexicons": lexicons,
        "manifests": manifests,
        "tasks": tasks,
    }[topic]
    if "refuses" in case:
        with pytest.raises(DesireEdgeError) as refused:
            answer(case, tmp_path)
        assert refused.value.code == case["refuses"], refused.value
    else:
        assert answer(case, tmp_path) == case["gives"]


def test_the_codes_listed_are_those_that_python_gives() -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8").partition("## Codes")[2]
    listed = {
        code for row in re.findall(r"^\|([^|]+)\|", table, re.M) for code in re.findall("`([a-z-]+)`", row)
    }
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    strings = {value for source in sources for value in re.findall('"([a-z]+(?:-[a-z]+)*)"', source)}
    assert CODES <= listed <= strings
