"""Any number of inputs at once gives, in Node, what they give one by one, whatever number of rows a graph takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from drivers.web import ask, install_packages
from vectors.tiny import BUNDLES, FOLDER, VOCABULARY, make_bundle, tiny_extractor, tiny_semantics

from desire_edge import Bundle
from desire_edge.export.bundle import ExportOptions, write_graphs
from desire_edge.export.graphs import extractor_graph
from desire_edge.files import write_json
from desire_edge.runtime.manifest import MANIFEST, FileRecord
from desire_edge.runtime.session import AT_ONCE

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LABELS = ["bread", "jazz"]


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    install_packages()


def queries(count: int) -> list[str]:
    """Texts of none to all of the vocabulary's words, in any order."""
    random = np.random.default_rng(0)
    return [" ".join(random.permutation(VOCABULARY)[: row % (len(VOCABULARY) + 1)]) for row in range(count)]


def check(bundle: Path, *, silent: bool = False) -> None:
    """More rows than one run takes, and none, are right."""
    given = queries(AT_ONCE + 2)
    found = ask("rows", bundle=str(bundle), labels=LABELS, queries=given, silent=silent)
    expected = Bundle.open(bundle, "cpu").adapt(labels=LABELS).predict(given)
    assert len(np.unique(expected, axis=0)) > AT_ONCE / 2
    np.testing.assert_allclose(found["together"], expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["together"], found["alone"], rtol=0, atol=1e-6)
    assert found["none"] == []


@pytest.mark.parametrize("bundle", [*BUNDLES, "earlier/plain", "earlier/known"])
def test_rows_are_predicted_together_as_alone(bundle: str) -> None:
    check(FOLDER / bundle)


def test_a_runtime_that_does_not_say_what_a_graph_takes_gives_the_same() -> None:
    check(FOLDER / "sparse", silent=True)


@pytest.mark.parametrize("any_batch", [True, False])
@pytest.mark.parametrize("silent", [True, False])
def test_a_bundle_of_five_rows_at_once_gives_the_same(any_batch: bool, silent: bool, tmp_path: Path) -> None:
    """As of a frozen graph of one's own, which may take that number alone."""
    bundle = tmp_path / "plain"
    make_bundle(bundle)
    options = ExportOptions(ways=4, batch=5, max_support=6)
    graph = extractor_graph(tiny_extractor(), len(VOCABULARY), options.batch, options.opset)
    write_graphs(bundle, graph, tiny_semantics(known_labels=False), options, any_batch=any_batch)
    manifest = json.loads((bundle / MANIFEST).read_bytes())
    files = {name: vars(FileRecord.of(bundle / name)) for name in manifest["files"]}
    write_json(bundle / MANIFEST, manifest | {"batch": options.batch, "files": files})
    check(bundle, silent=silent)
