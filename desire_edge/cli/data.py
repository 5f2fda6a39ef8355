"""The commands `data …`: look at a data set, check it, fetch one, take one task out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from desire_edge.cli import tables
from desire_edge.cli.checked import check_plot_name, plot_counts, show_checked
from desire_edge.cli.common import FOLDER, columns_options, data_dir_option, json_option, print_json, say
from desire_edge.cli.export import open_run
from desire_edge.cli.progress import show_steps
from desire_edge.errors import DesireEdgeError, shown
from desire_edge.inputs.examples import Columns
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.static import STATIC


@click.group()
def data() -> None:
    """Look at a data set, check yours, fetch one, or take one few-shot task out of it as folders."""


@data.command("info")
@click.argument("name", default="auto")
@columns_options(short=True)
@data_dir_option
@json_option
def data_info(name: str, columns: dict[str, Any], data_dir: Path | None, as_json: bool) -> None:
    """Describe the data set NAME: auto, delicious, sample, debtags, openmoji, or a file or folder of examples.

    \b
    desire-edge data info debtags
    desire-edge data info my-texts.csv --text title,body --labels tags
    """
    from desire_edge.data import load_dataset

    dataset = load_dataset(name, data_dir, Columns(**columns))
    values = {
        "name": dataset.name,
        "source": dataset.source,
        **({} if dataset.licence is None else {"licence": dataset.licence}),
        "rows": len(dataset.targets),
        "test_rows": int(dataset.test_rows.sum()),
        "labels": len(dataset.labels),
        "labels_per_row": round(float(dataset.targets.sum(axis=1).mean()), 2),
        "features": None if dataset.features is None else dataset.features.shape[1],
    }
    if as_json:
        print_json({**values, "columns": dict(dataset.found), "warnings": list(dataset.warnings)})
    else:
        found = "; ".join(f"{name} from {where}" for name, where in dataset.found.items())
        tables.show_values(Console(), f"data set {dataset.name}", {**values, "columns": found})
        for warning in dataset.warnings:
            say(f"warning: {warning}")


@data.command("episode")
@click.option("--run", type=FOLDER, help="The labels this run has never seen.  [default: the latest run]")
@click.option("--out", type=FOLDER, required=True, help="Where support/ and query/ go.")
@click.option("--ways", default=5, show_default=True, help="Labels.")
@click.option("--shots", default=1, show_default=True, help="Support examples a label.")
@click.option(
    "--queries", default=15, show_default=True, help="Query examples a label, as far as there are so many."
)
@click.option("--seed", default=0, show_default=True, help="Of the task.")
@click.option(
    "--known-labels",
    is_flag=True,
    help="Give each example its true base labels, for a run trained with meta.known_labels.",
)
@data_dir_option
@json_option
def data_episode(
    run: Path | None,
    out: Path,
    ways: int,
    shots: int,
    queries: int,
    seed: int,
    known_labels: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write one task over labels the run has never seen: a support folder to adapt with, a query folder to predict."""
    import numpy as np

    from desire_edge.data import EpisodeSampler
    from desire_edge.evaluation.folders import write_episode

    if shots < 1:
        raise DesireEdgeError("--shots must be at least 1: a support folder without examples is none")
    opened = open_run(run, "cpu", data_dir)
    dataset = opened.data.dataset
    sampler = EpisodeSampler.over(
        opened.data.rows,
        dataset.targets,
        opened.data.split.novel,
        ways=ways,
        shots=shots,
        queries=queries,
        eligible_only=False,
    )
    episode = sampler.sample(np.random.default_rng(seed))
    write_episode(dataset, episode, out, opened.data.split.base.tolist() if known_labels else ())
    names = [dataset.labels[label] for label in episode.labels.tolist()]
    if as_json:
        print_json(
            {"out": str(out), "labels": names, "support": len(episode.support), "query": len(episode.query)}
        )
    else:
        click.echo(
            shown(
                f"{out}: {len(episode.support)} support and {len(episode.query)} query examples of {', '.join(names)}"
            )
        )


@data.command("check")
@click.argument("source", metavar="PATH")
@columns_options(short=True)
@click.option("--test", help="The file of the test part.  [default: what the data say, else 20 %]")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw how many examples the labels have, on logarithmic axes, into this .png, .svg or .pdf file.",
)
@data_dir_option
@json_option
def data_check(
    source: str,
    columns: dict[str, Any],
    test: str | None,
    plot: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Look through the data in PATH, a file or folder of examples or the name of a data set, before training on it.

    Says what looks wrong and where: labels with too few examples for the tasks that training and `evaluate` draw,
    label names of which no word is known, duplicates, near-duplicates and twins of which one trains what the other
    tests, broken pictures, other languages than English. Then the figures, and the command that trains.

    \b
    desire-edge data check my-texts.csv --text title,body --labels tags
    desire-edge data check photos/ --plot labels.png
    """
    from desire_edge.data import load_dataset
    from desire_edge.data.check import check, train_command

    if plot is not None:
        check_plot_name(plot)
    dataset = load_dataset(source, data_dir, Columns(**columns), test)
    with show_steps(Console(stderr=True)) as report:
        given = columns | ({"test": test} if test is not None else {})
        checked = check(dataset, Lexicon.open(STATIC), train_command(source, given), report)
    if plot is not None:
        plot_counts(checked, plot)
    if as_json:
        print_json(checked.to_json())
    else:
        show_checked(Console(), checked)


@data.command("fetch")
@click.argument("name")
@json_option
def data_fetch(name: str, as_json: bool) -> None:
    """Build the data set NAME, debtags or openmoji, in the user's cache; `--data NAME` then reads it.

    debtags: descriptions of Debian's packages with their tags, for which apt-get is needed. openmoji: drawings with
    tags, for which npm is needed. README.txt beside the data says what it is made of, by which rules and under which
    licences. What is there already stays as it is.

    \b
    desire-edge data fetch debtags
    desire-edge train --data debtags
    """
    from desire_edge.data.fetch import fetch
    from desire_edge.data.fetch.folder import MIN_EXAMPLES

    with show_steps(Console(stderr=True)) as report:
        fetched = fetch(name, report)
    values = {
        "name": name,
        "folder": str(fetched.folder),
        "was_there": fetched.was_there,
        **fetched.figures,
    }
    if as_json:
        print_json(values)
        return
    found = "was there already" if fetched.was_there else "is ready"
    figures = fetched.figures
    click.echo(
        shown(
            f"{name} {found}: {figures['rows']} examples, {figures['labels']} labels with at least "
            f"{MIN_EXAMPLES} of them, {figures['labels_per_row']} of these an example, "
            f"in {fetched.folder} (README.txt there says what it is). Use it with --data {name}"
        )
    )
