"""The command `benchmark table1`: the paper's comparison. What needs torch is imported inside."""

from __future__ import annotations

import os
from pathlib import Path

import click
from rich.console import Console

from desire_edge import DesireEdgeError
from desire_edge.cli.common import FOLDER, UserError, data_dir_option, json_option, print_json
from desire_edge.data.splits import PROTOCOLS, Protocol


@click.group()
def benchmark() -> None:
    """Compare methods on the same tasks."""


@benchmark.command()
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(PROTOCOLS),
    help="Repeatable.  [default: all three; with --quick label-disjoint]",
)
@click.option("--methods", help="Rows, separated by commas.  [default: all]")
@click.option("--seeds", default="0,1,2", show_default=True, help="Label seeds, separated by commas.")
@click.option("--tasks", type=click.IntRange(2), help="Tasks a cell.  [default: 600; with --quick 50]")
@click.option("--data", default="delicious", show_default=True, help="As `train --data` takes it.")
@click.option("--out", type=FOLDER, default=Path("runs/table1"), show_default=True, help="Parts and results.")
@click.option("--resume", is_flag=True, help="Go on in OUT with the parts that are there.")
@click.option(
    "--quick",
    is_flag=True,
    help="Minutes in place of hours: one protocol and seed, little training, no extra rows.",
)
@click.option("--no-extras", is_flag=True, help="Leave out the rows on raw input and on SIN's split sizes.")
@click.option("--jobs", type=click.IntRange(1), help="Parts made at once.  [default: one a core]")
@click.option(
    "--report-only", is_flag=True, help="Train nothing; write the results from the parts that are there."
)
@data_dir_option
@json_option
def table1(
    protocols: tuple[Protocol, ...],
    methods: str | None,
    seeds: str,
    tasks: int | None,
    data: str,
    out: Path,
    resume: bool,
    quick: bool,
    no_extras: bool,
    jobs: int | None,
    report_only: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Run the paper's Table 1: nine methods and more, four columns, three protocols, and what this project reaches.

    Writes OUT/table1.json (every cell, paired differences, named metrics), OUT/table1.md (beside the published
    figures) and OUT/*.png. Everything that is finished is kept in OUT, so that a stopped comparison goes on with
    --resume and more seeds or methods add to it.

    \b
    desire-edge benchmark table1 --quick
    desire-edge benchmark table1 --seeds 0 --methods maml,maml++,desire-net,best
    desire-edge benchmark table1 --resume
    """
    from desire_edge.evaluation.comparison.kept import Kept
    from desire_edge.evaluation.comparison.plan import QUICK, ROWS, Budget, Plan
    from desire_edge.evaluation.comparison.results import write_results

    plan = Plan(
        protocols=tuple(dict.fromkeys(protocols)) or (("label-disjoint",) if quick else PROTOCOLS),
        methods=tuple(dict.fromkeys(name.strip() for name in methods.split(","))) if methods else ROWS,
        seeds=_seeds("0" if quick and seeds == "0,1,2" else seeds),
        tasks=tasks or (50 if quick else 600),
        data=data,
        budget=QUICK if quick else Budget(),
        extras=not (quick or no_extras),
    )
    if out.exists() and any(out.iterdir()) and not (resume or report_only):
        raise DesireEdgeError(f"{out} is not empty; go on there with --resume, or choose another --out")
    kept = Kept(out, plan, data_dir)
    if not report_only:
        from desire_edge.evaluation.comparison.runner import Comparison
        from desire_edge.training.progress import count_parts

        try:
            with count_parts(Console(stderr=True)) as report:
                Comparison(out, plan, data_dir).run(report, jobs or os.cpu_count() or 1)
        except KeyboardInterrupt:
            raise UserError("stopped; go on with the same command and --resume") from None
    elif not kept.all_finished():
        raise DesireEdgeError(
            f"nothing in {out} is finished with these settings; give --resume in place of --report-only"
        )
    summary = write_results(kept)
    if as_json:
        print_json(summary)
    else:
        click.echo((out / "table1.md").read_text(encoding="utf-8"))


def _seeds(given: str) -> tuple[int, ...]:
    try:
        seeds = tuple(int(seed) for seed in given.split(","))
    except ValueError:
        raise DesireEdgeError(
            f"--seeds is '{given}'; give whole numbers separated by commas, as in 0,1,2"
        ) from None
    if min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise DesireEdgeError(f"--seeds is '{given}'; give each seed once, from 0 up")
    return seeds
