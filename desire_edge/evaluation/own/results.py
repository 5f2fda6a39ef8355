"""The files a benchmark leaves: `own.json`, `own.md`, and the plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.markdown import page
from desire_edge.evaluation.own.plots import draw
from desire_edge.evaluation.own.recorded import with_recorded
from desire_edge.evaluation.own.summary import summarise
from desire_edge.files import write_bytes, write_json


def write_results(kept: OwnKept, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write what is finished into the benchmark's folder, and return what `own.json` holds.

    Corpora that are not asked for keep their cells of `record`, an earlier summary.
    """
    summary = summarise(kept)
    if record:
        summary = with_recorded(summary, record)
    write_json(kept.folder / "own.json", summary)
    write_bytes(kept.folder / "own.md", page(summary).encode())
    draw(kept.folder, summary)
    return summary
