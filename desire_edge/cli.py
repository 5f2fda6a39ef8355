"""The command line. Commands are thin: they parse, call the rooms, and print. Heavy imports stand inside them."""

from __future__ import annotations

import errno
import json
import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from rich.console import Console

from desire_edge import Bundle, DesireEdgeError, Predictor, Support, __version__, tables
from desire_edge.errors import shown
from desire_edge.runtime.support import METADATA, Missing, check_names, read_input

if TYPE_CHECKING:
    from desire_edge.training.run import Run

RUNS = Path("runs")
FOLDER = click.Path(path_type=Path, file_okay=False)
ANY_PATH = click.Path(path_type=Path)
SERVER_PACKAGES = {
    "torch",
    "onnx",
    "onnxscript",
    "sklearn",
    "scipy",
    "pydantic",
    "arff",
    "pooch",
    "pyarrow",
    "msgpack",
}

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value, for machines.")
provider_option = click.option(
    "--provider",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What ONNX Runtime runs the models on.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What torch runs on.",
)
data_dir_option = click.option(
    "--data-dir",
    type=FOLDER,
    help="Where the Delicious files are; else $DESIRE_EDGE_DATA, the user's cache, or a download.",
)


class Commands(click.Group):
    """Turns errors a user can mend into one sentence and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except DesireEdgeError as error:
            raise UserError(str(error)) from error
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in SERVER_PACKAGES:
                raise
            raise UserError(
                f"this command needs {error.name}, which is not installed; "
                "install it with pip install 'desire-edge[train]'"
            ) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output left; click knows what to do
                raise
            raise UserError(f"cannot use {error.filename or 'a file'}: {error.strerror or error}") from error


class UserError(click.ClickException):
    """Printed without a traceback; the process exits with 2."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message in one piece, so that it can be searched and copied."""
        say(f"error: {self.message}")


def say(message: str) -> None:
    """Print to standard error; what names and files bring into the message cannot steer the terminal."""
    click.echo("\n".join(map(shown, message.split("\n"))), err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="desire-edge")
def main() -> None:
    r"""Teach a deployed ONNX model new labels, from their names and a handful of examples.

    \b
    On a server (pip install 'desire-edge[train,cpu]'):
        desire-edge train                        train on Delicious, or on the sample corpus
        desire-edge evaluate                     how well it learns labels it has never seen
        desire-edge export --out tagger.desire   a bundle for devices
    On a device (pip install 'desire-edge[cpu]'):
        desire-edge adapt tagger.desire --support examples/ --out taught/
        desire-edge predict taught/model.onnx page.txt
    """
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")


@main.command()
@click.option(
    "--data",
    help="auto (Delicious if it can be had, else the sample corpus), delicious, sample, or a .jsonl file.",
)
@data_dir_option
@click.option(
    "--protocol",
    type=click.Choice(["label-disjoint", "example-disjoint", "streaming"]),
    help="Which rows are seen.",
)
@click.option(
    "--hold-out", is_flag=True, default=None, help="Keep 15 % of the training rows for choosing settings."
)
@click.option("--seed", type=int, help="Of the label split, the weights and the episodes.  [default: 0]")
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
@device_option
@json_option
def train(
    data: str | None,
    data_dir: Path | None,
    protocol: str | None,
    hold_out: bool | None,
    seed: int | None,
    config_file: Path | None,
    overrides: tuple[str, ...],
    out: Path | None,
    resume: Path | None,
    device: str,
    as_json: bool,
) -> None:
    r"""Train a model: pre-train the feature extractor, then meta-train the inference head.

    A run can be stopped at any time (Ctrl-C, a crash) and continued with --resume; the result is the same as without
    the break. Settings come from the defaults, then --config, then the options and --set.

    \b
    desire-edge train
    desire-edge train --data my-texts.jsonl --set meta.batches=1000
    desire-edge train --resume runs/delicious-example-disjoint-s0-1
    """
    from desire_edge.training.config import load_config
    from desire_edge.training.device import choose_device
    from desire_edge.training.progress import show_progress
    from desire_edge.training.run import Run

    options = {"data": data, "protocol": protocol, "hold_out": hold_out, "seed": seed}
    given = {name: value for name, value in options.items() if value is not None}
    if resume is not None:
        if given or config_file or overrides or out:
            raise DesireEdgeError(
                "--resume continues a run with its own settings; leave the other settings and --out away"
            )
        run = Run.open(resume, choose_device(device), data_dir)
    else:
        config = load_config(config_file, overrides, given)
        run = Run.create(
            out or next_run_folder(config.data, config.protocol, config.seed),
            config,
            choose_device(device),
            data_dir,
        )
    for warning in run.data.warnings:
        say(f"warning: {warning}")
    try:
        with show_progress(Console(stderr=True), run) as report:
            run.train(report)
    except KeyboardInterrupt:
        raise UserError(f"stopped; continue with `desire-edge train --resume {run.folder}`") from None
    record = {"run": str(run.folder), **run.record()}
    if as_json:
        print_json(record)
    else:
        tables.show_run(Console(), run.folder, record)


@main.command()
@click.argument("run", type=FOLDER, required=False)
@click.option("--out", type=ANY_PATH, required=True, help="The bundle, NAME.desire.")
@click.option("--ways", default=16, show_default=True, help="The most labels an adapted model can hold.")
@click.option("--batch", default=1, show_default=True, help="Rows a model takes at once.")
@click.option(
    "--max-support",
    default=64,
    show_default=True,
    help="The most examples the portable adaptation graph takes.",
)
@click.option("--opset", default=18, show_default=True, help="ONNX operator set, 18 to 21.")
@click.option(
    "--lexicon-words",
    type=click.IntRange(1),
    help="Keep this many words of the lexicon, the most frequent ones.  [default: all it was trained with, 16 MB]",
)
@click.option(
    "--zip", "zipped", is_flag=True, help="Write the bundle as one file, a zip, instead of a folder."
)
@data_dir_option
@json_option
def export(
    run: Path | None,
    out: Path,
    ways: int,
    batch: int,
    max_support: int,
    opset: int,
    lexicon_words: int | None,
    zipped: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Export a finished RUN (by default the latest) to a bundle that devices adapt.

    Nothing is written unless ONNX Runtime and the C++ core reproduce torch within 1e-5 on real examples.
    """
    from desire_edge.export import ExportOptions, export_bundle

    opened = open_run(run, "cpu", data_dir)
    options = ExportOptions(ways, batch, max_support, opset, lexicon_words, zipped)
    manifest, parity = export_bundle(opened, out, options)
    if as_json:
        print_json({"bundle": str(out), "parity": parity.to_json(), "manifest": manifest.to_json()})
    else:
        console = Console()
        tables.show_bundle(console, out, manifest)
        console.print(
            f"parity with torch: extractor {parity.extractor:.1e}, logits {parity.logits:.1e}, "
            f"probabilities {parity.probabilities:.1e} (allowed 1e-5)"
        )


@main.command()
@click.argument("bundle", type=ANY_PATH, required=False)
@click.option(
    "--support",
    "support_folder",
    type=FOLDER,
    help="Examples: metadata.jsonl or metadata.csv, and the files it names.",
)
@click.option("--out", type=FOLDER, required=True, help="Where model.onnx and task.safetensors go.")
@click.option(
    "--labels", help="The labels to learn, separated by commas.  [default: those of the support folder]"
)
@click.option(
    "--shots",
    type=click.IntRange(0),
    help="At most this many examples a label; 0 goes by the labels' names alone.",
)
@click.option(
    "--missing",
    type=click.Choice(["negative", "unknown"]),
    default="negative",
    show_default=True,
    help="What it means that an example does not carry a label.",
)
@click.option("--keep-base", is_flag=True, help="Give the model a second output with the base labels.")
@click.option("--forget-support", is_flag=True, help="Do not write task.safetensors.")
@provider_option
@json_option
def adapt(
    bundle: Path | None,
    support_folder: Path | None,
    out: Path,
    labels: str | None,
    shots: int | None,
    missing: Missing,
    keep_base: bool,
    forget_support: bool,
    provider: str,
    as_json: bool,
) -> None:
    r"""Teach the model of BUNDLE (by default the only *.desire here) new labels.

    Writes OUT/model.onnx, which any ONNX Runtime runs, and OUT/task.safetensors, what it was taught.

    \b
    support/metadata.jsonl, one line an example (any number of labels, none allowed):
        {"file_name": "a.txt", "labels": ["baking", "history"]}
        {"file_name": "b.txt", "labels": [], "negative_labels": ["baking"]}
    Files are .txt (text), .npy (a feature vector) or .json (features by name).

    \b
    desire-edge adapt tagger.desire --support support/ --out taught/
    desire-edge adapt --shots 0 --labels "baking,jazz,open source" --out taught/
    """
    from desire_edge.runtime.task import check_replaceable

    check_replaceable(out)
    names = check_names(labels.split(","), "--labels") if labels is not None else None
    if support_folder is None and not (shots == 0 and names):
        raise DesireEdgeError(
            "name a folder of examples with --support, or go by names alone with --shots 0 --labels a,b,c"
        )
    opened = Bundle.open(bundle or only_bundle(Path()), provider)
    support = Support.read(support_folder) if support_folder is not None else Support(())
    if shots is not None:
        names = names or support.names()
        support = support.first_shots(shots)
    task = opened.adapt(support, labels=names, missing=missing, keep_base=keep_base)
    task.save(out, forget_support=forget_support)
    if as_json:
        print_json({"out": str(out), **task.report.to_json()})
    else:
        tables.show_adaptation(Console(), out, task.report)


@main.command()
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=ANY_PATH)
@provider_option
@json_option
def predict(model: Path, inputs: tuple[Path, ...], provider: str, as_json: bool) -> None:
    """Predict with an adapted MODEL (OUT/model.onnx). INPUT: .txt, .npy or .json files, or folders of them."""
    predictor = Predictor(model, provider)
    files = [file for path in inputs for file in input_files(path)]
    x = predictor.features([read_input(file) for file in files], [str(file) for file in files])
    outputs = predictor.outputs(x)
    if as_json:
        rows = []
        for index, file in enumerate(files):
            probabilities = outputs["probabilities"][index]
            row: dict[str, Any] = {
                "file": str(file),
                "labels": predictor.decide(probabilities),
                "probabilities": dict(zip(predictor.labels, map(float, probabilities), strict=True)),
            }
            if predictor.base_labels:
                base = map(float, outputs["base_probabilities"][index])
                row["base_probabilities"] = dict(zip(predictor.base_labels, base, strict=True))
            rows.append(row)
        print_json({"provider": predictor.provider, "predictions": rows})
    else:
        tables.show_predictions(Console(), predictor, files, outputs)


@main.command()
@click.argument("run", type=FOLDER, required=False)
@click.option(
    "--labels",
    type=click.Choice(["novel", "validation"]),
    default="novel",
    show_default=True,
    help="Tasks over these.",
)
@click.option("--ways", default=5, show_default=True, help="Labels a task, N.")
@click.option("--shots", default=1, show_default=True, help="Support examples a label, K.")
@click.option("--queries", default=15, show_default=True, help="Query examples a label.")
@click.option("--tasks", default=600, show_default=True, help="How many tasks.")
@click.option("--seed", default=0, show_default=True, help="Of the tasks.")
@click.option(
    "--all-labels",
    is_flag=True,
    help="Tasks over all labels, with min(queries, available) query examples, not only eligible ones.",
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
    all_labels: bool,
    data_dir: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Measure a finished RUN (by default the latest) on tasks over labels it has never seen."""
    from desire_edge.evaluation.evaluate import EvaluateOptions
    from desire_edge.evaluation.evaluate import evaluate as run_evaluation
    from desire_edge.training.progress import count_tasks

    if min(ways, shots, queries, tasks) < 1:
        raise DesireEdgeError("--ways, --shots, --queries and --tasks must be at least 1")
    opened = open_run(run, device, data_dir)
    options = EvaluateOptions(labels, ways, shots, queries, tasks, seed, eligible_only=not all_labels)
    with count_tasks(Console(stderr=True), tasks) as report:
        result = run_evaluation(opened, options, report)
    if as_json:
        print_json({"run": str(opened.folder), **result.to_json()})
    else:
        tables.show_evaluation(Console(), opened.folder, result)


@main.command()
@click.argument("path", type=ANY_PATH, required=False)
@json_option
def info(path: Path | None, as_json: bool) -> None:
    """Say what PATH is and holds: a bundle (by default the only *.desire here), a run, or an adapted model."""
    from desire_edge.files import read_json
    from desire_edge.runtime.task import MODEL

    path = path or only_bundle(Path())
    console = Console()
    if (path / "config.json").is_file():
        record = {"run": str(path), "config": read_json(path / "config.json")}
        if (path / "run.json").is_file():
            record |= dict(read_json(path / "run.json"))
        print_json(record) if as_json else tables.show_run(console, path, record)
    elif path.suffix == ".onnx" or (path / MODEL).is_file():
        model = path if path.suffix == ".onnx" else path / MODEL
        predictor = Predictor(model, "cpu")
        print_json({"model": str(model), **predictor.describe()}) if as_json else tables.show_model(
            console, model, predictor
        )
    else:
        bundle = Bundle.open(path)
        manifest = bundle.manifest
        print_json({"bundle": str(path), **manifest.to_json()}) if as_json else tables.show_bundle(
            console, path, manifest
        )


@main.group()
def data() -> None:
    """Look at a data set, or take one few-shot task out of it as folders."""


@data.command("info")
@click.argument("name", default="auto")
@data_dir_option
@json_option
def data_info(name: str, data_dir: Path | None, as_json: bool) -> None:
    """Describe the data set NAME: auto, delicious, sample, or a .jsonl file."""
    from desire_edge.data import load_dataset

    dataset = load_dataset(name, data_dir)
    values = {
        "name": dataset.name,
        "source": dataset.source,
        "rows": len(dataset.targets),
        "test_rows": int(dataset.test_rows.sum()),
        "labels": len(dataset.labels),
        "labels_per_row": round(float(dataset.targets.sum(axis=1).mean()), 2),
        "features": None if dataset.features is None else dataset.features.shape[1],
    }
    if as_json:
        print_json(values)
    else:
        tables.show_values(Console(), f"data set {dataset.name}", values)


@data.command("episode")
@click.option("--run", type=FOLDER, help="The labels this run has never seen.  [default: the latest run]")
@click.option("--out", type=FOLDER, required=True, help="Where support/ and query/ go.")
@click.option("--ways", default=5, show_default=True, help="Labels.")
@click.option("--shots", default=1, show_default=True, help="Support examples a label.")
@click.option(
    "--queries", default=15, show_default=True, help="Query examples a label, as far as there are so many."
)
@click.option("--seed", default=0, show_default=True, help="Of the task.")
@data_dir_option
@json_option
def data_episode(
    run: Path | None,
    out: Path,
    ways: int,
    shots: int,
    queries: int,
    seed: int,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write one task over labels the run has never seen: a support folder to adapt with, a query folder to predict."""
    import numpy as np

    from desire_edge.data import EpisodeSampler
    from desire_edge.evaluation.folders import write_episode

    opened = open_run(run, "cpu", data_dir)
    rows, dataset = opened.data.rows, opened.data.dataset
    sampler = EpisodeSampler(
        dataset.targets,
        opened.data.split.novel,
        rows.support,
        rows.query,
        ways=ways,
        shots=shots,
        queries=queries,
        eligible_only=False,
    )
    episode = sampler.sample(np.random.default_rng(seed))
    write_episode(dataset, episode, out)
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


def open_run(run: Path | None, device: str, data_dir: Path | None) -> Run:
    """Open `run`, or the run of `runs/` that was touched last."""
    from desire_edge.training.device import choose_device
    from desire_edge.training.run import Run

    if run is None:
        found = [path.parent for path in RUNS.glob("*/config.json")]
        if not found:
            raise DesireEdgeError("there is no run in runs/; name one, or train one with `desire-edge train`")
        run = max(found, key=lambda folder: max(path.stat().st_mtime for path in folder.iterdir()))
        say(f"using {run}")
    return Run.open(run, choose_device(device), data_dir)


def next_run_folder(name: str, protocol: str, seed: int) -> Path:
    """The first free folder runs/DATA-PROTOCOL-sSEED-N."""
    number = 1
    while (folder := RUNS / f"{Path(name).stem}-{protocol}-s{seed}-{number}").exists():
        number += 1
    return folder


def only_bundle(folder: Path) -> Path:
    """The one bundle in `folder`."""
    found = sorted(folder.glob("*.desire"))
    if len(found) != 1:
        what = "no *.desire" if not found else f"more than one ({', '.join(path.name for path in found)})"
        raise DesireEdgeError(f"name a bundle: there is {what} in this folder")
    return found[0]


def input_files(path: Path) -> list[Path]:
    """`path` itself, or the readable inputs of the folder `path`, by name."""
    from desire_edge.runtime.support import KINDS

    if not path.exists():
        raise DesireEdgeError(f"there is no file or folder {path}")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in KINDS and file.name not in METADATA)
    if not files:
        raise DesireEdgeError(f"the folder {path} holds no {', '.join(KINDS)} files")
    return files


def print_json(value: Any) -> None:
    """Print one JSON value to standard output, in ASCII; NaN, a figure that could not be had, becomes null."""
    values = json.loads(json.dumps(value), parse_constant=lambda _: None)
    click.echo(json.dumps(values, indent=2))
