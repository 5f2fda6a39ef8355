"""A device's decision thresholds are those that training's figures are measured with; export refuses where not."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.export.parity import check_parity
from desire_edge.models import extract
from desire_edge.runtime.support import Missing
from desire_edge.training.inner_loop import EpisodeBatch
from desire_edge.training.learner import FEATURES
from desire_edge.training.thresholds import threshold_features


@pytest.fixture(params=["sample", "known", pytest.param("delicious", marks=pytest.mark.delicious)])
def exported(request: pytest.FixtureRequest) -> Trained:
    """Each kind of small model in turn: of raw text, of raw text with known labels, of vectors."""
    model: Trained = request.getfixturevalue(f"{request.param}_trained")
    assert model.run.learner.threshold_weights.abs().max() > 0.1, "training has learned them"
    return model


def torch_decisions(trained: Trained, task: Task) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """In float64, of the task's support and the episode's query rows, of which nothing is known.

    Returns:
        The thresholds as probabilities [N], and which queries reach them [Q, N].
    """
    run, taught = trained.run, task.taught
    query = extract(run.extractor, run.data.x[trained.episode.query]).double()
    shots = len(taught.z)

    def rows(array: NDArray[np.number]) -> Tensor:
        """An array of the support's, [S, …], with rows of 0 for the queries, as a batch of one episode."""
        return torch.from_numpy(np.pad(array.astype(np.float64), [(0, len(query)), (0, 0)]))[None]

    z = rows(taught.z.astype(np.float64) @ trained.axes.T)
    z[0, shots:] = query
    learner = type(run.meta_learner)(run.meta_learner.head.w_base.double(), run.config.meta).double()
    learner.load_state_dict(run.learner.state_dict())
    episodes = EpisodeBatch(
        z=z,
        targets=rows(taught.targets),
        mask=rows(taught.mask),
        w_novel=torch.from_numpy(taught.vectors).double()[None],
        base_mask=None,
        support=shots,
        known_labels=rows(taught.known_labels) if taught.known_labels.shape[1] else None,
    )
    with torch.no_grad():
        logits = learner(episodes)[len(task.head.losses) - 1][0]
        known = [array[0, :shots] for array in (episodes.targets, episodes.mask)]
        thresholds = threshold_features(logits[:shots], *known) @ learner.threshold_weights
    return torch.sigmoid(thresholds).numpy(), (logits[shots:] >= thresholds).numpy()


@pytest.mark.parametrize("missing", ["negative", "unknown"])
def test_with_examples_thresholds_and_decisions_are_torchs(missing: Missing, exported: Trained) -> None:
    bundle = Bundle.open(exported.bundle, "cpu")
    task = bundle.adapt(Support.read(exported.support), labels=exported.labels, missing=missing)
    thresholds, decisions = torch_decisions(exported, task)
    assert len(task.head.losses) > 1
    np.testing.assert_allclose(task.predictor.thresholds, thresholds, rtol=0, atol=1e-5)
    probabilities = task.predict(list(exported.run.data.x[exported.episode.query]))
    for row, expected in zip(probabilities, decisions, strict=True):
        decided = task.predictor.decide(row)
        assert [name in decided for name in exported.labels] == expected.tolist()


def test_a_label_of_which_no_example_is_known_goes_by_its_name(exported: Trained) -> None:
    bundle = Bundle.open(exported.bundle, "cpu")
    names = ["bread", *exported.labels]
    task = bundle.adapt(Support.read(exported.support), labels=names, missing="unknown")
    assert [label.unknown == task.report.examples for label in task.report.labels] == [True] + [False] * 5
    np.testing.assert_allclose(
        task.predictor.thresholds, torch_decisions(exported, task)[0], rtol=0, atol=1e-5
    )
    assert task.predictor.thresholds[0] == bundle.adapt(labels=["bread"]).predictor.thresholds[0]


def test_by_names_alone_the_threshold_is_the_first_weights(exported: Trained) -> None:
    task = Bundle.open(exported.bundle, "cpu").adapt(labels=exported.labels)
    expected = float(torch.sigmoid(exported.run.learner.threshold_weights[0].double()))
    np.testing.assert_allclose(task.predictor.thresholds, [expected] * 5, rtol=0, atol=1e-5)


@pytest.mark.parametrize("feature", range(FEATURES))
def test_the_gate_notices_every_weight(feature: int, exported: Trained) -> None:
    run = copy.copy(exported.run)
    run.learner = copy.deepcopy(run.learner)
    assert check_parity(run, exported.bundle).thresholds <= 1e-5
    run.learner.threshold_weights[feature] += 0.01
    with pytest.raises(DesireEdgeError, match=r"does not reproduce torch .*, thresholds \d\.\de-0[2-4]\)"):
        check_parity(run, exported.bundle)
