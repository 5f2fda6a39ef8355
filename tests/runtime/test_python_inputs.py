"""Python values as people have them: iterators, arrays, sparse matrices, pandas, each the same as plain lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.runtime.predictor import AT_ONCE

FOLDER = Path(__file__).parents[1] / "vectors"
TEXTS = ["Bread from a hot oven", "jazz, a trumpet", "a train to Rome"]
LABELS = [["baking"], ["jazz", "art"], []]
PLAIN = Support.of(TEXTS, LABELS)
MARKS = pd.DataFrame({"baking": [1, 0, 0], "jazz": [0, 1, 0], "art": [0, 1, 0]})
FEATURES = 13  # of the bundle


BUNDLE = Bundle.open(FOLDER / "plain", "cpu")


@pytest.fixture(scope="module")
def task() -> Task:
    """The labels taught by the texts."""
    return BUNDLE.adapt(PLAIN)


def once(values: Any) -> Iterator[Any]:
    """A generator, which can be taken once only."""
    yield from values


class OneByOne:
    """A sequence by number alone, as torch's data sets are."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __getitem__(self, index: int) -> Any:
        return self.values[index]


# Lists of texts and labels

LISTS: dict[str, Callable[[list[Any]], Any]] = {
    "a tuple": tuple,
    "a generator": once,
    "an iterator": iter,
    "the values of a dictionary": lambda values: dict(enumerate(values)).values(),
    "an array of objects": lambda values: np.array([*values, None], object)[:-1],
    "a pandas Series": lambda values: pd.Series(values, index=range(7, 7 + len(values)), dtype=object),
}
TEXT_LISTS = {
    **LISTS,
    "the keys of a dictionary": lambda values: dict.fromkeys(values).keys(),
    "an array of strings": np.array,
    "NumPy's strings": lambda values: [np.str_(value) for value in values],
    "a Series of strings": lambda values: pd.Series(values, dtype="string"),
    "a pandas Index": pd.Index,
}
NAME_LISTS: dict[str, Callable[[list[list[str]]], Any]] = {
    **LISTS,
    "a sequence by number": OneByOne,
    "generators": lambda values: once(map(once, values)),
    "arrays of strings": lambda values: [np.array(value, str) for value in values],
    "Series": lambda values: pd.Series([pd.Series(value, dtype="string") for value in values]),
    "sets": lambda values: [dict.fromkeys(value).keys() for value in values],
    "a table of 0 and 1": lambda _: MARKS,
    "a table of yes and no": lambda _: MARKS.astype(bool),
    "a table of several types": lambda _: MARKS.astype({"jazz": float, "art": "Int64", "baking": bool}),
    "a sparse table": lambda _: MARKS.astype(pd.SparseDtype(int, 0)),
}


@pytest.mark.parametrize("made", [*TEXT_LISTS.values(), OneByOne], ids=[*TEXT_LISTS, "a sequence by number"])
def test_texts_come_in_any_list(made: Callable[[list[Any]], Any], task: Task) -> None:
    assert Support.of(made(TEXTS), LABELS) == PLAIN
    assert np.array_equal(task.predict(made(TEXTS)), task.predict(TEXTS))
    assert np.array_equal(task.predictor.predict(made(TEXTS)), task.predict(TEXTS))


@pytest.mark.parametrize("made", NAME_LISTS.values(), ids=NAME_LISTS)
def test_labels_come_in_any_list(made: Callable[[list[list[str]]], Any]) -> None:
    assert Support.of(TEXTS, made(LABELS)) == PLAIN
    others = [["x"]] * 3
    assert [example.negative_labels for example in Support.of(TEXTS, others, made(LABELS)).examples] == [
        example.labels for example in PLAIN.examples
    ]
    assert [example.known_labels for example in Support.of(TEXTS, others, None, made(LABELS)).examples] == [
        example.labels for example in PLAIN.examples
    ]


@pytest.mark.parametrize("made", TEXT_LISTS.values(), ids=TEXT_LISTS)
def test_names_asked_for_come_in_any_list(made: Callable[[list[Any]], Any], task: Task) -> None:
    assert BUNDLE.adapt(PLAIN, labels=made(["art", "baking", "jazz"])).labels == ("art", "baking", "jazz")
    assert task.add(labels=made(["x"])).labels == (*task.labels, "x")
    assert task.remove(labels=made(["baking", "art"])).labels == ("jazz",)


@pytest.mark.parametrize("made", [list, tuple, set, once, np.array, pd.Series, lambda v: map(np.uint8, v)])
def test_numbers_of_examples_come_in_any_list(made: Callable[[list[int]], Any], task: Task) -> None:
    assert task.remove(examples=made([2, 0])).model == task.remove(examples=[0, 2]).model
    assert task.remove(labels=once(["art"]), examples=made([2, 0])).labels == ("baking", "jazz")


def test_known_labels_of_inputs_come_in_any_list() -> None:
    task = Bundle.open(FOLDER / "known", "cpu").adapt(PLAIN)
    known = [["music"], [], ["travel", "music"]]
    expected = task.predict(TEXTS, known)
    assert not np.array_equal(expected, task.predict(TEXTS))
    table = pd.DataFrame({"travel": [0, 0, 1], "music": [True, False, True], "cooking": [0.0, 0.0, 0.0]})
    for told in (once(known), pd.Series(known), map(once, known), table):
        assert np.array_equal(task.predict(once(TEXTS), told), expected)
    with pytest.raises(DesireEdgeError, match="one list of known labels an input, and there are 3 inputs"):
        task.predict(once(TEXTS), once(known[:2]))


# Vectors

FORMATS = ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")
rows = hn.arrays(np.float32, st.tuples(st.integers(0, 5), st.just(FEATURES)), elements=st.integers(-3, 3))


@settings(deadline=None)
@given(rows, st.sampled_from(FORMATS), st.sampled_from([sp.csr_matrix, sp.csr_array]))
def test_the_rows_of_a_sparse_matrix_are_inputs(
    x: np.ndarray[Any, Any], form: str, kind: Callable[..., Any]
) -> None:
    task = BUNDLE.adapt(labels=["baking", "jazz"])
    matrix = kind(x).asformat(form)
    expected = task.predict(list(x))
    for inputs in (matrix, list(kind(x)), x, x.tolist(), once(x), np.asfortranarray(x), pd.DataFrame(x)):
        assert np.array_equal(task.predict(inputs), expected)
    named = [["baking"]] * len(x)
    models = {task.add(Support.of(inputs, named)).model for inputs in (matrix, x, pd.DataFrame(x)) if len(x)}
    assert len(models) <= 1


def test_entries_of_a_sparse_matrix_given_twice_are_added(task: Task) -> None:
    twice = sp.coo_matrix(([1.0, 2.0, 4.0], ([0, 0, 1], [3, 3, 5])), (2, FEATURES))
    assert np.array_equal(task.predict(twice), task.predict([{"3": 3}, {"5": 4}]))


def test_a_sparse_matrix_is_filled_up_row_by_row(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, whole = [], sp.csr_matrix.toarray

    def counted(matrix: Any, *arguments: Any, **named: Any) -> Any:
        seen.append(matrix.shape)
        return whole(matrix, *arguments, **named)

    monkeypatch.setattr(sp.csr_matrix, "toarray", counted)
    matrix = sp.random(40, FEATURES, 0.3, "csr", np.float32, random_state=0)
    support = Support.of(matrix, [["x"]] * 40)
    assert not seen, "an example keeps its row sparse"
    task.add(support)
    task.predict(matrix)
    assert seen == [(1, FEATURES)] * 80


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_any_number_of_inputs_is_predicted_to_the_same_bits(count: int, task: Task) -> None:
    x = np.random.default_rng(0).normal(size=(count, FEATURES)).astype(np.float32)
    together = task.predictor.outputs(task.predictor.features(x))["probabilities"]
    assert np.array_equal(task.predict(x), together)
    assert task.predict(x).shape == (count, 3)


def test_sparse_features_may_be_numbers_of_numpy(task: Task) -> None:
    expected = task.predict([{"jazz": 2, "0": 1}])
    given: tuple[Mapping[str, Any], ...] = (
        {"jazz": np.int64(2), "0": np.float32(1)},
        {np.str_("jazz"): np.float64(2), np.str_("0"): np.uint8(1)},
        pd.DataFrame({"jazz": [2], "0": [1]}).to_dict("records")[0],
    )
    for features in given:
        assert np.array_equal(task.predict([features]), expected)


def test_the_columns_of_a_table_may_be_of_several_types(task: Task) -> None:
    x = np.random.default_rng(0).integers(0, 2, (3, FEATURES))
    table = pd.DataFrame(x).astype({0: bool, 1: float, 2: "Int64", 3: "Float32", 4: pd.SparseDtype(int, 0)})
    assert np.array_equal(task.predict(table), task.predict(x))


# What cannot be

MISSING = ["a text", "another", "a third", None]


@pytest.mark.parametrize(
    ("inputs", "shown"),
    [
        (MISSING, "None"),
        ([*MISSING[:3], float("nan")], "NaN"),
        ([*MISSING[:3], np.float32("nan")], "NaN"),
        ([*MISSING[:3], pd.NA], "<NA>"),
        (once([*MISSING[:3], pd.NaT]), "NaT"),
        (pd.Series(MISSING, dtype=object), "None"),
        (pd.Series(MISSING, dtype="string"), "<NA>"),
        (pd.Series(MISSING, dtype="str"), "NaN"),
        (np.array(MISSING), "None"),
    ],
)
def test_a_missing_text_is_named(inputs: Any, shown: str, task: Task) -> None:
    inputs = list(inputs)
    with pytest.raises(
        DesireEdgeError, match=f"^example 3 has no text \\({shown}\\); drop it or give it one$"
    ):
        Support.of(iter(inputs), [[]] * 4)
    with pytest.raises(
        DesireEdgeError, match=f"^input 3 has no text \\({shown}\\); drop it or give it one$"
    ) as refused:
        task.predict(iter(inputs))
    assert refused.value.code == "input-missing"


ONE = "takes a list of inputs, and this is one; put it into a list"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("bread", ONE),
        (np.str_("bread"), ONE),
        (b"bread", ONE),
        ({"jazz": 1}, ONE),
        (Path("a.txt"), ONE),
        (np.zeros(FEATURES), ONE),
        (pd.Series(np.zeros(FEATURES)), ONE),
        (sp.coo_array(np.ones(FEATURES)), ONE),
        (None, "takes a list of inputs, and this is None"),
        (7, "takes a list of inputs, and this is 7"),
        (np.array("bread"), "takes a list of inputs, and this is array"),
        ({"bread", "jazz"}, "takes a list of inputs, and this is a set, which has no order"),
        (pd.DataFrame({"text": TEXTS}), "takes one column of texts, or columns of numbers; the column 'text' is of"),
    ],
)  # fmt: skip
def test_what_is_no_list_of_inputs_is_refused(inputs: Any, expected: str, task: Task) -> None:
    with pytest.raises(DesireEdgeError, match=f"^predict {expected}"):
        task.predict(inputs)
    with pytest.raises(DesireEdgeError, match=f"^a support set {expected}"):
        Support.of(inputs, [["x"]])


ZEROS = [0.0] * FEATURES


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["bread", Path("a.txt")], "1 is a path, 'a.txt'; give what the file holds, as desire_edge.inputs.read_input"),
        (["bread", b"jazz"], "1 does not hold plain numbers"),
        ([ZEROS, object()], "1 does not hold plain numbers"),
        ([ZEROS, [1, 2]], r"1 has shape \[2\], but this model takes 13 features"),
        ([0.5, 0.25], r"0 has shape \[\], but"),
        (np.zeros((2, 3)), r"0 has shape \[3\], but this model takes 13 features"),
        (sp.csr_matrix((2, 3)), r"0 has shape \[1, 3\], but this model takes 13 features"),
        (sp.csr_matrix((2, FEATURES), dtype=complex), "0 does not hold plain numbers"),
        (sp.csr_matrix([ZEROS, [np.inf] * FEATURES]), "1: feature 0 is inf"),
        (pd.DataFrame(np.zeros((2, 3))), r"0 has shape \[3\], but"),
        (pd.DataFrame([ZEROS, [None] * FEATURES], dtype=float), "1: feature 0 is nan"),
        (pd.DataFrame([ZEROS, [1e300] * FEATURES]), "1: feature 0 is inf"),
        (["bread", {3: 1.0}], "1: features are named by strings, and 3 is none; write an index as '3'"),
        (["bread", {"jazz": np.bool_(True)}], r"1: the value of feature 'jazz' is np.True_, not a number"),
    ],
)  # fmt: skip
def test_inputs_that_cannot_be_are_refused_by_number(inputs: Any, expected: str, task: Task) -> None:
    with pytest.raises(DesireEdgeError, match=f"^input {expected}"):
        task.predict(inputs)
    with pytest.raises(DesireEdgeError, match=f"^example {expected}"):
        task.add(Support.of(inputs, [["x"]] * 2))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("abc", "^labels must be a list of names an example, or a table of 0 and 1 .*, and are 'abc'$"),
        ({"a": 1}, "^labels must be a list of names an example, .*, and are {'a': 1}$"),
        (None, "^labels must be a list of names an example, .*, and this is None$"),
        ({"a", "b", "c"}, "labels must be a list of names an example, .* this is a set, which has no order"),
        (["baking", "jazz", "art"], "example 0: labels must be a list of names, and is 'baking'"),
        (pd.Series(["baking", "jazz", "art"]), "example 0: labels must be a list of names, and is 'baking'"),
        (pd.Series([["a"], None, ["a"]]), "example 1: labels must be a list of names, and is None"),
        ([["a"], [7], []], "example 1: a label is 7, not a name"),
        (np.eye(3), "labels must be a list of names an example, .* and are a matrix of numbers, without names"),
        (sp.eye(3), "labels must be .* and are a matrix of numbers, without names"),
        (MARKS.assign(art=[0, 2, 0]), "^example 1 has 2 for 'art' in the table of labels; it must be 0 or 1$"),
        (MARKS.assign(art=[0, 1, None]), "example 2 has nan for 'art' in the table of labels"),
        (MARKS.assign(art=["a", "b", "c"]), "the column 'art' is of type str, not of numbers"),
        (MARKS.rename(columns={"art": 3}), "example 1: a label is 3, not a name"),
        (MARKS[:2], "3 inputs, 2 lists of labels, 3 of negative labels and 3 of known labels"),
        (once(LABELS[:2]), "3 inputs, 2 lists of labels, 3 of negative labels"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_are_refused_in_a_sentence(labels: Any, expected: str) -> None:
    with pytest.raises(DesireEdgeError, match=expected):
        Support.of(TEXTS, labels)


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        ([True], "True is no example's number; examples are whole numbers, from 0"),
        (np.array([True, False, False]), "np.True_ is no example's number"),
        ([1.0], "1.0 is no example's number"),
        (["1"], "'1' is no example's number"),
        ([-1], "there is no example -1 to remove; the task has 3, numbered from 0"),
        (np.array([3]), "there is no example 3 to remove"),
        (1, "the examples to remove must be a list of numbers, and this is 1"),
        (np.array([], int), "there is nothing to remove"),
    ],
)
def test_numbers_that_cannot_be_are_refused(examples: Any, expected: str, task: Task) -> None:
    with pytest.raises(DesireEdgeError, match=expected):
        task.remove(examples=examples)


@pytest.mark.parametrize("taken", ["adapt", "add", "remove"])
def test_one_name_is_no_list_of_names(taken: str, task: Task) -> None:
    with pytest.raises(DesireEdgeError, match="must be a list of names, and are 'jazz'"):
        getattr(BUNDLE if taken == "adapt" else task, taken)(labels="jazz")


def test_what_an_iterator_raises_is_not_hidden(task: Task) -> None:
    def broken() -> Iterator[str]:
        yield "bread"
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        task.predict(broken())
    with pytest.raises(TypeError, match="mine"):
        Support.of(TEXTS, (broken() for _ in TEXTS))
