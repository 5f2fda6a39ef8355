"""What `Model.learn` refuses, and how it says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from core.cases import CORNERS
from core.learning import learned, model_arrays, problem_of, single, task_arrays
from core.reference import lowrank_arrays

from desire_edge import _core

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "targets of two": ({"targets": single([[1, 2, 0]])}, r"^targets\[0, 1\] is 2\.0+, expected 0 to 1$"),
    "a mask of two": ({"mask": single([[2, 1, 0]])}, r"^mask\[0, 0\] is 2\.0+, expected 0 to 1$"),
    "NaN in z": ({"z": np.full((1, 8), np.nan, np.float32)}, r"^z\[0, 0\] is NaN or infinite$"),
    "an infinite vector": (
        {"w_novel": np.full((8, 3), np.inf, np.float32)},
        r"^w_novel\[0, 0\] is NaN or infinite$",
    ),
    "no label": (
        {
            "w_novel": np.zeros((8, 0), np.float32),
            "targets": np.zeros((1, 0), np.float32),
            "mask": np.zeros((1, 0), np.float32),
        },
        r"^input\.labels is 0, expected 1 to ",
    ),
    "fewer ways than labels": ({"ways": 2}, r"^ways is 2, expected N = 3 to "),
    "more ways than there can be": ({"ways": 2**40}, r"^ways is 1099511627776, expected N = 3 to "),
    "a mask of another shape": (
        {"mask": np.ones((1, 2), np.float32)},
        r"^mask has shape \[1, 2\], expected \[S, N\] = \[1, 3\]$",
    ),
    "double": ({"z": np.ones((1, 8))}, r"^z has dtype float64, expected float32"),
    "half a known label": (
        {"known_labels": np.full((1, 14), 0.5, np.float32)},
        r"^known_labels\[0, 0\] is 0\.50*, expected 0 or 1$",
    ),
    "known labels of NaN": (
        {"known_labels": np.full((1, 14), np.nan, np.float32)},
        r"^known_labels\[0, 0\] is -?nan, expected 0 or 1$",
    ),
    "known labels of other base labels": (
        {"known_labels": np.ones((1, 13), np.float32)},
        r"^known_labels has shape \[1, 13\], expected \[S, B\] = \[1, 14\]$",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learned_from_is_refused(name: str) -> None:
    changed, complaint = REFUSED[name]
    model, task = problem_of(*CORNERS["one example"], known="known_labels" in changed)
    handle = _core.Model(**model_arrays(model, task))
    with pytest.raises(ValueError, match=complaint):
        handle.learn(**({**task_arrays(task), "ways": 3} | changed))


def test_known_labels_are_for_a_model_that_uses_them() -> None:
    model, task = problem_of(*CORNERS["one example"], known=False)
    handle = _core.Model(**model_arrays(model, task))
    with pytest.raises(ValueError, match=r"^known_labels are given, but the model does not use them$"):
        handle.learn(**task_arrays(task), known_labels=np.zeros((1, 14), np.float32), ways=3)


def test_a_model_without_threshold_weights_cannot_learn() -> None:
    model, task = problem_of(*CORNERS["one example"], known=False)
    handle = _core.Model(**lowrank_arrays(model, np.float32))
    with pytest.raises(ValueError, match=r"^the model was made without threshold_weights, so that it cannot"):
        handle.learn(**task_arrays(task), ways=3)


NEEDED = ("step_sizes", "threshold_weights", "w_base")


def using_known_labels() -> dict[str, Any]:
    """Arrays of a model of which all is needed to learn."""
    return model_arrays(*problem_of(*CORNERS["one example"], known=True))


@pytest.mark.parametrize("name", NEEDED)
def test_a_value_that_learning_needs_and_is_not_finite_is_named(name: str) -> None:
    arrays = using_known_labels()
    arrays[name] = arrays[name].copy()
    arrays[name].flat[-1] = np.nan
    with pytest.raises(ValueError, match=rf"^{name}\[[\d, ]+\] is NaN or infinite$"):
        _core.Model(**arrays)


@pytest.mark.parametrize("name", NEEDED)
def test_an_array_of_another_shape_that_learning_needs_is_named(name: str) -> None:
    arrays = using_known_labels()
    arrays[name] = arrays[name][..., :-1].copy()
    with pytest.raises(ValueError, match=rf"^{name} has shape \[.*\], expected \[.*\] = \[.*\]$"):
        _core.Model(**arrays)


@pytest.mark.parametrize("name", ["step_sizes", "w_base"])
def test_an_array_that_learning_needs_and_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is a NoneType, expected a numpy array$"):
        _core.Model(**(using_known_labels() | {name: None}))


def test_step_sizes_whose_product_with_the_labels_overflows_are_refused() -> None:
    model, task = problem_of(*CORNERS["no step"], known=False)
    with pytest.raises(ValueError, match=r"^step_sizes\[0, 0\] is NaN or infinite$"):
        learned(model, replace(task, step_sizes=torch.full((1, 5), 3e38, dtype=torch.float64)))
