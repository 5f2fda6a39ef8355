"""Cells on record: a corpus that is not asked for keeps its figures, judged anew among all cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from desire_edge.errors import DesireEdgeError
from desire_edge.evaluation.own.plan import CORPORA, world_name
from desire_edge.evaluation.own.summary import below, corrected, metrics, plan_of


def with_recorded(summary: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """`summary` with the cells of `record`'s other corpora beside its own.

    How wide an interval must be that corrects for the number of cells with full targets depends on that number, so
    those intervals, and which cells are below, are made anew.

    Args:
        summary: of `summarise`.
        record: "plan", "left_out" and "cells" of an earlier one; plans must differ in nothing but corpora.

    Raises:
        DesireEdgeError: if the cells of the two are not of one kind.
    """
    here, there = plan_of(summary), plan_of(record)
    others = tuple(corpus for corpus in there.corpora if corpus not in here.corpora)
    if replace(here, corpora=there.corpora) != there:
        raise DesireEdgeError(
            "the cells on record were measured with another plan (seeds, tasks, ways, shots, targets or recipe), so "
            "they can't stand beside these; give the same, or measure all corpora"
        )
    rest = replace(there, corpora=others)
    cells = {
        corpus: found
        for corpus in CORPORA
        if (found := (record if corpus in others else summary)["cells"].get(corpus))
    }
    names = tuple(f"{world_name(corpus, seed)}-" for corpus, seed in rest.worlds())
    kept_out = {name: why for name, why in record["left_out"].items() if name.startswith(names)}
    left_out = {**kept_out, **summary["left_out"]}
    _judge(cells)
    asked = len(here.cells()) + len(rest.cells())
    measured = sum(
        len(cell["label_seeds"])
        for by_targets in cells.values()
        for by_size in by_targets.values()
        for cell in by_size.values()
    )
    plan = replace(here, corpora=tuple(corpus for corpus in CORPORA if corpus in (*here.corpora, *others)))
    missing = asked - measured - len(left_out)
    scope = {
        **summary["scope"],
        "asked": asked,
        "measured": measured,
        "left_out": len(left_out),
        "missing": missing,
    }
    return {
        "plan": asdict(plan),
        "scope": scope,
        "metrics": metrics(cells, left_out),
        "missing": missing,
        "left_out": left_out,
        "cells": cells,
    }


def _judge(cells: Mapping[str, Any]) -> None:
    """Correct the intervals of every cell for how many cells with full targets there are now."""
    comparisons = sum(len(by_targets.get("full", {})) for by_targets in cells.values())
    for by_targets in cells.values():
        for by_size in by_targets.values():
            for cell in by_size.values():
                for row in cell["rows"].values():
                    if minus := row.get("ours_minus"):
                        minus["corrected_half_width"] = corrected(
                            minus["half_width"], minus["tasks"], comparisons
                        )
                cell["below"] = below(cell["rows"][cell["best"]]["ours_minus"])
