"""The golden refusals, run by the web client in Node: what each gives, or the code it is refused with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drivers.web import ask, install_packages
from vectors.refusals.content import merged, write
from vectors.tiny import FOLDER

pytestmark = pytest.mark.slow

REFUSALS: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "refusals.json").read_text(encoding="utf-8"))
Answers = dict[str, list[dict[str, Any]]]


def written(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A case of a folder, with its files in `folder`."""
    folder.mkdir()
    for name, content in case["files"].items():
        write(folder / name, content)
    return {**case, "at": str(folder)}


def of_bundle(case: dict[str, Any]) -> dict[str, Any]:
    """A case of a bundle, with the folder it is in and, of a manifest, what that is."""
    at = FOLDER / case["bundle"]
    manifest = json.loads((at / "manifest.json").read_text(encoding="utf-8"))
    return {**case, "at": str(at), "manifest": merged(manifest, case.get("patch", {}))}


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
