"""Sets of labels: the quantile keeps what it states, and which number a label goes by."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vectors.tiny import FOLDER

from desire_edge.coverage import BY_NAME, NEGATIVES, Coverage, kind_of, lift, quantile
from desire_edge.errors import DesireEdgeError
from desire_edge.runtime.manifest import MANIFEST, Manifest

NUMBERS = st.floats(-20, 20)
STATED = Coverage(0.9, -0.5, -1.5, ((1, -1.0), (3, 0.25)))


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.floats(0.05, 0.99))
def test_one_score_a_label_gives_the_quantile_with_the_finite_correction(
    values: list[float], level: float
) -> None:
    """The ⌈(L + 1) · level⌉-th largest."""
    rank = math.ceil((len(values) + 1) * level - 1e-9)
    expected = sorted(values, reverse=True)[rank - 1] if rank <= len(values) else None
    assert quantile([np.array([value]) for value in values], level) == expected


def test_few_labels_state_little_however_many_scores_they_have() -> None:
    many = [np.linspace(label, label + 1, 1000) for label in range(8)]
    assert quantile(many, 0.88) is not None
    assert quantile(many, 0.9) is None  # 8 labels state 8/9
    assert quantile([], 0.5) is None


def test_a_label_weighs_the_same_however_many_scores_it_has() -> None:
    few = [np.array([float(label)]) for label in range(20)]
    assert quantile([few[0].repeat(500), *few[1:]], 0.8) == quantile(few, 0.8)


@pytest.mark.parametrize("level", [0.8, 0.9])
@pytest.mark.parametrize("spread", [0.0, 5.0])
def test_what_is_stated_holds_for_new_labels(level: float, spread: float) -> None:
    """Over 1,000 draws of 25 labels whose scores differ by label: the standard error is below 0.013."""
    rng, held = np.random.default_rng(0), []
    for _ in range(1000):
        scores = [spread * rng.normal() + rng.normal(size=rng.integers(1, 9)) for _ in range(26)]
        number = quantile(scores[:-1], level)
        assert number is not None
        held.append(np.mean(scores[-1] >= number))
    assert np.mean(held) >= level - 3 * 0.013
    if spread == 5:  # where labels are all there is, nothing is given away
        assert np.mean(held) <= level + 1 / 26 + 3 * 0.013


@pytest.mark.parametrize(
    ("counts", "kind"),
    [
        ((0, 0), BY_NAME),
        ((0, 3), NEGATIVES),
        ((1, 0), 1),
        ((4, 9), 2),
        ((5, 9), 5),
        ((9, 9), 5),
        ((400, 9), 10),
    ],
)
def test_a_label_goes_by_the_largest_number_of_positives_that_it_has(
    counts: tuple[int, int], kind: int
) -> None:
    assert kind_of(*counts) == kind


def test_a_label_is_lifted_by_the_share_of_its_positives() -> None:
    assert lift(2, 10) == pytest.approx(math.log(1 / 4))
    assert [lift(*counts) for counts in ((0, 0), (0, 5), (3, 3), (3, 6), (4, 7))] == [0] * 5


def test_limits_by_hand() -> None:
    """Columns: 1 of 4; 4 of 4; nothing known; negatives only; 2 positives go by the number for 1. Of the fifth example
    nothing is known.
    """
    targets = np.array(
        [[1, 1, 1, 0, 1], [0, 1, 0, 0, 1], [0, 1, 1, 0, 0], [1, 1, 0, 1, 0], [1] * 5], np.uint8
    )
    mask = np.array([[1, 1, 0, 1, 1], [1, 1, 0, 1, 1], [1, 1, 0, 0, 1], [0, 1, 0, 0, 1], [0] * 5], np.uint8)
    log_odds = [-1 + math.log(1 / 3), 0.25, -0.5, -1.5, -1]
    assert STATED.limits(targets, mask) == pytest.approx([1 / (1 + math.exp(-value)) for value in log_odds])
    assert STATED.limits(targets[:0], mask[:0]) == pytest.approx([1 / (1 + math.exp(0.5))] * 5)


def test_a_number_that_is_not_there_lets_every_such_label_in() -> None:
    nothing = Coverage(0.95, None, None, ((2, -1.0),))
    assert nothing.limit(0, 0, 5) == nothing.limit(0, 4, 5) == nothing.limit(1, 4, 5) == 0
    assert nothing.limit(2, 1, 5) > 0
    far = Coverage(0.95, -1e6, 1e6, ())
    assert (far.limit(0, 0, 5), far.limit(0, 1, 5)) == (0, 1)


def test_what_is_stated_survives_json() -> None:
    found = (Coverage(0.8, None, -2.0, ()), STATED)
    assert Coverage.all_from_json(json.loads(json.dumps([one.to_json() for one in found]))) == found


STATED_JSON = STATED.to_json()


@pytest.mark.parametrize(
    "values",
    [
        0.9,
        {"level": 0.9},
        [0.9],
        [STATED_JSON, STATED_JSON],
        [STATED_JSON, STATED_JSON | {"level": 0.8}],
        [STATED_JSON | {"level": level / 20} for level in range(1, 18)],
        [{key: value for key, value in STATED_JSON.items() if key != "level"}],
        [STATED_JSON | {"more": 1}],
        *([STATED_JSON | {"level": level}] for level in ("0.9", 1, 0, True, math.nan)),
        *([STATED_JSON | {"by_name": number}] for number in ("0", False, 1e7, math.nan)),
        *(
            [STATED_JSON | {"examples": examples}]
            for examples in (
                None,
                [[1]],
                [[0, -1.0]],
                [[1.5, -1.0]],
                [[4097, -1.0]],
                [[2, -1.0], [1, -1.0]],
                [[1, None]],
            )
        ),
    ],
)
def test_what_states_no_coverage_is_refused(values: Any, tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError)):
        Coverage.all_from_json(values)
    manifest = json.loads((FOLDER / "prior" / MANIFEST).read_bytes())
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"coverage": values}))
    with pytest.raises(DesireEdgeError) as error:
        Manifest.read(tmp_path / MANIFEST)
    assert error.value.code in ("manifest", "json")


def test_a_manifest_may_state_nothing(tmp_path: Path) -> None:
    manifest = json.loads((FOLDER / "prior" / MANIFEST).read_bytes())
    del manifest["coverage"]
    empty: dict[str, Any] = {"coverage": []}
    for stated in ({}, empty):
        (tmp_path / MANIFEST).write_text(json.dumps(manifest | stated))
        assert Manifest.read(tmp_path / MANIFEST).coverage == ()
