"""Label splits and the rows of the three protocols."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge.data import (
    PROTOCOLS,
    Dataset,
    Protocol,
    ProtocolRows,
    given_labels,
    load_sample,
    protocol_rows,
    split_labels,
)
from desire_edge.errors import DesireEdgeError


def toy(rows: int, distinct: int, seed: int) -> Dataset:
    """A data set whose `rows` rows repeat about `distinct` different inputs, a fifth of them test rows."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(distinct, 3)).astype(np.float32)[rng.integers(0, distinct, rows)]
    return Dataset(
        name="toy",
        labels=("a", "b"),
        targets=rng.random((rows, 2)) < 0.5,
        test_rows=rng.random(rows) < 0.2,
        features=features,
        feature_names=("x", "y", "z"),
        texts=None,
        source="drawn here",
    )


def inputs(dataset: Dataset, rows: np.ndarray) -> set[object]:
    if dataset.texts is not None:
        return {dataset.texts[row] for row in rows}
    assert dataset.features is not None
    return {tuple(dataset.features[row].tolist()) for row in rows}


def test_delicious_is_split_as_its_permutation_says() -> None:
    order = np.random.RandomState(1).permutation(975)
    split = split_labels(975, 1)
    np.testing.assert_array_equal(split.base, order[:600])
    np.testing.assert_array_equal(split.validation, order[600:775])
    np.testing.assert_array_equal(split.novel, order[775:])


@given(st.integers(4, 2000), st.integers(0, 2**32 - 1))
def test_every_label_is_in_exactly_one_part(count: int, seed: int) -> None:
    split = split_labels(count, seed)
    parts = np.concatenate([split.base, split.validation, split.novel])
    np.testing.assert_array_equal(np.sort(parts), np.arange(count))
    if count != 975:  # Delicious has sizes of its own
        assert abs(len(split.base) - 0.6 * count) <= 0.5 and abs(len(split.novel) - 0.25 * count) <= 1


def test_seeds_differ_and_repeat() -> None:
    assert not np.array_equal(split_labels(975, 0).novel, split_labels(975, 2).novel)
    np.testing.assert_array_equal(split_labels(975, 2).novel, split_labels(975, 2).novel)


def test_given_sizes_leave_the_rest_unused() -> None:
    split = split_labels(983, 0, (589, 196, 176))
    parts = np.concatenate([split.base, split.validation, split.novel])
    assert [len(split.base), len(split.validation), len(split.novel)] == [589, 196, 176]
    assert len(np.unique(parts)) == len(parts)
    np.testing.assert_array_equal(split.novel, np.random.RandomState(0).permutation(983)[-176:])


@pytest.mark.parametrize(("count", "sizes"), [(3, None), (10, (6, 2, 3)), (10, (9, 0, 1))])
def test_sizes_that_do_not_fit_are_refused(count: int, sizes: tuple[int, int, int] | None) -> None:
    with pytest.raises(DesireEdgeError, match=f"{count} labels cannot be split into"):
        split_labels(count, 0, sizes)


@pytest.mark.parametrize("hold_out", [False, True])
def test_label_disjoint_uses_every_row_for_everything(hold_out: bool) -> None:
    dataset = toy(50, 50, 0)
    rows = protocol_rows(dataset, "label-disjoint", hold_out=hold_out, seed=0)
    for part in (rows.train, rows.support, rows.query):
        np.testing.assert_array_equal(part, np.arange(50))


def test_streaming_queries_the_whole_test_file() -> None:
    dataset = toy(200, 20, 0)
    rows = protocol_rows(dataset, "streaming", hold_out=False, seed=0)
    np.testing.assert_array_equal(rows.query, np.flatnonzero(dataset.test_rows))
    np.testing.assert_array_equal(rows.train, np.flatnonzero(~dataset.test_rows))
    np.testing.assert_array_equal(rows.support, rows.train)


@given(st.integers(10, 200), st.integers(1, 200), st.integers(0, 99), st.booleans())
def test_example_disjoint_drops_exactly_the_repeated_inputs(
    rows: int, distinct: int, seed: int, hold_out: bool
) -> None:
    dataset = toy(rows, distinct, seed)
    streaming = protocol_rows(dataset, "streaming", hold_out=hold_out, seed=seed)
    strict = protocol_rows(dataset, "example-disjoint", hold_out=hold_out, seed=seed)
    np.testing.assert_array_equal(strict.train, streaming.train)
    dropped = np.setdiff1d(streaming.query, strict.query)
    assert set(strict.query) <= set(streaming.query)
    assert not inputs(dataset, strict.query) & inputs(dataset, strict.train)
    assert inputs(dataset, dropped) <= inputs(dataset, strict.train)


@pytest.mark.parametrize("protocol", ["example-disjoint", "streaming"])
def test_the_hold_out_is_a_seeded_share_of_the_training_file(protocol: Protocol) -> None:
    dataset = toy(400, 400, 3)
    final = protocol_rows(dataset, protocol, hold_out=False, seed=0)

    def held_out(seed: int) -> ProtocolRows:
        return protocol_rows(dataset, protocol, hold_out=True, seed=seed)

    rows = held_out(0)
    np.testing.assert_array_equal(rows.train, rows.support)
    assert not dataset.test_rows[rows.train].any() and not dataset.test_rows[rows.query].any()
    assert not set(rows.train) & set(rows.query)
    assert len(rows.train) == len(final.train) - round(0.15 * len(final.train))
    np.testing.assert_array_equal(rows.train, held_out(0).train)
    assert not np.array_equal(rows.train, held_out(1).train)


def test_inputs_that_differ_only_in_the_sign_of_zero_are_the_same() -> None:
    dataset = Dataset(
        name="zeros",
        labels=("a",),
        targets=np.ones((3, 1), dtype=np.bool_),
        test_rows=np.array([False, True, True]),
        features=np.array([[0.0], [-0.0], [1.0]], dtype=np.float32),
        feature_names=("x",),
        texts=None,
        source="written here",
    )
    rows = protocol_rows(dataset, "example-disjoint", hold_out=False, seed=0)
    np.testing.assert_array_equal(rows.query, [2])


@pytest.mark.parametrize("hold_out", [False, True])
def test_a_text_corpus_is_compared_by_its_texts(hold_out: bool) -> None:
    corpus = load_sample()
    assert corpus.texts is not None
    repeated = Dataset(
        name="repeated",
        labels=corpus.labels,
        targets=np.concatenate([corpus.targets, corpus.targets[:40]]),
        test_rows=np.concatenate([corpus.test_rows, np.ones(40, dtype=np.bool_)]),
        features=None,
        feature_names=(),
        texts=corpus.texts + corpus.texts[:40],
        source=corpus.source,
    )
    rows = protocol_rows(repeated, "example-disjoint", hold_out=hold_out, seed=0)
    assert len(rows.query) > 0 and not inputs(repeated, rows.query) & inputs(repeated, rows.train)


def test_protocol_names_are_checked() -> None:
    assert PROTOCOLS == ("label-disjoint", "example-disjoint", "streaming")
    with pytest.raises(DesireEdgeError, match="no protocol is called 'disjoint'"):
        protocol_rows(toy(10, 10, 0), "disjoint", hold_out=False, seed=0)  # type: ignore[arg-type]


def test_a_data_set_that_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="3 rows and 1 labels do not fit"):
        Dataset(
            name="crooked",
            labels=("a",),
            targets=np.ones((2, 1), dtype=np.bool_),
            test_rows=np.zeros(3, dtype=np.bool_),
            features=np.zeros((3, 1), dtype=np.float32),
            feature_names=("x",),
            texts=None,
            source="written here",
        )


def test_texts_with_one_x_count_as_one_input() -> None:
    texts = ("dont stop the ｊａｚｚ", "don't stop the jazz", "c# notes", "c notes")
    dataset = Dataset(
        name="texts",
        labels=("a",),
        targets=np.ones((4, 1), np.bool_),
        test_rows=np.array([False, True, False, True]),
        features=None,
        feature_names=(),
        texts=texts,
        source="",
    )
    rows = protocol_rows(dataset, "example-disjoint", hold_out=False, seed=0)
    assert rows.query.tolist() == [3]


NAMES = tuple("abcdefghij")


@pytest.mark.parametrize(
    ("base", "novel", "sizes"),
    [
        (None, "ab", (6, 2, 2)),
        ("abcd", None, (4, 2, 4)),
        ("abc", "de", (3, 5, 2)),
        ("abcdefgh", "ij", (6, 2, 2)),
    ],
)
def test_given_labels_are_where_they_were_put_and_the_rest_is_drawn(
    base: str | None, novel: str | None, sizes: tuple[int, int, int]
) -> None:
    split = given_labels(NAMES, 3, base, novel)
    parts = [{NAMES[label] for label in part} for part in (split.base, split.validation, split.novel)]
    assert tuple(map(len, parts)) == sizes and set.union(*parts) == set(NAMES)
    assert novel is None or parts[2] == set(novel)
    assert base is None or parts[0] <= set(base)
    again = given_labels(NAMES, 3, base, novel)
    np.testing.assert_array_equal(split.base, again.base)


@pytest.mark.parametrize(
    ("base", "novel", "message"),
    [
        ("a", "z", "1 of the novel labels are no labels of the data: z"),
        ("ab", "bc", "'b' is named as base and as novel"),
        (None, NAMES, "leave 0 base, 0 validation and 10 novel ones of 10"),
    ],
)
def test_given_labels_that_cannot_be_are_named(base: str | None, novel: str, message: str) -> None:
    with pytest.raises(DesireEdgeError, match=message):
        given_labels(NAMES, 0, base, novel)
