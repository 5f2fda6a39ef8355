"""What the commands print for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from desire_edge.errors import shown
from desire_edge.runtime.contents import FileContents
from desire_edge.runtime.manifest import Manifest
from desire_edge.runtime.predictor import Predictor
from desire_edge.runtime.report import AdaptReport, LabelReport
from desire_edge.runtime.taught_file import TASK

if TYPE_CHECKING:
    from desire_edge.evaluation.evaluate import Evaluation
    from desire_edge.metrics import Estimate


def plain(value: object, style: str = "") -> Text:
    """`value` as it is: names in it are no markup, no emoji codes and no control characters."""
    return Text(shown(str(value)), style)


def _names(header: str) -> Column:
    """A column of names: what is too long for it goes on in the next line, and no part is left out."""
    return Column(header, overflow="fold")


def show_values(console: Console, title: str, values: Mapping[str, Any]) -> None:
    """Names and values, a line each."""
    table = Table(title=plain(title), show_header=False, title_justify="left")
    for name, value in values.items():
        table.add_row(name.replace("_", " "), plain(value))
    console.print(table)


def show_run(console: Console, folder: Path, record: Mapping[str, Any]) -> None:
    """A run: data, time, and its latest figures."""
    history = record.get("history", [])
    values: dict[str, Any] = {
        name: record[name]
        for name in (
            "dataset",
            "source",
            "data_licence",
            "protocol",
            "seed",
            "stage",
            "done",
            "train_seconds",
            "machine",
        )
        if name in record
    }
    for stage in ("pretrain", "folds", "meta"):
        losses = [f"{entry['loss']:.4f}" for entry in history if entry["stage"] == stage]
        if losses:  # of the folds, each fold's last
            values[f"{stage} loss"] = ", ".join(losses) if stage == "folds" else f"{losses[0]} → {losses[-1]}"
    aucs = [entry["validation_auc"] for entry in history if entry.get("validation_auc") is not None]
    if aucs:
        values["validation AUC"] = f"{aucs[0]:.3f} → {aucs[-1]:.3f}"
    show_values(console, f"run {folder}", values)


def lexicon_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A lexicon's description, from `Lexicon.describe`, a line each; who made what of it in one."""
    lineage = [
        f"{entry['name']} {entry['version']} ({entry['licence']}): {entry['role']}"
        for entry in values["lineage"]
    ]
    shown_values = {name: value for name, value in values.items() if name != "lineage"}
    if "sources" in values:
        shown_values["sources"] = ", ".join(values["sources"])
    return {**shown_values, "norm": f"{values['norm']:.3f}"} | (
        {"lineage": "; ".join(lineage)} if lineage else {}
    )


def show_bundle(
    console: Console,
    path: Path,
    manifest: Manifest,
    contents: Sequence[FileContents],
    lexicon: Mapping[str, Any] | None = None,
) -> None:
    """A bundle: sizes, what each file weighs and why, and what its lexicon was made of."""
    training = manifest.training
    show_values(
        console,
        f"bundle {path}",
        {
            "input": manifest.input.kind
            if manifest.input.ragged
            else f"{manifest.input.kind}, {manifest.input.features} features",
            "dimension, hidden": f"{manifest.dimension}, {manifest.hidden}",
            "base labels": len(manifest.base_labels),
            "uses known labels": "yes" if manifest.known_labels else "no",
            "ways, batch": f"{manifest.ways}, {manifest.batch}",
            "opset, precision": f"{manifest.opset}, {manifest.precision}",
            "conditioning": f"{manifest.conditioning:.2f}",
            "trained on": f"{training.get('dataset')}, {training.get('protocol')}, seed {training.get('seed')}",
            **({"licence of the data": training["data_licence"]} if "data_licence" in training else {}),
        },
    )
    table = Table("file", "KiB", "%", "what is in it", title_justify="left")
    for file in contents:
        table.add_row(file.name, f"{file.bytes / 1024:,.0f}", f"{100 * file.share:.1f}", _held(file))
    table.add_row("in all", f"{sum(file.bytes for file in contents) / 1024:,.0f}", "100.0")
    table.columns[1].justify = table.columns[2].justify = "right"
    console.print(table)
    if lexicon is not None:
        show_values(console, "its lexicon", lexicon_values(lexicon))


def _held(file: FileContents) -> Text:
    """What a file is for, and the largest of its arrays: at most five that are a twentieth of it or more."""
    large = [array for array in file.arrays if 20 * array.bytes >= file.bytes][:5]
    shapes = [f"{array.name} {' × '.join(map(str, array.shape))} {array.dtype}" for array in large]
    return plain(": ".join([file.purpose, ", ".join(shapes)] if shapes else [file.purpose]))


def show_mobile(console: Console, mobile: Mapping[str, Mapping[str, str]]) -> None:
    """Which accelerators of phones are worth trying for which graph."""
    table = Table("worth trying on a phone?", *next(iter(mobile.values())), title_justify="left")
    for name, verdicts in mobile.items():
        table.add_row(name, *(verdict.lower() for verdict in verdicts.values()))
    console.print(table)


def show_model(console: Console, model: Path, values: Mapping[str, Any]) -> None:
    """An adapted model, and what it was taught if that is known."""
    counted = {name: value for name, value in values.items() if name != "task"}
    counted["known_labels"] = len(values["known_labels"])
    show_values(console, f"adapted model {model}", counted)
    if "task" in values:
        show_task(console, model.parent / TASK, values["task"])


def show_part(console: Console, path: Path, values: Mapping[str, Any]) -> None:
    """A user's part, and what it was taught if that is known."""
    told = {name: value for name, value in values.items() if name not in ("part", "task")}
    show_values(console, f"a user's part {path}", told)
    if "task" in values:
        show_task(console, path / TASK, values["task"])


def show_task(console: Console, path: Path, task: Mapping[str, Any]) -> None:
    """What a task was taught, from `Taught.describe`: a row a label, a row an example, and its last change."""
    size = f"{task['bytes'] / 1024:,.1f} KiB"
    console.print(plain(f"{path}: taught with the bundle {task['bundle']}, {size}"), soft_wrap=True)
    table = Table(_names("label"), "with", "without", "unknown")
    for label in task["labels"]:
        counts = (str(label[name]) for name in ("positives", "negatives", "unknown"))
        table.add_row(plain(label["name"]), *counts)
    console.print(table)
    if task["examples"]:
        table = Table("example", _names("labels"), _names("not"))
        known = any(example["known_labels"] for example in task["examples"])
        if known:
            table.add_column("known base labels")
        for example in task["examples"]:
            cells = [plain(", ".join(example[name])) for name in ("labels", "negative_labels")]
            cells += [plain(example["known_labels"])] if known else []
            table.add_row(str(example["number"]), *cells)
        console.print(table)
    change = task["last_change"]
    for done, labels, examples in (
        ("added", change["added_labels"], len(change["added_examples"])),
        ("removed", change["removed_labels"], change["removed_examples"]),
    ):
        what = [f"the labels {', '.join(labels)}"] if labels else []
        what += [f"{examples} example{'s' if examples > 1 else ''}"] if examples else []
        if what:
            sentence = f"the last change {done} {' and '.join(what)}; --undo takes it back"
            console.print(plain(sentence), soft_wrap=True)


def show_adaptation(console: Console, out: Path, report: AdaptReport) -> None:
    """What was taught, and what the lexicon and the model knew."""
    table = Table(
        _names("label"), "with", "without", "unknown", "threshold", _names("words of its name that are known")
    )
    for label in report.labels:
        table.add_row(
            plain(label.name),
            str(label.positives),
            str(label.negatives),
            str(label.unknown),
            f"{label.threshold:.3f}",
            _known(label),
        )
    console.print(table)
    if report.text_words:
        console.print(f"texts: {report.known_text_words} of {report.text_words} words known")
    if report.known_labels:
        console.print(f"known base labels: of {report.known_labels} of {report.examples} examples")
    if report.examples:
        console.print(f"loss: {report.loss_before:.4f} before, {report.loss_after:.4f} after")
    else:
        console.print("no examples: the labels go by their names alone")
    console.print(
        f"time: {1000 * report.extract_seconds:.2f} ms for the features of {report.new_examples} examples "
        f"({report.provider}), "
        f"{1000 * report.adapt_seconds:.2f} ms to adapt"
    )
    for warning in report.warnings:
        console.print(plain("warning: ", "yellow") + plain(warning), soft_wrap=True)
    console.print(plain(f"wrote {out}"), soft_wrap=True)


def _known(label: LabelReport) -> Text:
    """The words a label's name was understood by, and what is left of it."""
    if not label.known_words:
        return plain("none: it is learned from examples alone", "yellow")
    known = " + ".join(label.known_words)
    if label.how == "subwords":
        known += " (in part)"
    return plain(known) + plain(
        f"; not {', '.join(label.unknown_words)}" if label.unknown_words else "", "yellow"
    )


NONE = "none of these"
"""What is said where no label is."""


def show_predictions(
    console: Console,
    predictor: Predictor,
    names: Sequence[str],
    outputs: Mapping[str, NDArray[np.float32]],
    coverage: float | None = None,
) -> None:
    """A row an input: its labels by probability, bold from their threshold up, and the five likeliest base labels.

    With a `coverage` those of its set are bold. Where nothing can be bold (a pipe, a file) a star stands before those
    labels; where none is, that is said.
    """
    mark = "* " if console.color_system is None else ""
    star = "it holds" if coverage is None else "in the set"
    table = Table(
        _names("input"), _names(f"labels, the most probable first{f' (*: {star})' if mark else ''}")
    )
    limits = predictor.limits(coverage)
    if predictor.base_labels:
        table.add_column("base labels", overflow="fold")
    for index, name in enumerate(names):
        row = outputs["probabilities"][index]
        cells = [_ranked(predictor.labels, row, limits, mark)]
        if not predictor.decide(row, coverage):
            cells[0] = plain(f"{NONE}: ", "bold") + cells[0]
        if predictor.base_labels:
            base = outputs["base_probabilities"][index]
            cells.append(_ranked(predictor.base_labels, base, [np.inf] * len(base), mark, most=5))
        table.add_row(plain(name), *cells)
    console.print(table)
    console.print(f"ran on {predictor.provider}")


def _ranked(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    thresholds: Sequence[float],
    mark: str,
    most: int | None = None,
) -> Text:
    """The labels by probability, those that reach their threshold bold and with `mark` before them."""
    cells = []
    for index in np.argsort(-probabilities, kind="stable")[:most].tolist():
        holds = probabilities[index] >= thresholds[index]
        cell = f"{mark if holds else ''}{labels[index]} {probabilities[index]:.3f}"
        cells.append(plain(cell, "bold green" if holds else ""))
    return Text(", ").join(cells)


def show_evaluation(console: Console, folder: Path, result: Evaluation) -> None:
    """The figures in percent with their 95 % intervals, over eligible labels and over all."""
    options = result.options
    known = ", base labels known" if options.known_labels else ""
    columns = [("eligible", result.eligible), ("all", result.all_labels)]
    table = Table(
        "%",
        *(f"{name}, {'too few' if found is None else found.labels} labels" for name, found in columns),
        title=plain(
            f"{folder}, {result.protocol}: {options.tasks} tasks, {options.ways}-way {options.shots}-shot, "
            f"{options.labels} labels{known}"
        ),
        title_justify="left",
    )
    for figure, name in (
        ("micro_auc", "micro AUC"),
        ("macro_auc", "macro AUC"),
        ("zero_shot_micro_auc", "micro AUC, by name alone"),
        ("micro_f1", "micro F1, learned thresholds"),
        ("micro_f1_half", "micro F1, thresholds of 0.5"),
        ("micro_f1_oracle", "micro F1, each task's best threshold"),
    ):
        table.add_row(
            name, *("" if found is None else _percent(getattr(found, figure)) for _, found in columns)
        )
    console.print(table)
    shown_figures = result.eligible or result.all_labels
    console.print(
        "micro AUC by step: " + ", ".join(f"{100 * value:.1f}" for value in shown_figures.micro_auc_by_step)
    )
    if result.rows:
        show_beside(console, result)


def show_beside(console: Console, result: Evaluation) -> None:
    """Ours and each baseline on the same tasks; what lies outside its interval is bold, green where ours is above."""
    which = "all" if result.eligible is None else "eligible"
    table = Table(
        "%",
        "micro AUC",
        "macro AUC",
        "ours − it",
        "ms a task",
        title=f"scikit-learn on frozen features, tuned on validation labels, on the same tasks ({which} labels)",
        title_justify="left",
    )
    for row in result.rows:
        minus, style = "", ""
        if row.ours_minus is not None:
            minus = f"{100 * row.ours_minus.mean:+.1f} ± {100 * row.ours_minus.half_width:.1f}"
            style = ("bold green" if row.ours_minus.mean > 0 else "bold red") if row.significant else ""
            minus += " *" if row.significant and console.color_system is None else ""
        table.add_row(
            row.title,
            _percent(row.micro_auc),
            _percent(row.macro_auc),
            plain(minus, style),
            f"{1000 * row.seconds:.1f}",
        )
    console.print(table)


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.1f} ± {100 * estimate.half_width:.1f}"
