"""How far Python, Node, the page and the C++ client agree on what a kind of input is: x and z of the same files."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drivers.cpp import build_programs, finished
from drivers.web import chromium, install_packages, kinds_in_node, kinds_in_page, opened, serving
from numpy.typing import NDArray
from playwright.sync_api import Browser

from desire_edge import Bundle
from desire_edge.inputs import read_input

from .part import Measured

Found = Sequence[Mapping[str, Any]]
"""Of each file `x` (flat), its `shape`, and `z`."""


def measure(examples: Mapping[str, tuple[Path, Sequence[Path]]]) -> Measured:
    """`kinds_max_error`, the largest error of z over all clients: by any name, a bundle and files that it takes."""
    install_packages()
    programs = build_programs()
    with chromium() as browser:
        errors = {
            name: kind_errors(bundle, files, browser, programs / "probe")
            for name, (bundle, files) in examples.items()
        }
    largest = max(error["z"] for clients in errors.values() for error in clients.values())
    return Measured({"kinds_max_error": largest}, {"kinds": errors})


def kind_errors(
    bundle: Path, files: Sequence[Path], browser: Browser, probe: Path
) -> dict[str, dict[str, float]]:
    """By client, the largest difference from Python's x, and of z relative to the largest number in it.

    Of a sparse bag x are the words' numbers, and their values show in z. Texts of a bundle of tokens are given to C++
    as Python's token ids.
    """
    expected = in_python(bundle, files)
    with serving(bundle) as url:
        page = browser.new_page()
        opened(page, url)
        in_page = kinds_in_page(page, files)
        page.close()
    with tempfile.TemporaryDirectory() as folder:
        given = files
        if Bundle.open(bundle, "cpu").manifest.input.kind == "tokens":
            given = [Path(folder) / f"{number}.npy" for number in range(len(files))]
            for path, item in zip(given, expected, strict=True):
                np.save(path, np.array(item["x"], np.int64))
        in_cpp = probed(probe, bundle, given)
    found = {"node": kinds_in_node(bundle, files), "page": in_page, "cpp": in_cpp}
    return {client: errors_of(items, expected) for client, items in found.items()}


def errors_of(found: Found, expected: Found) -> dict[str, float]:
    """The largest differences; x of another shape is infinitely far."""
    worst = {"x": 0.0, "z": 0.0}
    for mine, wanted in zip(found, expected, strict=True):
        if list(mine["shape"]) != list(wanted["shape"]):
            return {"x": float("inf"), "z": float("inf")}
        for name, scale in (("x", 1.0), ("z", float(np.abs(wanted["z"]).max()) or 1.0)):
            off = np.abs(np.asarray(mine[name], float) - np.asarray(wanted[name], float))
            worst[name] = max(worst[name], float(off.max(initial=0)) / scale)
    return worst


def in_python(bundle: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What Python makes of the files."""
    opened_bundle = Bundle.open(bundle, "cpu")
    found = []
    for file in files:
        features = opened_bundle.manifest.input.features_of(read_input(file), file.name)
        z: NDArray[np.float32] = opened_bundle.extract([features])
        found.append({"x": features.x.ravel(), "shape": features.x.shape, "z": z[0]})
    return found


def probed(probe: Path, bundle: Path, files: Sequence[Path]) -> list[dict[str, Any]]:
    """What the C++ client makes of the files."""
    question = {"kinds": [{"bundle": str(bundle), "files": list(map(str, files))}]}
    (answer,) = json.loads(finished(probe, given=json.dumps(question)))["kinds"]
    found: list[dict[str, Any]] = answer["gives"]
    return found
