"""Many users at once: each gets what it would get alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vectors.tiny import BASE_LABELS, BUNDLES, FOLDER, VOCABULARY

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, Task
from desire_edge.inputs.spec import stacked
from desire_edge.runtime import many

LABELS = ("baking", "jazz", "open source", "travel")
OPENED = {name: Bundle.open(FOLDER / name, "cpu") for name in BUNDLES}

texts = st.lists(st.sampled_from((*VOCABULARY, "word", "more")), max_size=6).map(" ".join)
supports = st.lists(
    st.tuples(texts, st.lists(st.sampled_from(LABELS), min_size=1, max_size=3, unique=True)),
    min_size=1,
    max_size=5,
).map(lambda items: Support.of([text for text, _ in items], [labels for _, labels in items]))


@settings(deadline=None, max_examples=40)
@given(name=st.sampled_from(BUNDLES), given_to=st.lists(supports, max_size=6), at_once=st.integers(1, 9))
def test_tasks_are_to_the_bit_those_taught_one_by_one(
    name: str, given_to: list[Support], at_once: int
) -> None:
    bundle = OPENED[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("desire_edge.runtime.bundle.AT_ONCE", at_once)
        tasks = bundle.adapt_many(iter(given_to))
    assert len(tasks) == len(given_to)
    for task, support in zip(tasks, given_to, strict=True):
        assert task.model == bundle.adapt(support).model
        assert task.to_bytes() == bundle.adapt(support).to_bytes()


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(BUNDLES),
    given_to=st.lists(supports, min_size=1, max_size=4),
    asked=st.lists(
        st.tuples(st.integers(0, 3), texts, st.lists(st.sampled_from(BASE_LABELS), max_size=2, unique=True)),
        max_size=9,
    ),
)
def test_a_batch_of_several_users_is_predicted_as_each_alone(
    name: str, given_to: list[Support], asked: list[tuple[int, str, list[str]]]
) -> None:
    bundle = OPENED[name]
    tasks = bundle.adapt_many(given_to)
    users: list[Task | Predictor] = [tasks[number % len(tasks)] for number, _, _ in asked]
    users[::2] = [user.predictor for user in users[::2] if isinstance(user, Task)]
    inputs, told = [text for _, text, _ in asked], [labels for _, _, labels in asked]
    known = told if bundle.manifest.known_labels else None
    found = bundle.predict_many(users, inputs, known)
    assert len(found) == len(asked)
    for probabilities, user, text, labels in zip(found, users, inputs, told, strict=True):
        alone = user.predict([text], [labels] if known is not None else None)[0]
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, alone, rtol=0, atol=2e-6)


def test_an_example_has_the_same_features_anywhere_in_a_batch() -> None:
    random = np.random.default_rng(0)
    for bundle in OPENED.values():
        spec = bundle.manifest.input
        rows = (random.random((300, len(VOCABULARY))) < 0.3).astype(np.float32)
        features = [spec.features_of(row, "it") for row in rows]
        together = bundle.extract(features)
        for size in (1, 2, 3, 5, 8, 33):
            for start in range(0, 60, size):
                some = bundle.extract(features[start : start + size])
                np.testing.assert_array_equal(some, together[start : start + size])


def test_sparse_rows_are_as_long_as_a_multiple_of_eight() -> None:
    spec = OPENED["sparse"].manifest.input
    for words, width in ((0, 8), (1, 8), (8, 8), (9, 16), (13, 16)):
        text = " ".join(VOCABULARY[:words])
        found = stacked([spec.features_of(text, "it"), spec.features_of("bread", "it")], spec)
        ids, values = np.asarray(found["ids"]), np.asarray(found["values"])
        assert ids.shape == values.shape == (2, width)
        assert values.sum(axis=1).tolist() == [words, 1]


def test_labels_may_be_asked_of_all_and_one_that_cannot_be_taught_refuses_all() -> None:
    bundle = OPENED["plain"]
    asked = [Support.of(["bread"], [["baking"]]), Support.of(["jazz"], [["jazz"]])]
    tasks = bundle.adapt_many(asked, labels=LABELS, missing="unknown")
    assert [task.labels for task in tasks] == [LABELS, LABELS]
    with pytest.raises(
        DesireEdgeError, match="has the label 'jazz', which is not among the labels asked for"
    ):
        bundle.adapt_many(asked, labels=["baking"])
    assert bundle.adapt_many([]) == []


def test_a_batch_that_does_not_fit_is_one_sentence() -> None:
    bundle, other = OPENED["plain"], OPENED["known"]
    task = bundle.adapt(labels=["bread"])
    with pytest.raises(DesireEdgeError, match="one input a user, and there are 2 for 1 users"):
        bundle.predict_many([task], ["a", "b"])
    with pytest.raises(DesireEdgeError, match="takes tasks of this bundle"):
        other.predict_many([task], ["a"])
    with pytest.raises(DesireEdgeError, match="takes tasks of this bundle"):
        bundle.predict_many([Predictor(task.model, "cpu")], ["a"])
    with pytest.raises(DesireEdgeError, match="uses no known labels"):
        bundle.predict_many([task], ["a"], [["cooking"]])
    assert many.AT_ONCE >= 1024
