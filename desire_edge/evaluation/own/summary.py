"""The benchmark's figures: cells with all label seeds together, ours less each baseline, and the named metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.stats import t

from desire_edge.baselines import EVERY_PLAIN
from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.plan import OwnPlan
from desire_edge.evaluation.own.scores import MethodScores
from desire_edge.metrics import Estimate

OURS = "ours"
TITLES = {OURS: "ours", **{baseline.NAME: baseline.TITLE for baseline in EVERY_PLAIN}}
"""Row -> its name for people, in the order of the tables."""
LEVEL = 0.95


def summarise(kept: OwnKept) -> dict[str, Any]:
    """What `own.json` holds, of the cells that are finished.

    "cells": by corpus, targets and size; "left_out": the cells that a corpus is too small for, by name, and why;
    "metrics": named figures; "scope": how many cells, each of one label seed, the whole plan has, are asked for, are
    measured, left out and missing; "missing": the last of these.
    """
    scores: dict[tuple[str, str, str], dict[str, MethodScores]] = {}
    seeds: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
    left_out, missing = dict[str, str](), 0
    for cell in kept.plan.cells():
        ours, plain = kept.ours(cell), kept.plain(cell)
        if ours is None or plain is None:
            missing += 1
            continue
        problem = ours.get("left_out") or plain.get("left_out")
        if problem:
            left_out[cell.name] = problem
            continue
        found = {
            OURS: MethodScores.of_json(ours["ours"]),
            **{name: MethodScores.of_json(value) for name, value in plain["scores"].items()},
        }
        key: tuple[str, str, str] = (cell.corpus, cell.targets, cell.size)
        seeds.setdefault(key, {})[str(cell.seed)] = _of_seed(found, plain)
        pooled = scores.setdefault(key, {name: MethodScores() for name in found})
        for name, part in found.items():
            pooled.setdefault(name, MethodScores()).extend(part)
    comparisons = sum(targets == "full" for _, targets, _ in scores)
    cells: dict[str, Any] = {}
    for key, pooled in scores.items():
        corpus, targets, size = key
        figures = {**_of_cell(pooled, comparisons), **_tuning(seeds[key]), "seeds": seeds[key]}
        cells.setdefault(corpus, {}).setdefault(targets, {})[size] = figures
    asked, measured = len(kept.plan.cells()), sum(len(of_cell) for of_cell in seeds.values())
    return {
        "plan": asdict(kept.plan),
        "scope": {
            "whole_plan": len(OwnPlan().cells()),
            "asked": asked,
            "measured": measured,
            "left_out": len(left_out),
            "missing": missing,
        },
        "metrics": metrics(cells, left_out),
        "missing": missing,
        "left_out": left_out,
        "cells": cells,
    }


def _of_seed(found: Mapping[str, MethodScores], plain: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen under a seed, and the mean micro AUC of every row."""
    return {
        "tuned_on": plain["tuned_on"],
        "chosen": plain["chosen"],
        "micro_auc": {name: Estimate.of(scores.micro_auc).mean for name, scores in found.items()},
    }


def _tuning(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The label seeds of a cell, how many settings of each baseline were tried, and on how many tasks."""
    tried: dict[str, int] = {}
    for seed in seeds.values():
        for name, choice in seed["chosen"].items():
            tried[name] = max(tried.get(name, 0), choice["tried"])
    tasks = sorted({seed["tuned_on"]["tasks"] for seed in seeds.values()})
    return {"label_seeds": sorted(map(int, seeds)), "tried": tried, "tuned_on_tasks": [tasks[0], tasks[-1]]}


def _of_cell(pooled: Mapping[str, MethodScores], comparisons: int) -> dict[str, Any]:
    """The figures of a cell.

    The best baseline is the one with the highest mean on these very tasks, which is severe on ours: it is chosen with
    the figures at hand, and by luck as well.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, scores in pooled.items():
        calibration = None if scores.tally is None else scores.tally.calibration()
        rows[name] = {
            "micro_auc": asdict(Estimate.of(scores.micro_auc)),
            "macro_auc": asdict(Estimate.of(scores.macro_auc)),
            "micro_f1": asdict(Estimate.of(scores.micro_f1)),
            "ece": None if calibration is None else calibration.expected_error,
            "brier": None if calibration is None else calibration.brier,
            "seconds": scores.seconds / max(1, len(scores.micro_auc)),
        }
        if name != OURS:
            minus = paired(pooled[OURS].micro_auc, scores.micro_auc)
            rows[name]["ours_minus"] = {
                **asdict(minus),
                "corrected_half_width": corrected(minus.half_width, minus.tasks, comparisons),
            }
            macro = paired(pooled[OURS].macro_auc, scores.macro_auc)
            rows[name]["ours_minus_macro"] = asdict(macro)
    best = max((name for name in rows if name != OURS), key=lambda name: rows[name]["micro_auc"]["mean"])
    margin = rows[best]["ours_minus"]
    return {
        "rows": rows,
        "best": best,
        "margin": margin["mean"],
        "below": below(margin),
    }


def plan_of(summary: Mapping[str, Any]) -> OwnPlan:
    """The plan that a summary is of, as written or as read from JSON."""
    plan: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in summary["plan"].items()
    }
    return OwnPlan(**plan)


def corrected(half_width: float, tasks: int, comparisons: int) -> float:
    """A 95 % half width, widened such that of so many intervals all hold with that probability."""
    return half_width / 1.96 * quantile(tasks, comparisons)


def below(margin: Mapping[str, Any]) -> bool:
    """Whether ours is significantly below, among all cells."""
    return bool(margin["mean"] + margin["corrected_half_width"] < 0)


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """The mean of the differences, task by task."""
    return Estimate.of([a - b for a, b in zip(ours, theirs, strict=True)])


def quantile(tasks: int, comparisons: int) -> float:
    """Student's, such that of so many intervals all hold with a probability of LEVEL (Bonferroni); NaN of one task."""
    if tasks < 2:
        return float("nan")
    return float(t.ppf(1 - (1 - LEVEL) / 2 / max(1, comparisons), tasks - 1))


def metrics(cells: Mapping[str, Any], left_out: Mapping[str, str]) -> dict[str, float]:
    """The named figures; AUCs and margins as shares of 1, medians and means over cells."""
    full = _each(cells, "full")
    found: dict[str, float] = {
        "cells_full_targets": len(full),
        "cells_left_out": len(left_out),
        "cells_significantly_below_best_baseline": sum(cell["below"] for _, _, cell in full),
    }

    def margins(name: str, values: Iterable[float]) -> None:
        if kept := list(values):
            found[f"median_margin_{name}"] = float(np.median(kept))

    for name, shots in (
        ("0_shots", (0,)),
        ("1_to_2_shots", (1, 2)),
        ("5_shots", (5,)),
        ("10_to_20_shots", (10, 20)),
    ):
        margins(name, (cell["margin"] for _, size, cell in full if shots_of(size) in shots))
    for targets, name in (
        ("half", "half"),
        ("few-negatives", "few_negatives"),
        ("single", "single_positive"),
        ("positives", "positives_only"),
    ):
        margins(f"{name}_targets", (cell["margin"] for _, _, cell in _each(cells, targets)))
    for corpus in cells:
        with_examples = [cell for name, size, cell in full if name == corpus and shots_of(size) > 0]
        if with_examples:
            slug = corpus.replace("/", "_").replace("-", "_")
            found[f"{slug}_worst_cell_margin"] = min(cell["margin"] for cell in with_examples)
            found[f"{slug}_worst_cell_minus_lr_cos"] = min(minus_lr_cos(cell) for cell in with_examples)
    many = [minus_lr_cos(cell) for _, size, cell in full if size == "100w5s"]
    if many:
        found["many_labels_100x5_minus_lr_cos"] = float(np.mean(many))
    for what, row in (("ece", OURS), ("ece_lr_cos", "logistic_cosine")):
        values = [cell["rows"][row]["ece"] for _, size, cell in full if size == "5w5s"]
        if values:
            found[f"{what}_5w5s"] = float(np.mean(values))
    for name in ("ours", "logistic", "logistic_cosine"):
        values = [cell["rows"][name]["seconds"] for _, size, cell in full if size == "5w5s"]
        if values:
            found[f"{name}_seconds_5w5s"] = float(np.mean(values))
    return found


def minus_lr_cos(cell: Mapping[str, Any]) -> float:
    """Ours less logistic regression + cosine."""
    return float(cell["rows"]["logistic_cosine"]["ours_minus"]["mean"])


def shots_of(size: str) -> int:
    """5w1s -> 1."""
    return int(size.partition("w")[2].removesuffix("s"))


def ways_of(size: str) -> int:
    """5w1s -> 5."""
    return int(size.partition("w")[0])


def _each(cells: Mapping[str, Any], targets: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Corpus, size and figures of every cell with such targets."""
    return [
        (corpus, size, cell)
        for corpus, by_targets in cells.items()
        for size, cell in by_targets.get(targets, {}).items()
    ]
