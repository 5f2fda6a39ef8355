"""Table 1 on record: `python benchmarks/table1.py` writes results/table1.json and the pictures in docs/table1.

Runs what `desire-edge benchmark table1 --resume` runs, in `--runs`, and takes the figures from there. Figures that are
on record already, made with the same settings, stay as they are; `--afresh` measures all of them again. With
`--report-only` nothing is trained: the record then holds what is finished, and `parts_missing` says how much is not.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from record import RESULTS, write_result
from rich.console import Console

from desire_edge.evaluation.comparison.plan import Plan
from desire_edge.evaluation.comparison.results import write_results
from desire_edge.evaluation.comparison.runner import Comparison
from desire_edge.files import read_json
from desire_edge.training.progress import count_parts

PICTURES = Path(__file__).parent.parent / "docs" / "table1"


def main() -> None:
    """Run what is missing, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/table1"), help="where the parts are kept")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parts made at once")
    parser.add_argument("--afresh", action="store_true", help="measure again what is on record")
    parser.add_argument("--report-only", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    before = RESULTS / "table1.json"
    record = {} if arguments.afresh or not before.exists() else read_json(before)
    comparison = Comparison(arguments.runs, Plan(), record=record)
    if not arguments.report_only:
        with count_parts(Console(stderr=True)) as report:
            comparison.run(report, arguments.jobs)
    summary = write_results(comparison.kept)
    metrics = dict(summary.pop("metrics"))
    kept = comparison.kept
    metrics["parts_missing"] = sum(
        kept.finished(job) is None and not kept.recorded(job) for job in kept.plan.jobs()
    )
    print(write_result("table1", metrics, **summary))
    PICTURES.mkdir(parents=True, exist_ok=True)
    for file in [arguments.runs / "table1.md", *arguments.runs.glob("*.png")]:
        shutil.copyfile(file, PICTURES / file.name)


if __name__ == "__main__":
    main()
