"""`adapt.onnx` of a bundle gives what the C++ core gives, on the bundle's own tasks; what it cannot take it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from core.reference import relative_error
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.export.parity import head_logits
from desire_edge.runtime.manifest import ADAPT
from desire_edge.runtime.portable import PortableAdaptation, PortableHead


def opened(bundle: Bundle) -> PortableAdaptation:
    return PortableAdaptation(bundle.path / ADAPT, bundle.manifest, threads=1)


def replayed(bundle: Bundle, task: Task) -> PortableHead:
    """The task adapted again, through the graph."""
    taught = task.taught
    known = taught.known_labels if bundle.manifest.known_labels else None
    return opened(bundle).adapt(taught.z, taught.targets, taught.mask, taught.vectors, known)


@pytest.fixture(
    scope="session",
    params=[
        "sample",
        "known",
        pytest.param("prior", marks=pytest.mark.slow),
        pytest.param("delicious", marks=pytest.mark.delicious),
    ],
)
def model(request: pytest.FixtureRequest) -> Trained:
    """Each small model in turn, the one that uses known labels and that with the head `prior` too."""
    found: Trained = request.getfixturevalue(f"{request.param}_trained")
    return found


@pytest.mark.parametrize("missing", ["negative", "unknown"])
@pytest.mark.parametrize("examples", [0, 1, 10])
def test_the_graph_adapts_as_the_core_does(
    examples: int, missing: Literal["negative", "unknown"], model: Trained
) -> None:
    bundle = Bundle.open(model.bundle, "cpu")
    support = Support(Support.read(model.support).examples[:examples])
    task = bundle.adapt(support, labels=model.labels, missing=missing)
    found = replayed(bundle, task)
    z = bundle.extractor.run(model.run.data.x[model.episode.query])["z"]
    core = head_logits(bundle, task.head.weights, z)
    assert relative_error(head_logits(bundle, found.weights, z), core) <= 1e-5
    assert found.losses == pytest.approx(task.head.losses, rel=1e-4, abs=1e-7)
    assert found.thresholds == pytest.approx(task.predictor.thresholds, abs=1e-5)


def test_more_examples_than_max_support_are_refused(sample_trained: Trained) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    most, d = bundle.manifest.max_support, bundle.manifest.dimension
    ones = np.ones((most + 1, 2), np.float32)
    with pytest.raises(
        DesireEdgeError,
        match=rf"65 examples, but \S+adapt.onnx takes at most {most}; .* with --max-support 65",
    ):
        opened(bundle).adapt(np.ones((most + 1, d), np.float32), ones, ones, np.ones((d, 2), np.float32))


def test_more_labels_than_ways_are_refused(sample_trained: Trained) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    d = bundle.manifest.dimension
    ones = np.ones((1, WAYS + 1), np.float32)
    with pytest.raises(DesireEdgeError, match="7 labels, but this bundle holds at most 6"):
        opened(bundle).adapt(np.ones((1, d), np.float32), ones, ones, np.ones((d, WAYS + 1), np.float32))


def test_what_does_not_stay_finite_is_refused(sample_trained: Trained) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    ones, d = np.ones((1, 1), np.float32), bundle.manifest.dimension
    with pytest.raises(DesireEdgeError, match="the adaptation does not stay finite"):
        opened(bundle).adapt(np.full((1, d), 1e30, np.float32), ones, ones, np.ones((d, 1), np.float32))


def test_a_graph_of_another_bundle_is_refused(sample_trained: Trained, tmp_path: Path) -> None:
    bundle = Bundle.open(sample_trained.bundle, "cpu")
    graph = onnx.load(bundle.path / ADAPT)
    graph.graph.input[0].name = "features"
    (tmp_path / "adapt.onnx").write_bytes(graph.SerializeToString())
    for content in (bundle.path / "head.onnx", bundle.path / "base.onnx"):
        with pytest.raises(DesireEdgeError, match="has not the inputs and outputs that the manifest says"):
            PortableAdaptation(content, bundle.manifest)
    with pytest.raises(DesireEdgeError, match=r"adapt\.onnx is not a whole ONNX model"):
        PortableAdaptation(tmp_path / "adapt.onnx", bundle.manifest)
