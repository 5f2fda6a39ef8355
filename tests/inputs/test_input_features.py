"""Raw input becomes the same x at training and on the device, whatever form it comes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Example, Support
from desire_edge.inputs import VectorInput, WordsInput, read_input

WORDS = ("bread", "c++", "diseño", "7", "oven")
SPEC = WordsInput(WORDS)
VECTOR = VectorInput(3)


def test_a_text_file_gives_what_training_saw(sample_trained: Trained, tmp_path: Path) -> None:
    data = sample_trained.run.data
    assert data.dataset.texts is not None
    spec = Bundle.open(sample_trained.bundle).manifest.input
    for row, text in enumerate(data.dataset.texts[:100]):
        (tmp_path / "a.txt").write_text(text, encoding="utf-8")
        assert np.array_equal(spec.features_of(read_input(tmp_path / "a.txt"), "a").x, data.x[row])


def test_a_support_folder_gives_what_training_saw(trained: Trained) -> None:
    spec = Bundle.open(trained.bundle).manifest.input
    support = Support.read(trained.support)
    x = np.stack([spec.features_of(example.raw, example.name).x for example in support.examples])
    assert np.array_equal(x, trained.run.data.x[trained.episode.support])


@given(st.text(), st.sampled_from(["\n", "\r\n", "\t", " \u00a0"]), st.sampled_from(["", "\ufeff"]))
def test_spaces_line_ends_and_a_byte_order_mark_change_nothing(text: str, space: str, mark: str) -> None:
    one = SPEC.features_of(f"bread {text} oven", "a")
    other = SPEC.features_of(f"{mark}BREAD{space}{text}{space}Oven", "a")
    assert np.array_equal(one.x, other.x)
    assert (one.words, one.known_words) == (other.words, other.known_words)


def test_a_word_counts_once_and_unknown_words_are_counted() -> None:
    features = SPEC.features_of("Bread, bread & C++ from an oven; diseño", "a")
    assert features.x.tolist() == [1, 1, 1, 0, 1]
    assert (features.words, features.known_words) == (6, 4)


def test_sparse_features_go_by_name_and_else_by_index() -> None:
    assert SPEC.features_of({"bread": 2, "4": 0.5}, "a").x.tolist() == [2, 0, 0, 0, 0.5]
    assert SPEC.features_of({"7": 1}, "a").x.tolist() == [0, 0, 0, 1, 0], "a feature's own name comes first"
    assert VECTOR.features_of({"0": 1, "2": -1}, "a").x.tolist() == [1, 0, -1]


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3))
def test_a_vector_is_taken_in_every_form(values: list[float]) -> None:
    x = np.array(values, np.float32)
    sparse = {str(index): value for index, value in enumerate(values)}
    for raw in (values, tuple(values), x, x.astype(np.float64), x[None], x.astype(">f4"), sparse):
        assert np.array_equal(VECTOR.features_of(raw, "a").x, x)


@pytest.mark.parametrize(
    "raw", [[1, 2], [[1, 2, 3], [4, 5, 6]], 5.0, [[1], [2, 3]], ["1", "2", "3"], [None] * 3]
)
def test_what_is_no_vector_of_this_length_is_refused(raw: object) -> None:
    with pytest.raises(DesireEdgeError, match=r"takes 3 features|does not hold plain numbers"):
        VECTOR.features_of(raw, "a")  # type: ignore[arg-type]


@given(st.text(max_size=12), st.floats())
def test_any_sparse_feature_is_taken_or_refused_in_a_sentence(name: str, value: float) -> None:
    try:
        x = SPEC.features_of({name: value}, "a").x
    except DesireEdgeError as error:
        assert str(error).startswith("a: ")
    else:
        assert np.isfinite(x).all()
        assert np.count_nonzero(x) <= 1


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("bread", encoding="utf-8-sig")
    (tmp_path / "a.json").write_text('{"bread": 1}', encoding="utf-8-sig")
    for name in ("a.txt", "a.json"):
        assert SPEC.features_of(read_input(tmp_path / name), name).x.tolist() == [1, 0, 0, 0, 0]


def test_an_example_of_a_vector_model_may_come_from_python() -> None:
    support = Support((Example([1.0, 2.0, 3.0], ("a",)),))
    assert VECTOR.features_of(support.examples[0].raw, "a").x.tolist() == [1, 2, 3]
