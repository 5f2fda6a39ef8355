"""Adapting and predicting on each execution provider: cpu always, cuda where there is one (`make test-gpu`)."""

from __future__ import annotations

import os

import numpy as np
import pytest
from trained import Trained

from desire_edge import Bundle, Support
from desire_edge.runtime.session import PROVIDERS, import_onnxruntime


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def provider(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if PROVIDERS[name] not in import_onnxruntime().get_available_providers():
        assert "DESIRE_EDGE_REQUIRE_CUDA" not in os.environ, "make test-gpu needs ONNX Runtime with CUDA"
        pytest.skip(f"this ONNX Runtime has no {name}")
    return name


def test_every_provider_gives_the_same_probabilities(sample_trained: Trained, provider: str) -> None:
    support = Support.read(sample_trained.support)
    texts = ["Prune the roses before the first frost.", "A sonnet about the sea.", "zzxqv"]
    expected = Bundle.open(sample_trained.bundle, "cpu").adapt(support).predict(texts)
    task = Bundle.open(sample_trained.bundle, provider).adapt(support)
    assert task.report.provider == task.predictor.provider == provider
    np.testing.assert_allclose(task.predict(texts), expected, atol=1e-5)
