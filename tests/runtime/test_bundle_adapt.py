"""`Bundle.adapt`: which labels, from what, and what the task it returns holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from core.reference import Model, project, relative_error
from safetensors import safe_open
from sklearn.metrics import roc_auc_score
from trained import WAYS, Trained

from desire_edge import Bundle, DesireEdgeError, Example, Predictor, Support, Task
from desire_edge.data import EpisodeSampler
from desire_edge.models import extract
from desire_edge.runtime.heads import PaperSemantics
from desire_edge.runtime.taught_file import task_bytes


def opened(trained: Trained) -> Bundle:
    return Bundle.open(trained.bundle, "cpu")


@pytest.fixture
def task(sample_trained: Trained) -> Task:
    """The sample's task, adapted to its support folder."""
    return opened(sample_trained).adapt(Support.read(sample_trained.support), labels=sample_trained.labels)


def test_a_label_of_no_known_word_is_learned_from_examples(sample_trained: Trained) -> None:
    data = sample_trained.run.data
    sampler = EpisodeSampler(
        data.dataset.targets, data.split.novel, data.rows.support, data.rows.query, ways=5, shots=1, queries=1
    )
    bundle = opened(sample_trained)
    by_example, by_name = [], []
    for seed in range(10):
        episode = sampler.sample(np.random.default_rng(seed))
        names = ["zzqxv", *(data.dataset.labels[label] for label in episode.labels[1:])]
        targets = data.dataset.targets[np.ix_(episode.support, episode.labels)]
        inputs = list(data.x[episode.support])
        carried = [[name for name, has in zip(names, row, strict=True) if has] for row in targets]
        task = bundle.adapt(Support.of(inputs, carried), labels=names)
        assert task.report.labels[0].how == "seeded"
        assert "no word of the label 'zzqxv' is known" in task.report.warnings[0]
        by_example.append(roc_auc_score(targets[:, 0], task.predict(inputs)[:, 0]))
        by_name.append(roc_auc_score(targets[:, 0], bundle.adapt(labels=names).predict(inputs)[:, 0]))
    assert np.mean(by_example) > 0.9
    assert np.mean(by_name) < 0.8, "it is the examples that teach it: its name says nothing"


def test_examples_lower_the_loss(trained: Trained) -> None:
    report = opened(trained).adapt(Support.read(trained.support), labels=trained.labels).report
    assert report.loss_after < report.loss_before


def test_without_examples_the_names_alone_decide_by_eq_1(trained: Trained) -> None:
    run, task = trained.run, opened(trained).adapt(labels=trained.labels)
    x = run.data.x[trained.episode.query]
    weights = run.meta_learner.head.state_dict().items()
    logits = project(
        Model(**{name: weight.double() for name, weight in weights}),
        extract(run.extractor, x).double(),
        torch.from_numpy(task.taught.vectors).double(),
    )
    assert relative_error(task.predict(list(x)), torch.sigmoid(logits)) <= 1e-5
    assert (task.report.examples, task.report.loss_before, task.report.loss_after) == (0, 0, 0)


def test_where_nothing_is_known_the_names_alone_decide(sample_trained: Trained) -> None:
    bundle, page = opened(sample_trained), "a guide to bread"
    nothing = Support((Example("some text", ()),))
    told = bundle.adapt(nothing, labels=["bread", "jazz"], missing="unknown")
    assert np.array_equal(told.predict([page]), bundle.adapt(labels=["bread", "jazz"]).predict([page]))


def test_the_same_support_gives_the_same_bytes(task: Task, sample_trained: Trained) -> None:
    again = opened(sample_trained).adapt(Support.read(sample_trained.support), labels=sample_trained.labels)
    assert again.model == task.model
    assert task_bytes(again.taught) == task_bytes(task.taught)


def test_labels_stand_in_the_order_asked_for(task: Task, sample_trained: Trained) -> None:
    turned = sample_trained.labels[::-1]
    other = opened(sample_trained).adapt(Support.read(sample_trained.support), labels=turned)
    assert list(other.labels) == turned
    inputs = list(sample_trained.run.data.x[sample_trained.episode.query])
    np.testing.assert_allclose(other.predict(inputs)[:, ::-1], task.predict(inputs), rtol=1e-5, atol=1e-6)


def test_a_label_without_examples_is_taught_by_its_name(sample_trained: Trained) -> None:
    support = Support.read(sample_trained.support)
    task = opened(sample_trained).adapt(support, labels=[*sample_trained.labels, "bread"])
    assert task.labels[-1] == "bread"
    report = task.report.labels[-1]
    assert (report.positives, report.negatives, report.unknown) == (0, len(support.examples), 0)


def test_a_label_of_the_support_set_must_be_among_those_asked_for(sample_trained: Trained) -> None:
    first, *rest = sample_trained.labels
    with pytest.raises(DesireEdgeError, match=f"the support set has the label '{first}', which is not among"):
        opened(sample_trained).adapt(Support.read(sample_trained.support), labels=rest)


def test_as_many_labels_as_ways_fit_and_no_more(sample_trained: Trained) -> None:
    names = [f"word {number}" for number in range(WAYS + 1)]
    bundle = opened(sample_trained)
    assert bundle.adapt(labels=names[:WAYS]).predict(["bread"]).shape == (1, WAYS)
    with pytest.raises(DesireEdgeError, match=f"{WAYS + 1} labels, but this bundle holds at most {WAYS}"):
        bundle.adapt(labels=names)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ((), "there is no label to learn"),
        (("a", "a"), "'a' is named twice"),
        ((" ",), "a label name is empty"),
    ],
)
def test_labels_that_cannot_be_are_refused(
    labels: tuple[str, ...], expected: str, sample_trained: Trained
) -> None:
    with pytest.raises(DesireEdgeError, match=expected):
        opened(sample_trained).adapt(labels=labels)


def test_what_is_missing_as_unknown_gives_another_model(task: Task, sample_trained: Trained) -> None:
    support = Support.read(sample_trained.support)
    unknown = opened(sample_trained).adapt(support, labels=sample_trained.labels, missing="unknown")
    assert unknown.model != task.model
    assert sum(label.unknown for label in unknown.report.labels) > 0
    assert all(label.negatives == 0 for label in unknown.report.labels)
    # Only yeses: every probability goes up.
    inputs = list(sample_trained.run.data.x[sample_trained.episode.support])
    assert unknown.predict(inputs).mean() > task.predict(inputs).mean()


def test_a_negative_label_counts_where_missing_ones_do_not(sample_trained: Trained) -> None:
    bundle, support = opened(sample_trained), Support.read(sample_trained.support)
    first, *others = support.examples
    (absent, *_) = [name for name in sample_trained.labels if name not in first.labels]
    told = Support((Example(first.raw, first.labels, (absent,), first.name), *others))
    before = bundle.adapt(support, labels=sample_trained.labels, missing="unknown")
    after = bundle.adapt(told, labels=sample_trained.labels, missing="unknown")
    column = sample_trained.labels.index(absent)
    assert (before.report.labels[column].negatives, after.report.labels[column].negatives) == (0, 1)
    assert before.report.labels[column].unknown == after.report.labels[column].unknown + 1
    assert after.predict([first.raw])[0, column] < before.predict([first.raw])[0, column]


def test_the_report_counts_examples_and_words(sample_trained: Trained) -> None:
    support = Support.of(["python bread qqzzx", "bread"], [["bread", "jazz"], ["bread"]])
    report = opened(sample_trained).adapt(support).report
    assert [(label.name, label.positives, label.negatives) for label in report.labels] == [
        ("bread", 2, 0),
        ("jazz", 1, 1),
    ]
    assert (report.text_words, report.known_text_words) == (4, 3)
    assert report.provider == "cpu"
    assert report.extract_seconds > 0
    assert report.adapt_seconds > 0


def test_texts_of_which_no_word_is_known_are_a_warning(sample_trained: Trained) -> None:
    report = opened(sample_trained).adapt(Support.of(["qqzzx qqzzy"], [["bread"]])).report
    assert any(warning.startswith("example 0: 0 of its 2 words are known") for warning in report.warnings)


@pytest.mark.parametrize("ways", [1, 2, 5])
@pytest.mark.parametrize("scale", [1, 10, 1000])
def test_a_step_that_overshoots_is_not_taken(ways: int, scale: float, sample_trained: Trained) -> None:
    bundle, names = opened(sample_trained), sample_trained.labels[:ways]
    assert isinstance(bundle.semantics, PaperSemantics)
    bundle.semantics.step_sizes[:] *= scale
    support = Support(
        tuple(
            replace(example, labels=tuple(name for name in example.labels if name in names))
            for example in Support.read(sample_trained.support).examples
        )
    )
    report = bundle.adapt(support, labels=names).report
    assert report.loss_after <= report.loss_before


def test_a_label_without_an_example_or_without_a_counterexample_is_a_warning(sample_trained: Trained) -> None:
    support = Support.of(["fresh bread", "bread and jazz"], [["bread"], ["bread"]])
    warnings = opened(sample_trained).adapt(support, labels=["bread", "jazz"]).report.warnings
    assert [warning.partition(",")[0] for warning in warnings] == [
        "no example is known not to carry 'bread'",
        "no example carries the label 'jazz'",
    ]


def test_equal_names_but_for_their_case_are_told_apart(sample_trained: Trained) -> None:
    task = opened(sample_trained).adapt(labels=["Bread", "bread"])
    assert "'Bread' and 'bread' have the same word vector" in task.report.warnings[0]
    first, second = task.predict(["fresh bread"])[0]
    assert first != second


def test_more_examples_than_the_portable_graph_takes_are_no_trouble(sample_trained: Trained) -> None:
    bundle, data = opened(sample_trained), sample_trained.run.data
    rows = data.rows.support[: bundle.manifest.max_support + 1]
    carried = [
        ["python"] if has else [] for has in data.dataset.targets[rows, data.dataset.labels.index("python")]
    ]
    assert bundle.adapt(Support.of(list(data.x[rows]), carried)).report.examples == 65


def test_a_bundle_is_used_again_and_again(task: Task, sample_trained: Trained) -> None:
    bundle = opened(sample_trained)
    bundle.adapt(labels=["bread"])
    again = bundle.adapt(Support.read(sample_trained.support), labels=sample_trained.labels)
    assert again.model == task.model


def test_a_saved_task_predicts_as_it_did(task: Task, sample_trained: Trained, tmp_path: Path) -> None:
    inputs = ["fresh bread", "a trumpet solo"]
    predictor = Predictor(task.save(tmp_path / "taught") / "model.onnx", "cpu")
    np.testing.assert_allclose(predictor.predict(inputs), task.predict(inputs), rtol=0, atol=1e-6)
    assert predictor.labels == tuple(sample_trained.labels)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_any_number_of_inputs_is_predicted_row_by_row(
    count: int, task: Task, sample_trained: Trained
) -> None:
    x = sample_trained.run.data.x[:count]
    assert task.predict(list(x)).shape == (count, 5)
    one_by_one = np.array([task.predict([row])[0] for row in x]).reshape(count, 5)
    np.testing.assert_allclose(task.predict(list(x)), one_by_one, rtol=0, atol=1e-6)


def test_what_was_taught_is_stored_without_the_texts(
    task: Task, sample_trained: Trained, tmp_path: Path
) -> None:
    path = task.save(tmp_path / "taught") / "task.safetensors"
    with safe_open(path, "numpy") as file:
        settings = json.loads(file.metadata()["desire_edge"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    files = opened(sample_trained).manifest.files
    assert settings == {
        "schema_version": 2,
        "bundle": "tagger",
        "extractor": files["base.onnx"].sha256,
        "semantics": files["semantics.safetensors"].sha256,
        "base_labels": 0,
        "keep_base": False,
        "labels": sample_trained.labels,
    }
    dataset, episode = sample_trained.run.data.dataset, sample_trained.episode
    carried = dataset.targets[np.ix_(episode.support, episode.labels)]
    assert np.array_equal(np.unpackbits(arrays["targets"], axis=1, count=5, bitorder="little"), carried)
    assert arrays["mask"].tolist() == 10 * [[0b11111]]
    assert arrays["z"].dtype == arrays["vectors"].dtype == np.float16
    assert arrays["z"].shape == (10, 50)
    assert arrays["vectors"].shape == (50, 5)
    assert arrays["example_changes"].tolist() == 10 * [0]
    assert arrays["label_changes"].tolist() == 5 * [0]
    assert dataset.texts is not None
    words = {word for row in episode.support for word in dataset.texts[row].split() if len(word) > 6}
    content = path.read_bytes()
    assert not [word for word in words - set(sample_trained.labels) if word.encode() in content]


def test_what_was_taught_can_be_forgotten(task: Task, tmp_path: Path) -> None:
    task.save(tmp_path / "taught")
    task.save(tmp_path / "taught", forget_support=True)
    left = {path.name for path in (tmp_path / "taught").iterdir()}
    assert left == {"model.onnx", "task.json", "task.onnx_adapter"}


@pytest.mark.parametrize("name", ["notes.txt", "model.onnx", "task.safetensors"])
def test_a_folder_of_someone_elses_is_not_replaced(name: str, task: Task, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"mine")
    with pytest.raises(DesireEdgeError, match="mine exists and is not an adapted task; choose another --out"):
        task.save(tmp_path / "mine")
    assert (tmp_path / "mine" / name).read_bytes() == b"mine"


def test_an_empty_folder_and_an_earlier_task_are_replaced(task: Task, tmp_path: Path) -> None:
    (tmp_path / "taught").mkdir()
    for _ in range(2):
        task.save(tmp_path / "taught")
        assert sorted(path.name for path in (tmp_path / "taught").iterdir()) == [
            "model.onnx",
            "task.json",
            "task.onnx_adapter",
            "task.safetensors",
        ]
