"""The command `predict`. What most predictions do not need (tables, bundles, files of examples) it imports late."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from desire_edge import DesireEdgeError, Predictor
from desire_edge.cli.common import (
    ANY_PATH,
    columns_options,
    json_option,
    only_bundle,
    print_json,
    provider_option,
    threads_option,
)
from desire_edge.cli.inputs import predict_rows, prediction_values, rows_of
from desire_edge.inputs.examples import Columns
from desire_edge.runtime.part import ADAPTER
from desire_edge.runtime.predictor import MODEL


@click.command()
@click.argument("model", type=ANY_PATH)
@click.argument("inputs", metavar="[INPUT]...", nargs=-1, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--text", "texts", multiple=True, help="A text to predict; repeatable.")
@columns_options(short=False, without=("labels", "group", "split"))
@click.option(
    "--known-labels",
    help="Base labels that every INPUT is known to carry, separated by commas.  [default: what the files say]",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="SHARE",
    help="Say a set of labels in place of those above their thresholds: one that holds each label that is true of an "
    "INPUT with at least this probability, on average over labels like those of the training. 0.8, 0.9 or 0.95, as "
    "`desire-edge info MODEL` lists them.",
)
@click.option("--why", is_flag=True, help="Say what spoke for each predicted label, and how strongly.")
@click.option(
    "--why-png",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw that, as a PNG; needs matplotlib.",
)
@click.option(
    "--bundle",
    type=ANY_PATH,
    help="What MODEL was taught with: for --why and --why-png, and where MODEL is a user's part alone.  [default: the "
    "only *.desire here]",
)
@provider_option
@threads_option
@json_option
def predict(
    model: Path,
    inputs: tuple[Path, ...],
    texts: tuple[str, ...],
    columns: dict[str, Any],
    known_labels: str | None,
    coverage: float | None,
    why: bool,
    why_png: Path | None,
    bundle: Path | None,
    provider: str,
    threads: int,
    as_json: bool,
) -> None:
    """Predict with an adapted MODEL (OUT, or OUT/model.onnx); of an OUT of --part-only by the base of its --bundle.

    INPUT: .txt, .npy, .json, .png or .jpg files; files of examples (JSON Lines, CSV, Parquet, Arrow, .npz, svmlight,
    Mulan), whose labels do not count; folders of either; or -, each line of standard input.

    A model whose bundle was made to use them can be told the base labels that an input is known to carry: with
    --known-labels, in a column known_labels, or in a folder's metadata.jsonl or metadata.csv, as for `adapt`.

    \b
    desire-edge predict taught/ page.txt
    desire-edge predict taught/ page.txt --known-labels "linux,programming"
    desire-edge predict taught/ --text "Knead the dough, then let the loaf rest."
    desire-edge predict taught/ notes.csv --text-column title,body --json
    desire-edge predict taught/ page.txt --coverage 0.9
    desire-edge predict users/17/ page.txt --bundle tagger.desire

    Where no label is said, the table says "none of these", and JSON has "none": true beside an empty list of labels.

    --why writes each predicted label's log odds as an exact sum: what its name, the base labels and the examples (by
    number, as `desire-edge info MODEL` has them) add. It reads the bundle and OUT/task.safetensors.

    \b
    desire-edge predict taught/ page.txt --why --bundle tagger.desire --why-png why.png
    """
    part_only = model.is_dir() and not (model / MODEL).is_file() and (model / ADAPTER).is_file()
    if bundle is not None and not (why or why_png or part_only):
        raise DesireEdgeError("--bundle is for --why and --why-png: a prediction needs MODEL alone")
    if part_only:
        from desire_edge import Bundle

        opened = Bundle.open(bundle or only_bundle(Path()), provider, threads=threads)
        predictor = opened.predictor(model)
    else:
        predictor = Predictor(model, provider, threads=threads)
    limits = predictor.limits(coverage)
    rows = rows_of(inputs, texts, Columns(**columns), known_labels)
    task = None
    if why or why_png:
        from desire_edge.cli.why import draw_why, show_why, taught_task

        task = taught_task(model, bundle, provider)
    outputs, explanations = predict_rows(predictor, rows, task)
    if coverage is not None:
        explanations = [replace(found, thresholds=tuple(limits)) for found in explanations]
    names = [row.name for row in rows]
    if why_png:
        draw_why(why_png, names, explanations)
    if as_json:
        predictions = prediction_values(predictor, rows, outputs, explanations if why else (), coverage)
        stated = {} if coverage is None else {"coverage": coverage}
        print_json({"provider": predictor.provider, **stated, "predictions": predictions})
    else:
        from rich.console import Console

        from desire_edge.cli import tables

        console = Console()
        tables.show_predictions(console, predictor, names, outputs, coverage)
        for name, explanation in zip(names, explanations if why else (), strict=False):
            show_why(console, name, explanation)
