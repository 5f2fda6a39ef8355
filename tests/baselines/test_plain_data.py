"""What the plain baselines see: features fitted on training rows alone, and the closed-form map to names."""

from __future__ import annotations

import numpy as np
import pytest
from trained import Trained

from desire_edge.baselines import Cosine, PlainData
from desire_edge.baselines.eszsl import name_map
from desire_edge.data import EpisodeSampler
from desire_edge.metrics import micro_auc


def data_of(trained: Trained) -> PlainData:
    run = trained.run
    return PlainData.of(run.data, run.lexicon, run.data.rows.train)


def test_the_map_is_the_minimum_of_its_loss() -> None:
    """ESZSL's M minimises ‖X M Sᵀ − Y‖² + ρ‖M Sᵀ‖² + ρ‖X M‖² + ρ²‖M‖²: its gradient there is zero."""
    rng = np.random.default_rng(0)
    x, names = rng.normal(size=(40, 6)), rng.normal(size=(9, 4))
    targets = rng.random((40, 9)) < 0.3
    m = name_map(x.astype(np.float32), targets, names.astype(np.float32), penalty=2.0).astype(np.float64)
    y = (targets - targets.mean(axis=0)) / np.sqrt(targets.std(axis=0))
    gradient = x.T @ (x @ m @ names.T - y) @ names + 2 * m @ names.T @ names + 2 * x.T @ x @ m + 4 * m
    np.testing.assert_allclose(gradient, 0, atol=1e-4)


def test_a_base_label_without_examples_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    x, names = rng.normal(size=(20, 5)).astype(np.float32), rng.normal(size=(3, 4)).astype(np.float32)
    targets = rng.random((20, 3)) < 0.5
    targets[:, 1] = False
    assert np.isfinite(name_map(x, targets, names)).all()


def test_features_and_names_are_unit_and_centred(trained: Trained) -> None:
    data, run = data_of(trained), trained.run
    for x in (data.features["unit"], *data.items.values(), data.names):
        assert x.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    norms = np.linalg.norm(data.features["raw"][run.data.rows.train], axis=1)
    assert norms.mean() == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(data.features["unit"][run.data.rows.train].mean(axis=0)) < 0.2
    assert set(data.items) == {"shared", "learned"}, "words and names share the lexicon's space"
    assert ("words" in data.features) == (run.data.dataset.texts is None)
    assert (data.corpus is None) == (run.data.dataset.texts is None)


def test_nothing_is_fitted_on_rows_outside_training(sample_trained: Trained) -> None:
    """With other targets on all other rows, and base labels alone known, the same comes out."""
    run = sample_trained.run
    train = run.data.rows.train
    expected = data_of(sample_trained)
    others = np.setdiff1d(np.arange(run.data.dataset.rows), train)
    targets = run.data.dataset.targets.copy()
    targets[others] = ~targets[others]
    targets[:, run.data.split.novel] = ~targets[:, run.data.split.novel]
    changed = type(run.data.dataset)(**{**vars(run.data.dataset), "targets": targets})
    prepared = type(run.data)(**{**vars(run.data), "dataset": changed})
    found = PlainData.of(prepared, run.lexicon, train)
    for space, items in expected.items.items():
        np.testing.assert_array_equal(found.items[space], items)


def test_a_task_is_the_episodes(sample_trained: Trained) -> None:
    data, episode = data_of(sample_trained), sample_trained.episode
    dataset, task = data.dataset, data.task(episode)
    assert task.labels == tuple(sample_trained.labels)
    np.testing.assert_array_equal(task.targets, dataset.targets[np.ix_(episode.support, episode.labels)])
    np.testing.assert_array_equal(task.query["unit"], data.features["unit"][episode.query])
    assert dataset.texts is not None
    assert task.query_texts == tuple(dataset.texts[row] for row in episode.query)
    cosine = data.items["shared"][episode.query[3]] @ data.names[episode.labels[2]]
    assert task.cosines["shared"][3, 2] == pytest.approx(cosine, abs=1e-6)


def test_base_labels_say_of_a_name_what_their_ridge_classifiers_and_names_say(
    sample_trained: Trained,
) -> None:
    """Written out: û = x R over its norm, W_I = (S Sᵀ + 10 I)⁻¹ S over the mean norm of û W_I on training rows."""
    data, episode, run = data_of(sample_trained), sample_trained.episode, sample_trained.run
    base, train = run.data.split.base, run.data.rows.train
    x, names = data.features["unit"].astype(np.float64), data.names.astype(np.float64)
    y = run.data.dataset.targets[np.ix_(train, base)].astype(np.float64)
    wanted = (y - y.mean(axis=0)) / np.where(y.any(axis=0), np.sqrt(y.std(axis=0)), 1)
    r = np.linalg.solve(x[train].T @ x[train] + 3 * np.eye(x.shape[1]), x[train].T @ wanted)
    scores = x @ r / np.linalg.norm(x @ r, axis=1, keepdims=True)
    s = names[base]
    w_i = np.linalg.solve(s @ s.T + 10 * np.eye(len(s)), s)
    w_i /= np.linalg.norm(scores[train] @ w_i, axis=1).mean()
    task = data.task(episode)
    expected = scores[episode.query] @ w_i @ names[episode.labels].T
    np.testing.assert_allclose(task.inferred, expected, atol=1e-3)
    np.testing.assert_allclose(task.base_scores[0], scores[episode.support], atol=1e-3)
    np.testing.assert_array_equal(task.mapped[3.0], task.cosines["learned"])
    for space, cosines in task.support_cosines.items():
        np.testing.assert_array_equal(
            cosines, data.items[space][episode.support] @ data.names[episode.labels].T
        )


def test_by_name_alone_the_map_beats_chance_by_far(delicious_trained: Trained) -> None:
    """As measured with other code: .72 to .74 on the novel labels."""
    run, data = delicious_trained.run, data_of(delicious_trained)
    sampler = EpisodeSampler.over(run.data.rows, data.dataset.targets, run.data.split.novel, ways=5, shots=0)
    rng = np.random.default_rng(0)
    aucs = []
    for _ in range(100):
        episode = sampler.sample(rng)
        truth = data.dataset.targets[np.ix_(episode.query, episode.labels)]
        aucs.append(micro_auc(truth, Cosine().scores(data.task(episode), {"space": "learned"})))
    assert np.mean(aucs) > 0.68
