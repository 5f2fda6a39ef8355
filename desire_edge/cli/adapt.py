"""The command `adapt`, by which a device learns. It needs no training framework."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from desire_edge import Bundle, DesireEdgeError, Support, Task
from desire_edge.cli import tables
from desire_edge.cli.common import (
    ANY_PATH,
    FOLDER,
    columns_options,
    json_option,
    only_bundle,
    print_json,
    provider_option,
    say,
    threads_option,
)
from desire_edge.cli.inputs import predict_rows, prediction_values, rows_of
from desire_edge.inputs.examples import Columns
from desire_edge.inputs.names import check_names
from desire_edge.runtime.support import Missing
from desire_edge.runtime.task_files import check_replaceable


@click.command()
@click.argument("bundle", type=ANY_PATH, required=False)
@click.option(
    "--support",
    "support_folder",
    type=ANY_PATH,
    help="Examples: a folder with metadata.jsonl or metadata.csv and the files it names, or a file of texts, "
    "pictures or vectors and their labels: JSON Lines, CSV, Parquet, Arrow, .npz, .npy, svmlight, Mulan.",
)
@columns_options(short=False, without=("group", "split"))
@click.option(
    "--out",
    type=FOLDER,
    required=True,
    help="Where it is written; may be the folder of --from.",
)
@click.option(
    "--from",
    "task_path",
    metavar="TASK",
    type=ANY_PATH,
    help="Go on from this earlier OUT: add to it (--support, --labels), --remove-label, --remove-example, "
    "--rename-label or --undo.",
)
@click.option(
    "--labels",
    help="The labels to learn, separated by commas; with --from the labels to add.  "
    "[default: those of the support folder]",
)
@click.option(
    "--shots",
    type=click.IntRange(0),
    help="The first K examples of each label, and those without a label; 0 goes by the labels' names alone.",
)
@click.option(
    "--missing",
    type=click.Choice(["negative", "unknown"]),
    default="negative",
    show_default=True,
    help="What it means that an example does not carry a label. Unknown is for examples of which only some labels were "
    "told; it counts as negative only as far as a label has fewer negatives than it should (of the head prior).",
)
@click.option(
    "--earlier",
    type=click.Choice(["unknown", "negative"]),
    default="unknown",
    show_default=True,
    help="With --from: what it means that the earlier examples do not carry a label that is new. Nobody looked for it "
    "in them; say negative if none carries it.",
)
@click.option(
    "--remove-label", "removed_labels", multiple=True, metavar="NAME", help="With --from; repeatable."
)
@click.option(
    "--remove-example",
    "removed_examples",
    multiple=True,
    type=click.IntRange(0),
    metavar="NUMBER",
    help="With --from, as `desire-edge info TASK` numbers them; repeatable.",
)
@click.option(
    "--rename-label",
    "renamed",
    nargs=2,
    metavar="OLD NEW",
    help="With --from: the label goes by its new name, its examples stay.",
)
@click.option(
    "--undo",
    is_flag=True,
    help="With --from: take back the last change, whatever it was. Only the last one can be taken back.",
)
@click.option(
    "--no-undo",
    is_flag=True,
    help="With --from: keep nothing to undo with, so that what was removed is gone from task.safetensors at once.",
)
@click.option(
    "--predict",
    "to_predict",
    multiple=True,
    metavar="INPUT",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Predict this with the new model, as `desire-edge predict OUT INPUT` does; repeatable.",
)
@click.option("--keep-base", is_flag=True, help="Give the model a second output with the base labels.")
@click.option("--forget-support", is_flag=True, help="Do not write task.safetensors.")
@click.option(
    "--standalone/--part-only",
    default=True,
    show_default=True,
    help="Whether model.onnx is written, which any ONNX Runtime runs by itself; it holds the whole extractor.  Without "
    "it OUT is the user's part alone, tens of kilobytes, for the bundle's base.onnx, which all users share.",
)
@provider_option
@threads_option
@json_option
def adapt(
    bundle: Path | None,
    support_folder: Path | None,
    columns: dict[str, Any],
    out: Path,
    task_path: Path | None,
    labels: str | None,
    shots: int | None,
    missing: Missing,
    earlier: Missing,
    removed_labels: tuple[str, ...],
    removed_examples: tuple[int, ...],
    renamed: tuple[str, str] | None,
    undo: bool,
    no_undo: bool,
    to_predict: tuple[Path, ...],
    keep_base: bool,
    forget_support: bool,
    standalone: bool,
    provider: str,
    threads: int,
    as_json: bool,
) -> None:
    """Teach the model of BUNDLE (by default the only *.desire here) new labels, or go on --from an earlier OUT.

    Writes OUT/model.onnx, which any ONNX Runtime runs by itself; OUT/task.onnx_adapter and task.json, the few weights
    that it adds to the bundle's base.onnx, and what they are; and OUT/task.safetensors, what it was taught.

    Going on replays everything from the bundle: the model is to the bit the one that teaching the same labels,
    examples and what is known of them afresh gives. What a change removes stays in task.safetensors until the next
    change, for --undo (or see --no-undo).

    task.safetensors holds label names, which example carries which, and each example's features, not the examples. Yet
    whoever has the bundle can tell from the features whether an example is a given text, and find most words of a
    short one: keep the file as you would the examples, or use --forget-support. model.onnx alone shows less, but not
    nothing: its weights are moved along the examples' features.

    \b
    support/metadata.jsonl, one line an example (any number of labels, none allowed):
        {"file_name": "a.txt", "labels": ["baking", "history"]}
        {"text": "a text of its own", "labels": [], "negative_labels": ["baking"]}
    Files are .txt (text), .png or .jpg (a picture), .npy (a feature vector) or .json (features by name).
    For a bundle made to use them, "known_labels" are the base labels an example is known to carry.

    \b
    desire-edge adapt tagger.desire --support support/ --out taught/
    desire-edge adapt tagger.desire --support notes.csv --labels-column tags --out taught/
    desire-edge adapt --shots 0 --labels "baking,jazz,open source" --out taught/
    desire-edge adapt --from taught/ --support more/ --out taught/
    desire-edge adapt --from taught/ --remove-example 3 --out taught/
    desire-edge adapt --from taught/ --rename-label baking "bread and cakes" --out taught/
    desire-edge adapt tagger.desire --support support/ --part-only --out users/17/
    desire-edge adapt tagger.desire --support notes.csv --out taught/ --predict more.csv
    """
    check_replaceable(out)
    names = check_names(labels.split(","), "--labels") if labels is not None else None
    changes = [
        name
        for name, given in (
            ("--support or --labels", support_folder or names),
            ("--remove-label or --remove-example", removed_labels or removed_examples),
            ("--rename-label", renamed),
            ("--undo", undo),
        )
        if given
    ]
    if task_path is None:
        if changes[1:] or no_undo or not (support_folder or (shots == 0 and names)):
            raise DesireEdgeError(
                "name a folder of examples with --support, or go by names alone with --shots 0 --labels a,b,c; "
                "to remove, rename or undo, name an earlier task with --from"
            )
    elif len(changes) > 1:
        raise DesireEdgeError(f"{' and '.join(changes)} are more than one change; make one after the other")
    opened = Bundle.open(bundle or only_bundle(Path()), provider, threads=threads)
    support = read_support(support_folder, Columns(**columns))
    check_asked(() if task_path else names or (), support)
    asked = Columns(**{field: named for field, named in columns.items() if field != "labels"})
    rows = rows_of(to_predict, (), asked, None) if to_predict else []
    if shots is not None:
        names = names or support.names()
        support = support.first_shots(shots)
    if task_path is None:
        task = opened.adapt(support, labels=names, missing=missing, keep_base=keep_base)
    else:
        task = opened.resume(task_path, keep_base=keep_base)
        if support_folder or names:
            task = task.add(support, labels=names, missing=missing, earlier=earlier)
        else:
            task = changed(task, removed_labels, removed_examples, renamed, undo=undo)
        task = task.settle() if no_undo else task
    # Before anything is written: the model may not take what is to be predicted.
    outputs = predict_rows(task.predictor, rows, None)[0] if rows else {}
    task.save(out, forget_support=forget_support, standalone=standalone)
    if as_json:
        predictions = {"predictions": prediction_values(task.predictor, rows, outputs)} if rows else {}
        print_json({"out": str(out), **task.report.to_json(), **predictions})
    else:
        tables.show_adaptation(Console(), out, task.report)
        if rows:
            tables.show_predictions(Console(), task.predictor, [row.name for row in rows], outputs)


def changed(
    task: Task,
    removed_labels: Sequence[str],
    removed_examples: Sequence[int],
    renamed: tuple[str, str] | None,
    *,
    undo: bool,
) -> Task:
    """The task after what was asked for, one change or none, which adds nothing."""
    if undo:
        return task.undo()
    if renamed:
        return task.rename(*renamed)
    if removed_labels or removed_examples:
        return task.remove(labels=removed_labels, examples=removed_examples)
    return task


def check_asked(names: Sequence[str], support: Support) -> None:
    """Refuse --labels that name none of the support set's: the column of labels, perhaps, as in `train --labels`."""
    there = support.names()
    if names and there and not set(names) & set(there):
        raise DesireEdgeError(
            f"the support set has the label '{there[0]}', and --labels names none of its labels; it takes the labels "
            "to learn, and --labels-column the column that they stand in",
            "label-unasked",
        )


def read_support(path: Path | None, columns: Columns) -> Support:
    """The examples at `path`, with a word on what looks wrong; none without a path."""
    support = Support.read(path, columns) if path is not None else Support(())
    for warning in support.warnings:
        say(f"warning: {warning}")
    return support
