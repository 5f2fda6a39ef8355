"""The files a comparison leaves: `table1.json`, `table1.md`, and the plots."""

from __future__ import annotations

from typing import Any

from desire_edge.evaluation.comparison.kept import Kept
from desire_edge.evaluation.comparison.markdown import tables
from desire_edge.evaluation.comparison.plots import draw
from desire_edge.evaluation.comparison.summary import summarise
from desire_edge.files import write_bytes, write_json


def write_results(kept: Kept) -> dict[str, Any]:
    """Write what is finished into the comparison's folder, and return what `table1.json` holds."""
    summary = summarise(kept)
    write_json(kept.folder / "table1.json", summary)
    write_bytes(kept.folder / "table1.md", tables(summary).encode())
    draw(kept, summary)
    return summary
