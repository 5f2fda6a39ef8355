"""Calibration: by hand, against scikit-learn, and its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from trained import Trained

from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.calibration import BINS, Calibration, calibrate
from desire_edge.models import extract
from desire_edge.training.episodes import EpisodeBatcher


def test_by_hand() -> None:
    found = Calibration.of(np.array([[0.05, 0.05], [0.75, 1.0]]), np.array([[False, True], [True, True]]))
    assert found.probability == pytest.approx((0.05, 0.75, 1.0))
    assert (found.frequency, found.count) == ((0.5, 1.0, 1.0), (2, 1, 1))
    assert found.expected_error == pytest.approx((2 * 0.45 + 0.25) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.95**2 + 0.25**2) / 4)
    assert found.base_rate == 0.75


@given(npst.arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1, width=32)), st.randoms())
def test_as_scikit_learn_has_it(probabilities: NDArray[np.float64], random: st.DataObject) -> None:
    truths = np.array([random.random() < 0.4 for _ in probabilities])  # type: ignore[attr-defined]
    found = Calibration.of(probabilities, truths)
    assert found.brier == pytest.approx(
        brier_score_loss(truths, probabilities, labels=[False, True]), abs=1e-12
    )
    inside = probabilities[
        (probabilities * BINS) % 1 != 0
    ]  # an edge belongs to one bin there, to the other here
    if len(inside):
        kept = truths[(probabilities * BINS) % 1 != 0]
        frequency, probability = calibration_curve(kept, inside, n_bins=BINS)
        ours = Calibration.of(inside, kept)
        np.testing.assert_allclose(ours.frequency, frequency)
        np.testing.assert_allclose(ours.probability, probability)
        assert 0 <= ours.expected_error <= 1
    assert sum(found.count) == len(probabilities)


def test_a_runs_calibration_is_over_every_query_example_and_label(sample_trained: Trained) -> None:
    run = sample_trained.run
    data = run.data
    sampler = EpisodeSampler.over(
        data.rows, data.dataset.targets, data.split.novel, ways=3, shots=2, queries=4, eligible_only=False
    )
    batcher = EpisodeBatcher(extract(run.extractor, data.x), data.dataset.targets, data.w, data.split.base)
    seen: list[int] = []
    found = calibrate(
        run.learner, batcher, sampler, tasks=3, rng=np.random.default_rng(0), report=seen.append
    )
    rng = np.random.default_rng(0)
    episodes = [sampler.sample(rng) for _ in range(3)]
    truths = [data.dataset.targets[np.ix_(episode.query, episode.labels)].ravel() for episode in episodes]
    assert seen == [1, 2, 3]
    assert sum(found.count) == sum(map(len, truths))
    assert found.base_rate == pytest.approx(np.concatenate(truths).mean())
