"""What a support set says: labels, negative labels, targets and their mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desire_edge import DesireEdgeError, Support

THREE = Support.of(["a", "b", "c"], [["x", "y"], [], ["y"]], [[], ["x"], []])


def test_a_label_an_example_does_not_carry_is_negative_unless_told_otherwise() -> None:
    targets, mask = THREE.targets(["y", "x"], "negative")
    assert targets.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert mask.tolist() == [[1, 1], [1, 1], [1, 1]]


def test_with_missing_unknown_only_what_was_said_counts() -> None:
    targets, mask = THREE.targets(["y", "x"], "unknown")
    assert targets.tolist() == [[1, 1], [0, 0], [1, 0]]
    assert mask.tolist() == [[1, 1], [0, 1], [1, 0]]


def test_names_stand_in_the_order_of_their_first_use() -> None:
    assert THREE.names() == ("x", "y")


@given(
    st.lists(st.lists(st.sampled_from("abcd"), unique=True, max_size=3), max_size=12),
    st.integers(0, 3),
)
def test_shots_keep_the_first_examples_of_each_label(labels: list[list[str]], shots: int) -> None:
    support = Support.of([f"{index}" for index in range(len(labels))], labels)
    kept = support.first_shots(shots).examples
    assert shots or not kept
    assert list(kept) == [example for example in support.examples if example in kept], "in their order"
    for label in "abcd":
        carrying = [example for example in support.examples if label in example.labels]
        assert set(carrying[:shots]) <= set(kept), "no label loses one of its first"
    for index, example in enumerate(kept):
        counts = [sum(label in earlier.labels for earlier in kept[:index]) for label in example.labels]
        assert not counts or min(counts) < shots, "each is there for a label that still needed it"


def test_examples_without_a_label_stay_unless_there_are_no_shots() -> None:
    assert [example.raw for example in THREE.first_shots(1).examples] == ["a", "b"]
    assert THREE.first_shots(0).examples == ()


def test_python_values_must_agree_in_number() -> None:
    with pytest.raises(DesireEdgeError, match="2 inputs, 1 lists of labels, 2 of negative labels and"):
        Support.of(["a", "b"], [["x"]])


@pytest.mark.parametrize("nothing", [None, float("nan"), np.float64("nan")])
def test_a_text_that_is_missing_is_named(nothing: Any) -> None:
    with pytest.raises(DesireEdgeError, match="example 1 has no text") as refused:
        Support.of(["a", nothing], [["x"], ["y"]])
    assert refused.value.code == "input-missing"


def test_targets_find_names_of_earlier_files_by_their_clean_form() -> None:
    targets, _ = Support.of(["a"], [["caf\u00e9"]]).targets(["jazz", "cafe\u0301"], "negative")
    assert targets.tolist() == [[0, 1]]
