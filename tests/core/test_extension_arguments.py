"""What the extension refuses, and how it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from core.cases import CORNERS
from core.reference import lowrank_arrays, scored_arrays

from desire_edge import _core

MODEL, TASK = CORNERS["more examples than dimensions"]  # S=20, N=3, d=6, h=10, B=14, T=3


def valid_arguments(dtype: type[np.floating[Any]] = np.float64) -> dict[str, dict[str, Any]]:
    """Arguments of each function that it accepts; those of its second form under its name and a comma."""
    task, dense, lowrank = TASK.arrays(dtype), MODEL.arrays(dtype), lowrank_arrays(MODEL, dtype)
    scored = scored_arrays(MODEL, TASK, dtype)
    head = _core.fold(**dense, w_novel=task["w_novel"])
    m = np.ascontiguousarray(dense["w_i"] @ task["w_novel"])
    return {
        "project": {**dense, "z": task["z"], "w_novel": task["w_novel"]},
        "adapt_dense": {**task, **dense},
        "adapt_lowrank": {**task, **lowrank},
        "adapt_lowrank, scored": {**task, **scored},
        "fold": {**dense, "w_novel": task["w_novel"]},
        "head_logits": {**head, "z": task["z"], "r": lowrank["r"]},
        "head_logits, scored": {**head, "m": m, "z": task["z"], "scores": scored["scores"]},
    }


VALID = valid_arguments()
ARRAYS = [
    (f, name)
    for f, arguments in VALID.items()
    for name, value in arguments.items()
    if not isinstance(value, float)
]
EACH_ARRAY = pytest.mark.parametrize(("function", "name"), ARRAYS)
EACH_ARGUMENT = pytest.mark.parametrize(
    ("function", "name"), [(f, name) for f, arguments in VALID.items() for name in arguments]
)


def named(function: str) -> Any:
    """The function of the extension."""
    return getattr(_core, function.partition(",")[0])


def call(function: str, name: str, change: Callable[[Any], Any]) -> None:
    """Call `function` with valid arguments, but for `name`, changed."""
    arguments = VALID[function]
    named(function)(**{**arguments, name: change(arguments[name])})


@pytest.mark.parametrize("function", VALID)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_valid_arguments_are_accepted(function: str, dtype: type[np.floating[Any]]) -> None:
    named(function)(**valid_arguments(dtype)[function])


def spoiled(value: Any, bad: float) -> Any:
    """`bad` itself for a scalar, else a copy whose last element is `bad`."""
    if isinstance(value, float):
        return bad
    copy = value.copy()
    copy.flat[-1] = bad
    return copy


@EACH_ARGUMENT
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named(function: str, name: str, bad: float) -> None:
    with pytest.raises(ValueError, match=rf"^{name}(\[[\d, ]+\])? is NaN or infinite$"):
        call(function, name, lambda value: spoiled(value, bad))


def test_the_place_of_a_bad_value_is_named() -> None:
    z = VALID["project"]["z"].copy()
    z[4, 2] = np.nan
    with pytest.raises(ValueError, match=r"^z\[4, 2\] is NaN or infinite$"):
        call("project", "z", lambda _: z)


@pytest.mark.parametrize(
    ("function", "name"),
    # The rows of z and step_sizes are S and T themselves.
    [(f, name) for f, name in ARRAYS if name not in {"z", "step_sizes"}],
)
def test_a_missing_row_is_named(function: str, name: str) -> None:
    culprit = r"\w+" if name == "w1" else name  # w1 sets d: whoever disagrees with it is named
    with pytest.raises(ValueError, match=rf"^{culprit} has shape \[.*\], expected \[.*\] = \[.*\]$"):
        call(function, name, lambda value: value[:-1].copy())


@EACH_ARRAY
def test_a_missing_axis_is_named(function: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} has shape \[.*\], expected "):
        call(function, name, lambda value: value.reshape(-1, 1, 1))


def test_a_wrong_feature_count_says_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"^z has shape \[20, 5\], expected \[S, d\] = \[20, 6\]$"):
        call("project", "z", lambda z: z[:, :-1].copy())


@EACH_ARRAY
def test_mixed_dtypes_are_refused(function: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+ has dtype float(32|64), expected float(32|64): all arrays"):
        call(function, name, lambda value: value.astype(np.float32))


@EACH_ARRAY
@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.bool_, np.dtype(">f8"), object])
def test_other_dtypes_are_refused(function: str, name: str, dtype: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{name} has dtype "):
        call(function, name, lambda value: value.astype(dtype))


@EACH_ARRAY
def test_what_is_no_array_is_refused(function: str, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} is a list, expected a numpy array$"):
        call(function, name, lambda value: value.tolist())


@pytest.mark.parametrize(("function", "name"), [(f, name) for f in VALID for name in ("gamma1", "gamma2")])
def test_factors_are_numbers(function: str, name: str) -> None:
    call(function, name, np.float32)
    with pytest.raises(ValueError, match=rf"^{name} is a str, expected a number$"):
        call(function, name, str)


@EACH_ARRAY
def test_arrays_that_are_not_contiguous_are_refused(function: str, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"^{name} is not C-contiguous and aligned: pass numpy.ascontiguousarray\({name}\)$"
    ):
        call(function, name, lambda value: np.repeat(value, 2, axis=-1)[..., ::2])


@EACH_ARRAY
def test_unaligned_arrays_are_refused(function: str, name: str) -> None:
    def unaligned(value: Any) -> Any:
        moved = np.frombuffer(b"\0" + value.tobytes(), dtype=np.uint8)[1:]
        return moved.view(value.dtype).reshape(value.shape)

    with pytest.raises(ValueError, match=rf"^{name} is not C-contiguous and aligned"):
        call(function, name, unaligned)


@pytest.mark.parametrize("function", ["adapt_dense", "adapt_lowrank"])
@pytest.mark.parametrize(
    ("name", "bad", "expected"),
    [("targets", 1.5, "0 to 1"), ("targets", -0.5, "0 to 1"), ("mask", -1.0, "0 or more")],
)
def test_targets_and_mask_keep_their_range(function: str, name: str, bad: float, expected: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name}\[19, 2\] is {bad}0*, expected {expected}$"):
        call(function, name, lambda value: spoiled(value, bad))


@pytest.mark.parametrize("left_out", [("p",), ("r",), ("p", "r")])
def test_p_and_r_are_given_together(left_out: tuple[str, ...]) -> None:
    arguments = {name: value for name, value in VALID["adapt_lowrank"].items() if name not in left_out}
    with pytest.raises(ValueError, match=r"^give p and r, or scores and w_i, and not parts of both$"):
        _core.adapt_lowrank(**arguments)


@pytest.mark.parametrize("name", ["scores", "w_i"])
def test_scores_and_w_i_are_given_together_and_alone(name: str) -> None:
    first, second = VALID["adapt_lowrank"], VALID["adapt_lowrank, scored"]
    for arguments in (
        {**first, name: second[name]},
        {key: value for key, value in second.items() if key != name},
    ):
        with pytest.raises(ValueError, match=r"^give p and r, or scores and w_i, and not parts of both$"):
            _core.adapt_lowrank(**arguments)


def test_a_head_reads_either_r_or_scores() -> None:
    first, second = VALID["head_logits"], VALID["head_logits, scored"]
    without = {name: value for name, value in first.items() if name != "r"}
    for arguments in (without, {**first, "scores": second["scores"]}):
        with pytest.raises(ValueError, match=r"^give r, or scores, and not both$"):
            _core.head_logits(**arguments)


def test_empty_sizes_are_refused() -> None:
    arguments = VALID["fold"]
    with pytest.raises(ValueError, match=r"^sizes.labels is 0, expected 1 to "):
        _core.fold(**{**arguments, "w_novel": np.zeros((6, 0))})
    with pytest.raises(ValueError, match=r"^sizes.base_labels is 0, expected 1 to "):
        _core.fold(**{**arguments, "w_base": np.zeros((6, 0)), "w_i": np.zeros((0, 6))})
    with pytest.raises(ValueError, match=r"^sizes.hidden is 0, expected 1 to "):
        _core.fold(**{**arguments, "w1": np.zeros((6, 0)), "b1": np.zeros(0), "w2": np.zeros((0, 6))})


@pytest.mark.parametrize("function", ["adapt_dense", "adapt_lowrank"])
def test_step_sizes_that_diverge_are_reported(function: str) -> None:
    with pytest.raises(_core.DivergedError, match=r"^the result \w+ has a NaN or infinite value$"):
        call(function, "step_sizes", lambda value: np.full_like(value, 1e200))


def test_logits_that_overflow_are_reported() -> None:
    with pytest.raises(_core.DivergedError):
        _core.project(**{**VALID["project"], "w_novel": np.full((6, 3), 1e300), "gamma1": 1e300})


@pytest.mark.parametrize("function", VALID)
def test_arguments_are_given_by_name(function: str) -> None:
    with pytest.raises(TypeError):
        named(function)(*VALID[function].values())


def test_inputs_are_left_as_they_are() -> None:
    for function, arguments in VALID.items():
        copies = {name: np.copy(value) for name, value in arguments.items()}
        named(function)(**arguments)
        for name, value in arguments.items():
            np.testing.assert_array_equal(value, copies[name])
