"""The page: one HTML file with everything in it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from desire_edge import DesireEdgeError, __version__
from desire_edge.evaluation.report import figures
from desire_edge.evaluation.report.measure import SHOTS, WAYS, machine
from desire_edge.files import write_bytes

GENERATOR = '<meta name="generator" content="desire-edge'
MISSING = "This needs the run and its data: make the page of the run’s folder in place of the bundle."


def check_page(out: Path) -> None:
    """Refuse to replace a file that is no such page."""
    if not out.exists():
        return
    head = ""
    if out.is_file():
        with out.open("rb") as file:
            head = file.read(2048).decode("utf-8", errors="replace")
    if GENERATOR not in head:
        raise DesireEdgeError(f"{out} exists and is no page of ours; choose another --out, or remove it")


def write_page(
    out: Path,
    name: str,
    record: Mapping[str, Any],
    parts: Mapping[str, Any],
    tasks: int,
    config: Mapping[str, Any],
) -> None:
    """Write the page of a run or bundle to `out`.

    Args:
        out: the file.
        name: what it is of.
        record: `Run.record`, or what a bundle's manifest keeps of it.
        parts: of `measure`.
        tasks: how many a cell was measured on.
        config: the run's settings; nothing of a bundle.
    """
    environment = Environment(
        loader=PackageLoader("desire_edge.evaluation.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "signed": _signed,
        "ms": _milliseconds,
        "megabytes": _megabytes,
    }
    context = _context(name, record, parts, config)
    html = environment.get_template("template.html").render(
        **context,
        tasks=tasks,
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        python=platform.python_version(),
        machine=machine(),
        missing=MISSING,
    )
    write_bytes(out, html.encode())


def _context(
    name: str, record: Mapping[str, Any], parts: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    cells = {part: value for part, value in parts.items() if part[0].isdigit()}
    by_name = cells.get("5w5s", {}).get("zero_shot_micro_auc")
    first = by_name["mean"] if by_name else None
    shots = figures.lines(
        cells, [f"5w{k}s" for k in SHOTS], [str(k) for k in SHOTS], "examples a label, of 5", first
    )
    ways = figures.lines(cells, [f"{n}w5s" for n in WAYS], [str(n) for n in WAYS], "labels, 5 examples each")
    titles = {"5w1s": "5-way 1-shot", "5w5s": "5-way 5-shot", "10w5s": "10-way 5-shot"}
    history = [entry for entry in _list(record.get("history")) if isinstance(entry, dict)]
    curves = [
        (title, figures.training(history, stage, figure, label, unit))
        for title, stage, figure, label, unit in (
            ("Pre-training the extractor", "pretrain", "loss", "loss", "epochs"),
            ("Meta-training the head", "meta", "loss", "loss", "batches"),
            ("Validation, 5-way 1-shot", "meta", "validation_auc", "micro AUC", "batches"),
        )
    ]
    calibration = parts.get("calibration")
    return {
        "name": name,
        "of_bundle": not cells,
        "facts": _facts(record, config),
        "settings": _settings(config),
        "warnings": [str(warning) for warning in _list(record.get("warnings"))],
        "cells": cells,
        "eligible": all(cell.get("eligible", True) for cell in cells.values()),
        "table": _table(cells),
        "titles": titles,
        "shots": _safe(shots),
        "ways": _safe(ways),
        "thresholds": _safe(figures.thresholds(cells, titles)),
        "calibration": calibration,
        "reliability": _safe(
            figures.reliability(calibration) if calibration and "probability" in calibration else None
        ),
        "map": parts.get("map"),
        "curves": [(title, _safe(svg)) for title, svg in curves if svg],
        "bundle": parts["bundle"],
        "sizes": _safe(figures.sizes(parts["bundle"]["files"]) if "files" in parts["bundle"] else None),
    }


def _safe(svg: str | None) -> Markup | None:
    """An SVG of ours, whose names matplotlib has escaped."""
    return None if svg is None else Markup(svg)


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _facts(record: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """What it was made of, as far as the record says."""
    titles = {
        "dataset": "Data",
        "source": "Source",
        "data_licence": "Licence of the data",
        "protocol": "Protocol",
        "seed": "Seed",
        "train_seconds": "Training time",
        "machine": "Trained on",
    }
    facts = {title: str(record[key]) for key, title in titles.items() if record.get(key) not in (None, "")}
    if "Training time" in facts:
        facts["Training time"] += " s"
    versions = record.get("versions")
    if isinstance(versions, dict):
        facts["Made with"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return facts


def _settings(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """All settings, `section.name` and its value."""
    found: list[tuple[str, str]] = []
    for name, value in config.items():
        if isinstance(value, dict):
            found += _settings(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", str(value)))
    return found


def _table(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Micro AUC as a table: a row a learner, a column a cell that was measured."""
    there = [name for name, cell in cells.items() if "rows" in cell]
    titles: dict[str, str] = {}
    for name in there:
        titles |= {row["name"]: row["title"] for row in cells[name]["rows"]}
    of_cell = {name: {row["name"]: row for row in cells[name]["rows"]} for name in there}
    best = {
        name: max(of_cell[name].values(), key=lambda row: row["micro_auc"]["mean"] or 0.0)["name"]
        for name in there
    }
    rows = [
        {
            "title": title,
            "cells": [{"row": of_cell[cell].get(name), "best": best[cell] == name} for cell in there],
        }
        for name, title in sorted(titles.items(), key=lambda item: item[0] != "ours")
    ]
    return {
        "columns": there,
        "rows": rows,
        "missing": {name: cell["missing"] for name, cell in cells.items() if "missing" in cell},
    }


def _percent(estimate: Mapping[str, Any] | None) -> str:
    """An estimate in percent with its interval."""
    if estimate is None or estimate["mean"] is None:
        return "–"
    half = estimate["half_width"]
    return f"{100 * estimate['mean']:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")


def _signed(estimate: Mapping[str, Any] | None) -> str:
    """The same of a difference, with its sign."""
    said = _percent(estimate)
    return said if said[0] in "-–" else f"+{said}"


def _milliseconds(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms" if value >= 1 else f"{value:.2f} ms"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
