"""The golden refusals, run by the web client in Node: what each gives, or the code it is refused with."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drivers.web import ask, install_packages

pytestmark = pytest.mark.slow

VECTORS = Path(__file__).parents[1] / "vectors"
REFUSALS: dict[str, list[dict[str, Any]]] = json.loads(
    (VECTORS / "refusals.json").read_text(encoding="utf-8")
)
Answers = dict[str, list[dict[str, Any]]]


def content_of(content: dict[str, str]) -> bytes:
    return content["text"].encode() if "text" in content else base64.b64decode(content["base64"])


def written(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A case of a folder, with its files in `folder`."""
    folder.mkdir()
    for name, content in case["files"].items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content_of(content))
    return {**case, "at": str(folder)}


def patched(target: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = patched(merged.get(key), value)
    return merged


def of_bundle(case: dict[str, Any]) -> dict[str, Any]:
    """A case of a bundle, with the folder it is in and, of a manifest, what that is."""
    at = VECTORS / case["bundle"]
    manifest = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
    return {**case, "at": str(at), "manifest": patched(manifest, case.get("patch", {}))}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """What Node answers to every case; of a folder both as it is on disk and as it is dropped on the page."""
    install_packages()
    root = tmp_path_factory.mktemp("folders")
    asked = {
        **REFUSALS,
        "folders": [written(case, root / str(number)) for number, case in enumerate(REFUSALS["folders"])],
        "manifests": list(map(of_bundle, REFUSALS["manifests"])),
        "tasks": list(map(of_bundle, REFUSALS["tasks"])),
    }
    found: Answers = {
        section: ask("refusals", section=section, cases=cases) for section, cases in asked.items()
    }
    return found | {"dropped folders": ask("refusals", section="folders", cases=REFUSALS["folders"])}


CASES = [
    pytest.param(section, number, case, id=f"{section}: {case['about']}")
    for section, cases in (*REFUSALS.items(), ("dropped folders", REFUSALS["folders"]))
    for number, case in enumerate(cases)
]


@pytest.mark.parametrize(("section", "number", "case"), CASES)
def test_a_case_gives_or_refuses_as_expected(
    section: str, number: int, case: dict[str, Any], answers: Answers
) -> None:
    found = answers[section][number]
    if "refuses" in case:
        assert found == {"refuses": case["refuses"]}
    elif section == "inputs":
        assert list(map(float, found["gives"])) == np.array(case["gives"], np.float32).tolist()
    else:
        assert found == {"gives": case["gives"]}
