"""The part that judges the default scalars: what it chooses, and that its margins are those of the benchmark."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from parts.default_scalars import (
    ANCHOR,
    GRID,
    OFF,
    TOLERANCE,
    TUNED,
    View,
    careful,
    leave_one_out,
    same_features,
    scalars_of,
    sides,
)
from trained import Trained

from desire_edge.baselines import LogisticCosine, PlainData
from desire_edge.evaluation.own import novel_tasks
from desire_edge.evaluation.own.measure import measure_ours, measure_plain
from desire_edge.evaluation.tuning import HeldOut, choose
from desire_edge.scalars import SCALARS
from desire_edge.training.prior.scalars import CAUTIOUS, cautious

SETTINGS = [(1.2, OFF, 0.5), (1.5, -0.5, 0.0), (1.5, 0.0, -0.6), (1.8, 0.0, 0.0)]
NEAR = 0.9 * TOLERANCE


def test_the_careful_choice_is_the_one_nearest_to_the_anchor_that_the_worst_cell_allows() -> None:
    """Names first; what is far below the best in one cell is out, whatever it is in others."""
    level = np.zeros((4, 3))
    assert careful(SETTINGS, level) == SETTINGS[1]
    level[1, 2] = -2 * TOLERANCE
    assert careful(SETTINGS, level) == SETTINGS[2]
    level[0] = 0.02
    assert careful(SETTINGS, level) == SETTINGS[0]
    level[3] = 0.02 - NEAR
    assert careful(SETTINGS, level) == SETTINGS[0], "1.2 is nearer to log 4 than 1.8"
    assert ANCHOR["names"] == pytest.approx(math.log(4))


def test_a_setting_replaces_its_scalars_and_keeps_what_few_base_labels_take_away() -> None:
    shipped = tuple(CAUTIOUS[name] for name in GRID)
    assert scalars_of(shipped, 30).tolist() == pytest.approx(cautious(30).tolist())
    other = scalars_of((1.0, OFF, 0.25), 30) - cautious(30)
    moved = {name: value for name, value in zip(SCALARS, other.tolist(), strict=True) if abs(value) > 1e-6}
    assert moved == pytest.approx({"names": -0.5, "base": OFF + 0.5, "neighbours": 0.25}, abs=1e-5)
    assert scalars_of((1.0, OFF, 0.25), 30)[SCALARS.index("base")].exp() < 1e-12


def test_margins_are_those_of_the_head_and_the_baseline_on_the_tasks_of_the_benchmark(
    sample_trained: Trained,
) -> None:
    """As `benchmark own` measures them one by one; here tasks with unequal numbers of query rows stand side by side."""
    run = sample_trained.run
    (side,) = sides(run, "sample/words", novel=True, sizes=((3, 2), (50, 1)), tasks=10)
    assert (side.corpus, side.size) == ("sample/words", "3w2s")
    assert len({len(wanted) for wanted in side.wanted}) > 1
    plain = same_features(PlainData.of(run.data, run.lexicon, run.data.rows.train))
    view, shipped = View(run, run.data.rows, plain), tuple(CAUTIOUS[name] for name in GRID)
    view.learner.scalars.data.copy_(scalars_of(shipped, side.base_labels))
    sampler = novel_tasks(run, 3, 2, eligible_only=False)
    ours = measure_ours(view.learner, view.batcher, sampler, run.data.dataset.targets, "full", 10)
    np.testing.assert_allclose(side.margin(shipped) + side.baseline, ours.micro_auc, atol=1e-4)
    held_out = HeldOut.of(run)
    held_out = replace(held_out, data=same_features(held_out.data))
    chosen = choose(run, held_out, 3, 2, TUNED, baselines=(LogisticCosine(),))["chosen"]
    tuned = {name: choice["setting"] for name, choice in chosen.items()}
    theirs = measure_plain(plain, sampler, "full", 10, tuned, (LogisticCosine(),))["logistic_cosine"]
    np.testing.assert_allclose(side.baseline, theirs.micro_auc)


def test_each_family_gets_what_the_others_want() -> None:
    """`a` wants little trust in names, `b` and `c` want much."""
    little, much = np.array([[0.0], [-0.01], [-0.01], [-0.02]]), np.array([[-0.02], [-0.01], [-0.01], [0.0]])
    found = leave_one_out(SETTINGS, {"a": little, "b": much, "c": much})
    assert found["a"] == SETTINGS[3]
    assert found["b"] == found["c"] == SETTINGS[1]
