"""The commands `benchmark table1`, the paper's comparison, and `benchmark own`. What needs torch is imported inside."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from desire_edge import DesireEdgeError
from desire_edge.cli.common import FOLDER, UserError, data_dir_option, json_option, print_json
from desire_edge.data.partial import TARGETS
from desire_edge.data.splits import PROTOCOLS, Protocol

Name = TypeVar("Name", bound=str)


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
    _check_out(out, resume or report_only)
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


@benchmark.command()
@click.option("--corpora", help="Separated by commas, as in debtags/words,sample/words.  [default: all five]")
@click.option("--seeds", default="0,1,2", show_default=True, help="Label seeds, separated by commas.")
@click.option("--ways", help="Numbers of labels, separated by commas.  [default: 2,5,10,20,50,100]")
@click.option("--shots", help="Examples a label, separated by commas.  [default: 0,1,2,5,10,20]")
@click.option(
    "--targets",
    help="Which targets are known, of full,half,few-negatives,single,positives.  [default: all but the last]",
)
@click.option(
    "--tasks",
    type=click.IntRange(2),
    default=100,
    show_default=True,
    help="Tasks a cell and seed, fewer of more than ten labels.",
)
@click.option("--recipe", help="What runs are trained by, as `train --recipe` has it.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="One setting of training, as in meta.batches=500; repeatable.",
)
@click.option("--out", type=FOLDER, default=Path("runs/own"), show_default=True, help="Parts and results.")
@click.option("--resume", is_flag=True, help="Go on in OUT with the parts that are there.")
@click.option("--remeasure", is_flag=True, help="With --resume: measure ours again; the baselines stay.")
@click.option(
    "--quick",
    is_flag=True,
    help="Minutes in place of hours: corpora of words, one seed, few cells and tasks.",
)
@click.option("--jobs", type=click.IntRange(1), help="Parts made at once.  [default: one a core]")
@click.option("--report-only", is_flag=True, help="Measure nothing; write the results from what is there.")
@data_dir_option
@json_option
def own(
    corpora: str | None,
    seeds: str,
    ways: str | None,
    shots: str | None,
    targets: str | None,
    tasks: int,
    recipe: str | None,
    overrides: tuple[str, ...],
    out: Path,
    resume: bool,
    remeasure: bool,
    quick: bool,
    jobs: int | None,
    report_only: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Measure a model of ours beside what a user would write in scikit-learn, on the same tasks of five corpora.

    Writes OUT/own.json, OUT/own.md and OUT/*.png. A run is trained for each corpus and label seed; each cell (so many
    labels, so many examples a label, which targets are known) is kept in OUT, ours and the baselines apart, so that a
    stopped benchmark goes on with --resume, and a run trained anew has only ours measured again.

    \b
    desire-edge benchmark own --quick
    desire-edge benchmark own --corpora debtags/words --seeds 0 --targets full
    desire-edge benchmark own --resume
    """
    from desire_edge.evaluation.own import plan as plans
    from desire_edge.evaluation.own.kept import OwnKept
    from desire_edge.evaluation.own.results import write_results
    from desire_edge.training.config import DEFAULT_RECIPE

    plan = plans.OwnPlan(
        corpora=_names(corpora, "--corpora", tuple(plans.CORPORA)),
        seeds=_seeds(seeds),
        targets=plans.KINDS if targets is None else _names(targets, "--targets", TARGETS),
        ways=_numbers(ways, "--ways", 1) or plans.WAYS,
        shots=_numbers(shots, "--shots", 0) or plans.SHOTS,
        tasks=tasks,
        recipe=recipe or DEFAULT_RECIPE,
        overrides=overrides,
    )
    if shots is not None:
        plan = replace(plan, partial_shots=tuple(number for number in plan.shots if number))
    if quick:
        plan = plans.quick(plan)
        if not plan.corpora:
            raise DesireEdgeError("--quick takes corpora of words alone: debtags/words, sample/words")
    plan.config(
        plan.corpora[0], plan.seeds[0]
    )  # an unknown recipe or setting is refused before anything is made
    _check_out(out, resume or report_only)
    kept = OwnKept(out, plan, data_dir)
    if not report_only:
        from desire_edge.evaluation.own.runner import OwnBenchmark
        from desire_edge.training.progress import count_parts

        try:
            with count_parts(Console(stderr=True)) as report:
                benchmark = OwnBenchmark(out, plan, data_dir, remeasure=remeasure)
                benchmark.run(report, jobs or os.cpu_count() or 1)
        except KeyboardInterrupt:
            raise UserError("stopped; go on with the same command and --resume") from None
    elif not any(kept.ours(cell) and kept.plain(cell) for cell in plan.cells()):
        raise DesireEdgeError(f"no cell in {out} is finished; give --resume in place of --report-only")
    summary = write_results(kept)
    if as_json:
        print_json(summary)
    else:
        click.echo((out / "own.md").read_text(encoding="utf-8"))


def _check_out(out: Path, goes_on: bool) -> None:
    if out.exists() and any(out.iterdir()) and not goes_on:
        raise DesireEdgeError(f"{out} is not empty; go on there with --resume, or choose another --out")


def _names(given: str | None, option: str, known: tuple[Name, ...]) -> tuple[Name, ...]:
    """What is named, once each and in the order known; all where nothing is."""
    if given is None:
        return known
    names = [name.strip() for name in given.split(",")]
    if unknown := [name for name in names if name not in known]:
        raise DesireEdgeError(f"{option} names '{unknown[0]}'; choose from {', '.join(known)}")
    return tuple(name for name in known if name in names)


def _numbers(given: str | None, option: str, least: int) -> tuple[int, ...]:
    """Whole numbers separated by commas, ascending; none where nothing is given."""
    try:
        numbers = sorted({int(number) for number in given.split(",")}) if given is not None else []
    except ValueError:
        numbers = [least - 1]
    if numbers and numbers[0] < least:
        raise DesireEdgeError(f"{option} is '{given}'; give whole numbers from {least} up, as in 2,5,10")
    return tuple(numbers)


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
