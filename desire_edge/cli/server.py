"""The commands that train and measure: train, evaluate. What needs torch is imported inside them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from desire_edge import DesireEdgeError
from desire_edge.cli import tables
from desire_edge.cli.common import (
    ANY_PATH,
    FOLDER,
    UserError,
    backbone_options,
    columns_options,
    data_dir_option,
    device_option,
    json_option,
    print_json,
    say,
)
from desire_edge.cli.export import RUNS, exported, open_run, show_exported
from desire_edge.inputs.names import read_names

LABEL_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--data",
    help="auto (Delicious if it can be had, else the sample corpus), delicious, sample, debtags and openmoji (see "
    "`desire-edge data fetch`), or a file or folder of examples: JSON Lines, CSV, Parquet, Arrow, a folder with "
    "metadata, .npz, .npy, svmlight, Mulan.  [default: auto]",
)
@columns_options(short=True)
@backbone_options
@click.option("--test", help="The file of the test part.  [default: what the data say, else 20 %]")
@click.option("--base", type=LABEL_FILE, help="A file with a label a line: those that training may see.")
@click.option(
    "--novel",
    type=LABEL_FILE,
    help="Likewise: those kept for evaluation.  [default: split by the seed, 60:15:25]",
)
@data_dir_option
@click.option(
    "--protocol",
    type=click.Choice(["label-disjoint", "example-disjoint", "streaming"]),
    help="Which rows training sees.  [default: example-disjoint]",
)
@click.option(
    "--hold-out", is_flag=True, default=None, help="Keep 15 % of the training rows for choosing settings."
)
@click.option("--seed", type=int, help="Of the label split, the weights and the episodes.  [default: 0]")
@click.option(
    "--recipe",
    type=click.Choice(["prior", "best", "paper"]),
    help="What learns, and the settings to start from. prior: names and base labels are believed before examples, as "
    "far as the data's own labels show, and a kernel learns from these. best: the paper's head, adapted by gradient "
    "steps, with what did best on validation labels. paper: the paper's own settings.  [default: prior]",
)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file of settings.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="One setting, as in meta.batches=500; repeatable.",
)
@click.option("--out", type=FOLDER, help="The run's folder.  [default: runs/DATA-PROTOCOL-sSEED-N]")
@click.option("--resume", type=FOLDER, help="Continue this run where it was stopped, with its own settings.")
@click.option(
    "--export",
    "bundle",
    metavar="NAME.desire",
    type=ANY_PATH,
    help="Export the finished run to this bundle, as `desire-edge export --out NAME.desire` does.",
)
@device_option
@json_option
def train(
    data: str | None,
    columns: dict[str, Any],
    backbone: dict[str, Any],
    test: str | None,
    base: Path | None,
    novel: Path | None,
    data_dir: Path | None,
    protocol: str | None,
    hold_out: bool | None,
    seed: int | None,
    recipe: str | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    bundle: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Train a model: pre-train the feature extractor, where it is not pretrained, then fit the head.

    A run can be stopped at any time (Ctrl-C, a crash) and continued with --resume; the result is the same as without
    the break. Settings come from the defaults, then --recipe, then --config, then the options and --set; the run's
    config.json keeps what they came to.

    \b
    desire-edge train
    desire-edge train --recipe paper --protocol label-disjoint
    desire-edge train --data my-texts.csv --text title,body --labels tags
    desire-edge train --data photos/ --backbone efficientnet-lite0
    desire-edge train --data vectors.npz --backbone identity
    desire-edge train --data my-texts.csv --export my.desire
    desire-edge train --resume runs/delicious-example-disjoint-s0-1
    """
    from desire_edge.training.config import DEFAULT_RECIPE, load_config
    from desire_edge.training.device import choose_device
    from desire_edge.training.progress import show_features, show_progress
    from desire_edge.training.run import Run
    from desire_edge.training.stages import train as run_training

    if bundle is not None:
        from desire_edge.export import ExportOptions, check_out

        check_out(bundle)  # before hours of training
    options = {"data": data, "test": test, "protocol": protocol, "hold_out": hold_out, "seed": seed}
    named = {"base_labels": base and read_names(base), "novel_labels": novel and read_names(novel)}
    given = {
        name: value
        for name, value in {
            **options,
            **named,
            "columns": columns or None,
            "extractor": backbone or None,
        }.items()
        if value is not None
    }
    if resume is not None:
        if given or recipe or config_file or overrides or out:
            raise DesireEdgeError(
                "--resume continues a run with its own settings; leave the other settings and --out away"
            )
        run = Run.open(resume, choose_device(device), data_dir)
    else:
        config = load_config(config_file, overrides, given, recipe or DEFAULT_RECIPE)
        torch_device = choose_device(device)
        folder = out or next_run_folder(config.data, config.protocol, config.seed)
        try:
            console = Console(stderr=True)
            with (
                show_features(console, "tuning the backbone") as tuning,
                show_features(console) as features,
            ):
                run = Run.create(folder, config, torch_device, data_dir, features, tuning=tuning)
        except DesireEdgeError:
            remove_if_empty(folder, folder.parent)
            raise
    if found := run.data.dataset.found:
        say("; ".join(f"{name} from {columns}" for name, columns in found.items()))
    for warning in run.data.warnings:
        say(f"warning: {warning}")
    try:
        with show_progress(Console(stderr=True), run) as report:
            run_training(run, report)
    except KeyboardInterrupt:
        raise UserError(f"stopped; continue with `desire-edge train --resume {run.folder}`") from None
    record = {"run": str(run.folder), **run.record()}
    if not as_json:
        tables.show_run(Console(), run.folder, record)
    if bundle is not None:
        values = exported(open_run(run.folder, "cpu", data_dir), bundle, ExportOptions())
        record["export"] = values
        if not as_json:
            show_exported(bundle, values)
    if as_json:
        print_json(record)


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option(
    "--labels",
    type=click.Choice(["novel", "validation"]),
    default="novel",
    show_default=True,
    help="Tasks over these.",
)
@click.option("--ways", default=5, show_default=True, help="Labels a task, N.")
@click.option("--shots", default=1, show_default=True, help="Support examples a label, K; 0: by name alone.")
@click.option("--queries", default=15, show_default=True, help="Query examples a label.")
@click.option("--tasks", default=600, show_default=True, help="How many tasks.")
@click.option("--seed", default=0, show_default=True, help="Of the tasks.")
@click.option(
    "--known-labels",
    is_flag=True,
    help="Give each example its true base labels, for a run trained with meta.known_labels.",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    help="Set what a few lines of scikit-learn give on the same tasks beside it.  [default: --baselines]",
)
@data_dir_option
@device_option
@json_option
def evaluate(
    run: Path | None,
    labels: Any,
    ways: int,
    shots: int,
    queries: int,
    tasks: int,
    seed: int,
    known_labels: bool,
    baselines: bool,
    data_dir: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure a finished RUN (by default the latest) on tasks over labels it has never seen.

    Twice: over the eligible labels, which have --queries examples beside the support, and over all labels, with as many
    as they have. F1 is given with the thresholds that the run learned, with 0.5, and with the one threshold that suits
    each task best, which only an oracle knows.

    Beside it, on the same tasks: the cosine to the label's name, ridge and logistic regression, the latter with the
    cosine added, and for texts TF-IDF, all tuned on the validation labels (kept in the run's baselines.json).

    \b
    desire-edge evaluate
    desire-edge evaluate runs/my-texts-example-disjoint-s0-1 --ways 10 --shots 5
    desire-edge evaluate --labels validation --no-baselines --json
    """
    from desire_edge.evaluation.evaluate import EvaluateOptions, units
    from desire_edge.evaluation.evaluate import evaluate as run_evaluation
    from desire_edge.training.progress import count_tasks

    if min(ways, queries, tasks) < 1 or shots < 0:
        raise DesireEdgeError("--ways, --queries and --tasks must be at least 1, and --shots at least 0")
    opened = open_run(run, device, data_dir)
    options = EvaluateOptions(labels, ways, shots, queries, tasks, seed, known_labels, baselines)
    with count_tasks(Console(stderr=True), units(options)) as report:
        result = run_evaluation(opened, options, report)
    if as_json:
        print_json({"run": str(opened.folder), **result.to_json()})
    else:
        tables.show_evaluation(Console(), opened.folder, result)


def remove_if_empty(*folders: Path) -> None:
    """Remove folders that were made for a run that could not begin, if nothing is in them."""
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def next_run_folder(name: str, protocol: str, seed: int) -> Path:
    """Make the first free folder runs/DATA-PROTOCOL-sSEED-N; two trainings that start at once get two folders."""
    from desire_edge.data.readers.files import name_of

    for number in itertools.count(1):
        folder = RUNS / f"{name_of(Path(name))}-{protocol}-s{seed}-{number}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("counting does not end")
