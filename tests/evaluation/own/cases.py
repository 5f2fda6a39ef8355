"""What tests of the benchmark share: a real one, as short as it can be, and one whose scores are made up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from desire_edge.evaluation.calibration import Tally
from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.plan import OwnPlan
from desire_edge.evaluation.own.scores import MethodScores
from desire_edge.files import write_json

PLAN = OwnPlan(
    corpora=("sample/words",),
    seeds=(0,),
    targets=("full", "half"),
    ways=(2, 30),
    shots=(0, 2),
    partial_shots=(2,),
    tasks=4,
)


def made_up(folder: Path, plan: OwnPlan, figures: Mapping[str, list[float]]) -> OwnKept:
    """A finished benchmark in which every cell has these AUCs a task: ours, and some baselines', by name."""
    kept = OwnKept(folder, plan)
    for cell in plan.cells():
        tally = Tally()
        tally.add(np.array([0.2, 0.6]), np.array([False, True]))
        scores = {
            name: MethodScores(list(aucs), list(aucs), list(aucs), tally, 0.5 * len(aucs)).to_json()
            for name, aucs in figures.items()
        }
        ours = {"ours": scores.pop("ours")}
        chosen = {name: {"setting": {}, "micro_auc": 0.5, "tried": 1} for name in scores}
        write_json(kept.ours_path(cell), {"settings": kept.ours_settings(cell), "value": ours})
        plain = {"tuned_on": {"tasks": 4}, "chosen": chosen, "scores": scores}
        write_json(kept.plain_path(cell), {"settings": kept.plain_settings(cell), "value": plain})
    return kept
