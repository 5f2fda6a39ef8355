"""The comparison as a Markdown table beside the published one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desire_edge.data import PROTOCOLS
from desire_edge.evaluation.comparison.plan import (
    BEST,
    COLUMNS,
    KNOWN,
    PRIOR,
    PUBLISHED_AUC,
    PUBLISHED_F1,
    ROWS,
    TITLES,
    columns_of,
)

HEADERS = {
    "label-disjoint": "only the labels are new: F has seen the query pages with their base tags",
    "example-disjoint": "labels and pages are new: what a deployed model meets",
    "streaming": "support from the training file, query from the test file",
}


def tables(summary: Mapping[str, Any]) -> str:
    """Every protocol's tables: micro AUC beside the published one, then macro AUC and micro F1."""
    parts = []
    for protocol in PROTOCOLS:
        if not any(column.startswith(f"{protocol} ") for row in summary["cells"].values() for column in row):
            continue
        parts.append(f"## `{protocol}`: {HEADERS[protocol]}")
        parts.append(
            _table(summary, protocol, "micro_auc", PUBLISHED_AUC if protocol == "label-disjoint" else {})
        )
        parts.append(_table(summary, protocol, "macro_auc", {}))
        parts.append(_table(summary, protocol, "micro_f1", PUBLISHED_F1 if protocol == "streaming" else {}))
        parts.append(_thresholds(summary, protocol))
        parts.append(_differences(summary, protocol))
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(
    summary: Mapping[str, Any], protocol: str, figure: str, published: Mapping[str, tuple[float, ...]]
) -> str:
    names = {"micro_auc": "micro AUC", "macro_auc": "macro AUC", "micro_f1": "micro F1"}
    columns = [f"{ways}-way {shots}-shot" for ways, shots in COLUMNS]
    lines = [
        f"| {names[figure]}, % | {' | '.join(columns)} | seeds | {'published |' if published else ''}",
        "|---" * (6 + bool(published)) + "|",
    ]
    for row in _rows(summary, protocol):
        cells = summary["cells"][row]
        values, seeds = [], ""
        for column in columns_of(protocol):
            cell = cells.get(column)
            values.append("" if cell is None else _percent(cell["all"][figure]))
            seeds = seeds if cell is None else " ".join(cell["seeds"])
        paper = " / ".join(map(str, published[row])) if row in published else ""
        lines.append(f"| {title(row)} | {' | '.join(values)} | {seeds} | {paper + ' |' if published else ''}")
    if figure == "micro_f1" and "sin" in published:
        lines.append(f"| SIN, as published | | | | | | {' / '.join(map(str, published['sin']))} |")
    return "\n".join(line.rstrip() for line in lines)


def _rows(summary: Mapping[str, Any], protocol: str) -> list[str]:
    """Rows with figures under a protocol: those of the table, then the extra ones."""
    there = [
        row
        for row, cells in summary["cells"].items()
        if any(column.startswith(f"{protocol} ") for column in cells)
    ]
    return sorted(there, key=lambda row: (row not in ROWS, ROWS.index(row.partition(" ")[0]), row))


def title(row: str) -> str:
    """A row's name for people."""
    method, space, rest = row.partition(" ")
    return TITLES.get(method, method) + space + rest


def _percent(estimate: Mapping[str, Any]) -> str:
    if estimate["mean"] != estimate["mean"]:
        return "–"
    return f"{100 * estimate['mean']:.1f} ± {100 * estimate['half_width']:.1f}"


def _thresholds(summary: Mapping[str, Any], protocol: str) -> str:
    columns = [f"{ways}-way {shots}-shot" for ways, shots in COLUMNS]
    lines = [f"| micro F1 by threshold, % | {' | '.join(columns)} |", "|---|---|---|---|---|"]
    for row in (BEST, PRIOR, KNOWN):
        for figure, name in (
            ("micro_f1", "learned"),
            ("micro_f1_half", "0.5"),
            ("micro_f1_oracle", "oracle, one a task"),
        ):
            cells = [summary["cells"].get(row, {}).get(column) for column in columns_of(protocol)]
            if all(cell is not None for cell in cells):
                values = [_percent(cell["all"][figure]) for cell in cells if cell is not None]
                lines.append(f"| {title(row)}, {name} | {' | '.join(values)} |")
    return "\n".join(lines) if len(lines) > 2 else ""


def _differences(summary: Mapping[str, Any], protocol: str) -> str:
    columns = [f"{ways}-way {shots}-shot" for ways, shots in COLUMNS]
    lines = [f"| paired difference, points | {' | '.join(columns)} |", "|---|---|---|---|---|"]
    for name, cells in summary["differences"].items():
        values = [cells.get(column) for column in columns_of(protocol)]
        if any(value is None for value in values):
            continue
        row, other = name.split(" - ")
        shown = [f"{100 * v['mean']:+.1f} ± {100 * v['half_width']:.1f}" for v in values if v is not None]
        lines.append(f"| {title(row)} − {title(other)} | {' | '.join(shown)} |")
    return "\n".join(lines) if len(lines) > 2 else ""
