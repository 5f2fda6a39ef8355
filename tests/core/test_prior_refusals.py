"""What the core's head `prior` refuses, in a sentence that names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from core.learning import THRESHOLD_WEIGHTS
from core.prior_problems import (
    TRUST,
    arrays_of,
    learned,
    packed,
    random_case,
    random_model,
)
from core.prior_reference import scalars_of

from desire_edge import _core

MODEL, TASK = random_case(3, 2, d=8, k=6)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "NaN in z": ({"z": np.full((3, 8), np.nan)}, r"^z\[0, 0\] is NaN or infinite$"),
    "targets of two": ({"targets": np.full((3, 2), 2)}, r"^targets\[0, 0\] is 2\.0+, expected 0 to 1$"),
    "a mask below 0": ({"mask": np.full((3, 2), -1)}, r"^mask\[0, 0\] is -1\.0+, expected 0 to 1$"),
    "an infinite name": ({"w_novel": np.full((8, 2), np.inf)}, r"^w_novel\[0, 0\] is NaN or infinite$"),
    "names of another dimension": (
        {"w_novel": np.ones((7, 2))},
        r"^w_novel has shape \[7, 2\], expected \[d_w, N\] = \[8, 2\]$",
    ),
    "no label": (
        {"w_novel": np.ones((8, 0)), "targets": np.ones((3, 0)), "mask": np.ones((3, 0))},
        r"^input\.labels is 0, expected 1 to ",
    ),
    "features of another dimension": (
        {"z": np.ones((3, 7))},
        r"^z has shape \[3, 7\], expected \[S, d\] = \[3, 8\]$",
    ),
    "a mask of another shape": (
        {"mask": np.ones((3, 1))},
        r"^mask has shape \[3, 1\], expected \[S, N\] = \[3, 2\]$",
    ),
    "half a known label": (
        {"known_labels": np.full((3, 6), 0.5)},
        r"^known_labels\[0, 0\] is 0\.50*, expected 0 or 1$",
    ),
    "known labels of other base labels": (
        {"known_labels": np.ones((3, 5))},
        r"^known_labels has shape \[3, 5\], expected \[S, k\] = \[3, 6\]$",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_learned_from_is_refused(name: str) -> None:
    changed, complaint = REFUSED[name]
    arrays = TASK.arrays(np.float32) | {key: value.astype(np.float32) for key, value in changed.items()}
    with pytest.raises(ValueError, match=complaint):
        packed(MODEL, known=True).learn(**arrays, ways=2)


@pytest.mark.parametrize("ways", [1, 2**40])
def test_ways_that_there_cannot_be_are_refused(ways: int) -> None:
    with pytest.raises(ValueError, match=rf"^ways is {ways}, expected N = 2 to "):
        learned(MODEL, TASK, ways)


def test_known_labels_are_for_a_model_that_uses_them() -> None:
    with pytest.raises(ValueError, match=r"^known_labels are given, but the model does not use them$"):
        packed(MODEL).learn(**TASK.arrays(np.float32), known_labels=np.zeros((3, 6), np.float32), ways=2)


def model_arguments() -> dict[str, Any]:
    model = random_model(np.random.default_rng(0), 8, 8, 6, mapped=True)
    return {**arrays_of(model, np.float32), "threshold_weights": THRESHOLD_WEIGHTS}


@pytest.mark.parametrize("name", model_arguments())
def test_a_models_value_that_is_not_finite_is_named(name: str) -> None:
    arguments = model_arguments()
    arguments[name] = arguments[name].copy()
    arguments[name].flat[-1] = np.inf
    with pytest.raises(ValueError, match=rf"^{name}\[[\d, ]+\] is NaN or infinite$"):
        _core.PriorModel(**arguments)


@pytest.mark.parametrize("name", model_arguments())
@pytest.mark.parametrize("change", [lambda a: a[:-1].copy(), lambda a: a.astype(np.float64), list])
def test_a_models_array_of_another_shape_or_type_is_named(name: str, change: Callable[[Any], Any]) -> None:
    arguments = model_arguments()
    culprit = "(r|inference|name_map)" if name in {"r", "inference", "name_map"} else name
    with pytest.raises(ValueError, match=rf"^{culprit} (has shape|has dtype|is a list)"):
        _core.PriorModel(**{**arguments, name: change(arguments[name])})


def test_without_a_map_names_have_the_features_dimension() -> None:
    model = random_model(np.random.default_rng(0), 8, 7, 6)
    message = r"^name_map is NULL, but sizes.name_dimension is 7 and sizes.dimension 8$"
    with pytest.raises(ValueError, match=message):
        packed(replace(model, name_map=None))


@pytest.mark.parametrize("name", ["names", "base", "examples", "neighbours", "temperature", "bias_variance"])
@pytest.mark.parametrize("power", [88, 800])
def test_trust_beyond_single_precision_is_reported(name: str, power: float) -> None:
    """Where e^power alone is past float, or past double."""
    model = replace(MODEL, scalars=scalars_of(TRUST | {name: power}))
    try:
        result = learned(model, TASK)
    except _core.DivergedError as error:
        assert str(error).startswith("the result ")
    else:
        assert power == 88
        assert all(np.isfinite(result[key]).all() for key in ("l", "m", "b", "logits", "losses"))


def test_features_whose_products_overflow_are_reported() -> None:
    with pytest.raises(_core.DivergedError, match=r"^the result \w+ has a NaN or infinite value$"):
        learned(MODEL, replace(TASK, z=1e30 * TASK.z))
