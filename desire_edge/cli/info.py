"""The command `info`: what a bundle, a run, an adapted model or a lexicon is and holds."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from safetensors import SafetensorError, safe_open

from desire_edge import Bundle, DesireEdgeError, Predictor
from desire_edge.cli import tables
from desire_edge.cli.common import ANY_PATH, json_option, only_bundle, print_json
from desire_edge.files import read_json
from desire_edge.inputs.lexical import LEXICON
from desire_edge.lexicon import Lexicon
from desire_edge.runtime.contents import bundle_contents
from desire_edge.runtime.part import ADAPTER, Part
from desire_edge.runtime.predictor import MODEL
from desire_edge.runtime.taught_file import TASK, read_task, task_file


@click.command()
@click.argument("path", type=ANY_PATH, required=False)
@json_option
def info(path: Path | None, as_json: bool) -> None:
    """Say what PATH is and holds: a bundle (by default the only *.desire here), a run, an adapted model, or a lexicon.

    Of an adapted model's folder or a user's part, or its task.safetensors, it also says what the model was taught:
    labels, examples by number, and what --undo would take back.
    """
    path = path or only_bundle(Path())
    console = Console()
    if (path / "config.json").is_file():
        values: dict[str, Any] = {"run": str(path), **_run_record(path)}
        show = partial(tables.show_run, console, path, values)
    elif path.suffix == ".safetensors" and path.name != TASK:
        described = Lexicon.open(path).describe()
        values = {"lexicon": str(path), "bytes": path.stat().st_size, **described}
        show = partial(tables.show_values, console, f"lexicon {path}", tables.lexicon_values(values))
    elif path.name == TASK:
        values = {"task": _task_record(path)}
        show = partial(tables.show_task, console, path, values["task"])
    elif path.suffix == ".onnx" or (path / MODEL).is_file():
        model = path if path.suffix == ".onnx" else path / MODEL
        values = {"model": str(model), **Predictor(model, "cpu").describe()}
        if (path / TASK).is_file():
            values["task"] = _task_record(path)
        show = partial(tables.show_model, console, model, values)
    elif (path / ADAPTER).is_file():
        values = {"part": str(path), **Part.read(path).describe()}
        if (path / TASK).is_file():
            values["task"] = _task_record(path)
        show = partial(tables.show_part, console, path, values)
    else:
        bundle = Bundle.open(path)
        contents = bundle_contents(bundle)
        files = [file.to_json() for file in contents]
        values = {"bundle": str(path), "contents": files, **bundle.manifest.to_json()}
        if LEXICON in bundle.manifest.files:
            values["lexicon"] = Lexicon.open(bundle.path / LEXICON).describe()
        show = partial(tables.show_bundle, console, path, bundle.manifest, contents, values.get("lexicon"))
    if as_json:
        print_json(values)
    else:
        show()


def _task_record(path: Path) -> dict[str, Any]:
    """What a stored task holds, and its size."""
    return {**read_task(path).describe(), "bytes": task_file(path).stat().st_size}


def _run_record(folder: Path) -> dict[str, Any]:
    """Settings, what a finished run wrote of itself, and else how far it is."""
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise DesireEdgeError(f"{folder / 'config.json'} is not what a run writes; train the run again")
    record = {"dataset": config.get("data"), "protocol": config.get("protocol"), "seed": config.get("seed")}
    if (folder / "run.json").is_file():
        finished = read_json(folder / "run.json")
        if not isinstance(finished, dict):
            raise DesireEdgeError(f"{folder / 'run.json'} is not what a run writes; train the run again")
        return {**record, **finished, "config": config}
    checkpoint = folder / "checkpoint.safetensors"
    record["stage"] = "not begun"
    if checkpoint.is_file():
        try:
            with safe_open(checkpoint, framework="numpy") as file:
                progress = json.loads(file.metadata()["progress"])
            record |= {
                "stage": progress["stage"],
                "done": progress["finished"],
                "history": progress["history"],
            }
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DesireEdgeError(f"{checkpoint} is not a checkpoint of a training run: {error}") from error
    return {**record, "config": config}
