"""A model that uses known base labels: torch, the C++ core and ONNX Runtime agree, given them or not."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import onnx.reference
import pytest
import torch
from core.reference import folded, relative_error
from numpy.typing import NDArray
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Support, Task, _core
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.parity import check_parity, head_logits
from desire_edge.models import extract
from desire_edge.training.inner_loop import EpisodeBatch


def adapted(trained: Trained) -> Task:
    """Adapted to the task's support folder, whose metadata give every example's known labels."""
    return Bundle.open(trained.bundle, "cpu").adapt(Support.read(trained.support), labels=trained.labels)


def true_base_labels(trained: Trained, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The base labels that rows carry, [n, B]."""
    data = trained.run.data
    return data.dataset.targets[np.ix_(rows, data.split.base)].astype(np.float32)


def names_of(trained: Trained, known: NDArray[np.float32]) -> list[list[str]]:
    """Known labels [n, B] by name."""
    data = trained.run.data
    names = [data.dataset.labels[index] for index in data.split.base]
    return [[name for name, carried in zip(names, row, strict=True) if carried] for row in known]


def torch_logits(trained: Trained, task: Task, known: NDArray[np.float32]) -> NDArray[np.float64]:
    """The query rows' logits by the differentiable inner loop in float64; `known` [Q, B] are the queries'."""
    run, episode = trained.run, trained.episode
    rows = np.concatenate([episode.support, episode.query])
    z = extract(run.extractor, run.data.x[rows]).double()
    shots = len(episode.support)
    z[:shots] = torch.from_numpy(task.taught.z.astype(np.float64) @ trained.axes.T)
    targets = torch.from_numpy(run.data.dataset.targets[np.ix_(rows, episode.labels)]).double()
    learner = type(run.meta_learner)(run.meta_learner.head.w_base.double(), run.config.meta).double()
    learner.load_state_dict(run.learner.state_dict())
    episodes = EpisodeBatch(
        z=z[None],
        targets=targets[None],
        mask=torch.ones(1, *targets.shape, dtype=torch.float64),
        w_novel=torch.from_numpy(task.taught.vectors).double()[None],
        base_mask=None,
        support=shots,
        known_labels=torch.from_numpy(np.concatenate([task.taught.known_labels, known])).double()[None],
    )
    with torch.no_grad():
        logits = learner(episodes)[len(task.head.losses) - 1]
    return np.asarray(logits[0, shots:].numpy(), np.float64)


KNOWN_OF = {
    "every query": np.s_[:0],
    "every other query": np.s_[::2],
    "no query": np.s_[:],
}


@pytest.mark.parametrize("known_of", KNOWN_OF)
@pytest.mark.parametrize("support", ["known", "some known", "nothing known"])
def test_every_implementation_gives_the_same_adapted_logits(
    known_of: str, support: str, known_trained: Trained
) -> None:
    trained, run = known_trained, known_trained.run
    bundle = Bundle.open(trained.bundle, "cpu")
    examples = Support.read(trained.support).examples
    left_out = {"known": [], "some known": [0, 3], "nothing known": range(len(examples))}[support]
    given = [() if index in left_out else example.known_labels for index, example in enumerate(examples)]
    task = bundle.adapt(
        Support.of([e.raw for e in examples], [e.labels for e in examples], known_labels=given),
        labels=trained.labels,
    )
    assert task.report.known_labels == len(examples) - len(left_out)
    known = true_base_labels(trained, trained.episode.query)
    assert known.any(axis=1).all()
    known[KNOWN_OF[known_of]] = 0
    reference = torch_logits(trained, task, known)

    x = run.data.x[trained.episode.query]
    z = (extract(run.extractor, x).double().numpy() @ trained.axes).astype(np.float32)
    weights = task.head.weights
    scores = run.meta_learner.head.base_scores(
        extract(run.extractor, x), known_labels=torch.from_numpy(known)
    )
    core = _core.head_logits(z=z, scores=scores.detach().numpy(), **folded(weights, len(task.labels)))
    assert relative_error(core, reference) <= 1e-5
    assert relative_error(head_logits(bundle, weights, z, known), reference) <= 1e-5
    probabilities = 1 / (1 + np.exp(-reference))
    assert relative_error(task.predict(list(x), names_of(trained, known)), probabilities) <= 1e-5


def test_a_task_by_names_alone_uses_what_is_known_of_an_input(known_trained: Trained) -> None:
    run, task = known_trained.run, Bundle.open(known_trained.bundle, "cpu").adapt(labels=known_trained.labels)
    known = true_base_labels(known_trained, known_trained.episode.query)
    x = run.data.x[known_trained.episode.query]
    z, w_novel = extract(run.extractor, x).double(), torch.from_numpy(task.taught.vectors).double()
    with torch.no_grad():
        logits = copy.deepcopy(run.meta_learner.head).double()(
            z, w_novel, known_labels=torch.from_numpy(known)
        )
    found = task.predict(list(x), names_of(known_trained, known))
    assert relative_error(found, torch.sigmoid(logits)) <= 1e-5


def test_a_row_of_zeros_is_a_row_of_which_nothing_is_known(known_trained: Trained) -> None:
    task, x = adapted(known_trained), list(known_trained.run.data.x[known_trained.episode.query])
    assert np.array_equal(task.predict(x, [()] * len(x)), task.predict(x))


@pytest.mark.parametrize("name", ["gamma1", "gamma2", "w1", "b1", "w2", "b2", "w_i", "w_base"])
def test_the_gate_notices_every_weight(name: str, known_trained: Trained) -> None:
    run = copy.copy(known_trained.run)
    run.learner = copy.deepcopy(run.learner)
    assert check_parity(run, known_trained.bundle).worst <= 1e-5
    with torch.no_grad():
        weight = run.meta_learner.head.state_dict()[name]
        weight += 0.01 * weight.abs().max()
    with pytest.raises(DesireEdgeError, match="ONNX Runtime does not reproduce torch within 1e-05"):
        check_parity(run, known_trained.bundle)


def test_the_gate_notices_labels_out_of_order(known_trained: Trained) -> None:
    run = copy.copy(known_trained.run)
    run.data = copy.copy(run.data)
    split = copy.copy(run.data.split)
    object.__setattr__(split, "base", split.base[::-1].copy())
    object.__setattr__(run.data, "split", split)
    with pytest.raises(DesireEdgeError, match="ONNX Runtime does not reproduce torch within 1e-05"):
        check_parity(run, known_trained.bundle)


def test_the_models_inputs_are_x_and_known_labels(known_trained: Trained) -> None:
    task, base = adapted(known_trained), len(known_trained.run.data.split.base)
    model = onnx.load_model_from_string(task.model)
    shapes = {
        value.name: [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    assert shapes == {"x": ["batch", 2000], "known_labels": ["batch", base]}
    head = {value.name for value in onnx.load(known_trained.bundle / "head.onnx").graph.input}
    assert head == {"z", "known_labels", *task.head.weights}


def test_onnx_own_evaluation_agrees(known_trained: Trained) -> None:
    task = adapted(known_trained)
    evaluator = onnx.reference.ReferenceEvaluator(onnx.load_model_from_string(task.model))
    x = known_trained.run.data.x[known_trained.episode.query[:4]]
    known = true_base_labels(known_trained, known_trained.episode.query[:4])
    known[1] = 0
    expected = task.predict(list(x), names_of(known_trained, known))
    for index, row in enumerate(x):
        (found,) = map(
            np.asarray, evaluator.run(None, {"x": row[None], "known_labels": known[index : index + 1]})
        )
        np.testing.assert_allclose(found[0, :5], expected[index], rtol=1e-5, atol=1e-6)


def test_base_probabilities_go_by_what_the_model_sees(known_trained: Trained) -> None:
    run = known_trained.run
    task = Bundle.open(known_trained.bundle, "cpu").adapt(labels=["bread"], keep_base=True)
    x = run.data.x[known_trained.episode.query]
    known = true_base_labels(known_trained, known_trained.episode.query)
    with torch.no_grad():
        expected = torch.sigmoid(run.classifier.eval()(torch.from_numpy(x)))
    features = task.predictor.features(list(x))
    for given in (None, known):
        found = task.predictor.outputs(features, given)["base_probabilities"]
        assert relative_error(found, expected) <= 1e-5


def test_other_batches_predict_the_same(known_trained: Trained, tmp_path: Path) -> None:
    export_bundle(known_trained.run, tmp_path / "three.desire", ExportOptions(ways=WAYS, batch=3))
    task, rows = adapted(known_trained), known_trained.episode.query[:7]
    three = Bundle.open(tmp_path / "three.desire", "cpu").adapt(
        Support.read(known_trained.support), labels=known_trained.labels
    )
    x, names = (
        list(known_trained.run.data.x[rows]),
        names_of(known_trained, true_base_labels(known_trained, rows)),
    )
    for count in (0, 1, 3, 7):
        np.testing.assert_allclose(
            three.predict(x[:count], names[:count]),
            task.predict(x[:count], names[:count]),
            rtol=1e-5,
            atol=1e-6,
        )
