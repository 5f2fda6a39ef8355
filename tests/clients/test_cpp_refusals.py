"""The C++ client takes and refuses what the golden refusals say, by the same codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vectors.refusals.content import merged, write
from vectors.tiny import FOLDER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CASES: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "refusals.json").read_bytes())

Probe = Callable[[dict[str, Any]], dict[str, Any]]


def question(kind: str, case: dict[str, Any], folder: Path) -> tuple[str, Any]:
    """What the probe is asked of a case, whose files are written into `folder`."""
    if kind == "names":
        return kind, case["given"]
    if kind == "folders":
        (folder / "support").mkdir()
        for name, content in case["files"].items():
            write(folder / "support" / name, content)
        return kind, str(folder / "support")
    if kind == "inputs":
        return kind, {"spec": case["spec"], "file": str(write(folder / case["file"], case["content"]))}
    if kind == "lexicons":
        return kind, str(write(folder / "lexicon.safetensors", case["content"]))
    if kind == "manifests":
        bundle = Path(shutil.copytree(FOLDER / case["bundle"], folder / case["bundle"]))
        manifest = merged(json.loads((bundle / "manifest.json").read_bytes()), case["patch"])
        (bundle / "manifest.json").write_text(json.dumps(manifest))
        return "bundles", str(bundle)
    return kind, {**case, "bundle": str(FOLDER / case["bundle"])}


def same(found: Any, expected: Any) -> bool:
    """Equal, numbers as they are in single precision."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return bool(np.float32(found) == np.float32(expected))
    return bool(found == expected)


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        pytest.param(kind, case, id=f"{kind}: {case['about']}")
        for kind, cases in CASES.items()
        for case in cases
    ],
)
def test_it_takes_and_refuses_what_the_golden_refusals_say(
    kind: str, case: dict[str, Any], probe: Probe, tmp_path: Path
) -> None:
    asked, given = question(kind, case, tmp_path)
    (answer,) = probe({asked: [given]})[asked]
    if "refuses" in case:
        assert answer.get("refuses") == case["refuses"], answer
        assert answer["message"] and "\n" not in answer["message"]
    else:
        assert "gives" in answer, answer
        assert same(answer["gives"], case["gives"]), answer
