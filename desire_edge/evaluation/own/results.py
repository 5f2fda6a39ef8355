"""The files a benchmark leaves: `own.json`, `own.md`, and the plots."""

from __future__ import annotations

from typing import Any

from desire_edge.evaluation.own.kept import OwnKept
from desire_edge.evaluation.own.markdown import page
from desire_edge.evaluation.own.plots import draw
from desire_edge.evaluation.own.summary import summarise
from desire_edge.files import write_bytes, write_json


def write_results(kept: OwnKept) -> dict[str, Any]:
    """Write what is finished into the benchmark's folder, and return what `own.json` holds."""
    summary = summarise(kept)
    write_json(kept.folder / "own.json", summary)
    write_bytes(kept.folder / "own.md", page(summary).encode())
    draw(kept.folder, summary)
    return summary
