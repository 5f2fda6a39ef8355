"""The command `report`: a run or a bundle as one page. What only a server has is imported inside."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from desire_edge import Bundle
from desire_edge.cli.common import (
    ANY_PATH,
    data_dir_option,
    device_option,
    json_option,
    print_json,
    provider_option,
    say,
)
from desire_edge.cli.export import open_run
from desire_edge.runtime.manifest import MANIFEST


@click.command()
@click.argument("path", metavar="[RUN|BUNDLE]", type=ANY_PATH, required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("report.html"),
    show_default=True,
    help="The page.",
)
@click.option("--quick", is_flag=True, help="Fewer tasks: 20 a figure in place of 200.")
@click.option(
    "--no-baselines", is_flag=True, help="Leave out what logistic regression and its like do on the tasks."
)
@data_dir_option
@device_option
@provider_option
@json_option
def report(
    path: Path | None,
    out: Path,
    quick: bool,
    no_baselines: bool,
    data_dir: Path | None,
    device: str,
    provider: str,
    as_json: bool,
) -> None:
    """Write one HTML page about a finished RUN (by default the latest) or a BUNDLE: what it is and how well it does.

    It has everything in itself: the labels' map, AUC against shots and ways, calibration, thresholds, training, sizes,
    and times on this machine. What is measured is kept in RUN/report.json, so that the page is soon made again. Of a
    bundle alone, what needs the data is left out.

    \b
    desire-edge report runs/sample-example-disjoint-s0-1 --out report.html
    desire-edge report tagger.desire --out report.html
    """
    from desire_edge.evaluation.report.measure import FULL, QUICK, measured_bundle, measured_run
    from desire_edge.evaluation.report.page import check_page, write_page
    from desire_edge.training.progress import count_parts

    check_page(out)
    budget = replace(QUICK if quick else FULL, baselines=not no_baselines)
    console = Console(stderr=True)
    if path is not None and (path.suffix == ".desire" or path.is_file() or (path / MANIFEST).is_file()):
        bundle = Bundle.open(path, provider)
        name, record, config = bundle.manifest.name, bundle.manifest.training, {}
        with count_parts(console) as count:
            parts = measured_bundle(bundle, budget, count)
    else:
        run = open_run(path, device, data_dir)
        run.require_finished()
        name, record, config = run.folder.name, run.record(), run.config.model_dump(mode="json")
        with count_parts(console) as count:
            parts = measured_run(run, budget, count)
    write_page(out, name, record, parts, budget.tasks, config)
    if as_json:
        print_json(
            {"out": str(out), "parts": {name: value for name, value in parts.items() if name != "map"}}
        )
    else:
        say(f"wrote {out}")
