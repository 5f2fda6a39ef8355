"""What a user waits for and ships: `python benchmarks/device.py` writes results/device.json.

This working tree beside the release before it, which put the whole extractor into every user's model: each in a process
of its own on one core, which take turns. From examples to the first probability, many users taught and predicted at
once, memory and bytes a user (and a picture of both, docs/users.png), what a command takes to start, what a bundle
weighs in int8 and what that costs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from native import ROOT
from onnx import helper, numpy_helper
from parts.adapt_over_before import run, unpack_commit
from record import rounded, write_result
from timing import interleaved, without_overrides
from training_runs import finished_run

from desire_edge import Bundle, Predictor, Support
from desire_edge.data import EpisodeSampler, load_dataset
from desire_edge.evaluation.comparison.canvas import BLUE, ORANGE
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.export.graphs import finish, float_value
from desire_edge.export.words import by_words
from desire_edge.inputs import Features, WordsInput
from desire_edge.inputs.spec import stacked
from desire_edge.metrics import micro_auc
from desire_edge.runtime.part import ADAPTER
from desire_edge.training.config import load_config
from desire_edge.training.run import Run

BEFORE = "5293193"
"""The last commit whose tasks were a model.onnx alone."""
WORKER = Path(__file__).parent / "parts" / "device_worker.py"
PICTURE = Path(__file__).parents[1] / "docs" / "users.png"
SETTINGS = {"data": "sample", "extractor": {"backbone": "mlp"}, "meta": {"folds": 0}}
OLD_USERS, NEW_USERS = 24, 4000
STARTS = 15
"""Fresh processes of each command."""


class Worker:
    """A process that does what it is told, with the package in `site` or, for None, that of this working tree."""

    def __init__(self, run: Path, bundle: Path, texts: Path, site: Path | None, core: int = 0) -> None:
        environment = dict(os.environ) | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable]
        if site is not None:
            # Without the site module an editable install is not looked at.
            command.append("-S")
            environment["PYTHONPATH"] = os.pathsep.join([str(site), str(Path(np.__file__).parents[1])])
        self._process = subprocess.Popen(
            [*command, str(WORKER), str(run), str(bundle), str(texts)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 (no thread but this one)
        )

    def __enter__(self) -> Worker:
        self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def tell(self, name: str, *arguments: Any) -> None:
        """Say what to do, without waiting."""
        assert self._process.stdin is not None
        print(json.dumps([name, *arguments]), file=self._process.stdin, flush=True)

    def answer(self) -> Any:
        """What came of it: seconds, or a value."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the worker ended")
        return json.loads(line)

    def ask(self, name: str, *arguments: Any) -> Any:
        """Both."""
        self.tell(name, *arguments)
        return self.answer()


def main() -> None:
    """Measure, and write the result."""
    without_overrides()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=30, help="turns that each contender gets")
    parser.add_argument("--runs", type=Path, default=Path("runs/device"), help="where the run is kept")
    arguments = parser.parse_args()
    trained = finished_run(arguments.runs / "mlp", load_config(None, (), SETTINGS))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="desire-edge-device-")))
        unpack_commit(BEFORE, folder / "source")
        site, wheel = folder / "site", folder / "wheel"  # as users have it: not editable
        for target, source in ((site, folder / "source"), (wheel, ROOT)):
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            run(*install, f"--target={target}", str(source))
        texts = folder / "texts.json"
        texts.write_text(json.dumps(list(load_dataset("sample").texts or ())), encoding="utf-8")
        bundles = {"before": folder / "before.desire", "now": folder / "now.desire"}
        sites = {"before": site, "now": None}
        workers = {
            when: stack.enter_context(Worker(trained.folder, bundle, texts, sites[when]))
            for when, bundle in bundles.items()
        }
        metrics, details = timings(workers, arguments.rounds)
        other = stack.enter_context(Worker(trained.folder, bundles["now"], texts, None, core=1))
        metrics["adapt_many_2_processes_over_1"] = side_by_side(workers["now"], other, arguments.rounds)
        for when, worker in workers.items():
            worker.ask("save", str(folder / f"users-{when}"))
        fresh = {
            when: stack.enter_context(Worker(trained.folder, bundle, texts, sites[when]))
            for when, bundle in bundles.items()
        }
        more, users = of_users(fresh, folder)
        metrics |= more | adapters(bundles["now"]) | first_layers(arguments.rounds)
        metrics |= start_up(folder, bundles["now"], wheel) | in_int8(trained, folder)
    draw(users)
    path = write_result("device", rounded(metrics, 6), before=BEFORE, users=users, **details)
    print(path.read_text(encoding="utf-8"))


def timings(workers: dict[str, Worker], rounds: int) -> tuple[dict[str, float], dict[str, Any]]:
    """How much sooner things are done than before, and how soon."""
    names = ("first", "many", "rows", "extract")
    calls: dict[str, Callable[[], float]] = {
        f"{name} {when}": partial(worker.ask, name) for name in names for when, worker in workers.items()
    }
    calls |= {name: partial(workers["now"].ask, name) for name in ("same", "switched")}
    found = interleaved(calls, rounds)

    def speedup(name: str) -> float:
        return found[f"{name} before"].median / found[f"{name} now"].median

    metrics = {
        "first_probability_ms": found["first now"].median * 1e3,
        "first_probability_speedup": speedup("first"),
        "adapt_many_speedup_over_before": speedup("many"),
        "adapt_many_ms_a_user": found["many now"].median * 1e3 / 40,
        "gateway_rows_speedup": speedup("rows"),
        "gateway_us_a_row": found["rows now"].median * 1e6 / 64,
        "text_extract_speedup": speedup("extract"),
        "switch_ms": max(0.0, found["switched"].median - found["same"].median) * 1e3,
    }
    return metrics, {"timings": {name: timing.to_json() for name, timing in found.items()}}


def side_by_side(first: Worker, second: Worker, rounds: int) -> float:
    """How many more users two processes on two cores teach than one on one."""
    alone, both = [], []
    for _ in range(max(5, rounds // 3)):
        alone.append(first.ask("many"))
        started = time.perf_counter()
        for worker in (first, second):
            worker.tell("many")
        for worker in (first, second):
            worker.answer()
        both.append(time.perf_counter() - started)
    return float(2 * np.median(alone) / np.median(both))


def of_users(workers: dict[str, Worker], folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """What a user takes of memory and of the disk, both ways."""
    metrics: dict[str, float] = {}
    users: dict[str, Any] = {}
    for when, count in (("before", OLD_USERS), ("now", NEW_USERS)):
        saved = folder / f"users-{when}"
        sizes = {path.name: path.stat().st_size for path in next(saved.iterdir()).iterdir()}
        growth = workers[when].ask("load", str(saved), count)["growth"]
        settled = count // 4  # what was free before is filled first
        names = ("model.onnx",) if when == "before" else (ADAPTER, "task.json")
        users[when] = {
            "bytes": sum(sizes[name] for name in names),
            "resident_bytes": float(np.polyfit(range(count - settled), growth[settled:], 1)[0]),
            "growth": growth[:: max(1, count // 20)],
            "users": list(range(1, count + 1))[:: max(1, count // 20)],
        }
        metrics |= {"adapter_bytes_5x5": sizes[ADAPTER]} if when == "now" else {}
    now, before = users["now"], users["before"]
    # Of the base there is one: its session is what each user's was.
    users["base"] = {
        "bytes": (folder / "now.desire" / "base.onnx").stat().st_size,
        "resident_bytes": before["resident_bytes"],
    }
    return metrics | {
        "user_resident_bytes": now["resident_bytes"],
        "user_resident_bytes_before_over_now": before["resident_bytes"] / now["resident_bytes"],
        "user_bytes_before_over_now": before["bytes"] / now["bytes"],
    }, users


def adapters(path: Path) -> dict[str, float]:
    """The largest difference of ONNX Runtime's adapters on the base from each user's own model.onnx."""
    bundle, texts = Bundle.open(path, "cpu"), list(load_dataset("sample").texts or ())
    spec, random, worst = bundle.manifest.input, np.random.default_rng(1), 0.0
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path / "base.onnx", options)
    with tempfile.TemporaryDirectory() as folder:
        for user in range(20):
            rows = random.choice(len(texts), 40, replace=False).tolist()
            carried = [[f"label {row % 5}"] for row in range(25)]
            task = bundle.adapt(Support.of([texts[row] for row in rows[:25]], carried))
            out = task.save(Path(folder) / str(user))
            adapter, settings = onnxruntime.LoraAdapter(), onnxruntime.RunOptions()
            adapter.Load(str(out / ADAPTER))
            settings.add_active_adapter(adapter)
            queries = [texts[row] for row in rows[25:]]
            inputs = stacked([spec.features_of(text, "it") for text in queries], spec)
            (found,) = session.run(["probabilities"], dict(inputs), settings)
            worst = max(worst, float(np.abs(found - Predictor(out, "cpu").predict(queries)).max()))
    return {"adapter_max_error": worst}


BARE = """
import json, sys
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level, options.intra_op_num_threads = 3, 1
session = onnxruntime.InferenceSession(sys.argv[1], options)
said = session.get_modelmeta().custom_metadata_map
labels, thresholds = (json.loads(said["desire_edge." + key]) for key in ("labels", "thresholds"))
vocabulary = {word: place for place, word in enumerate(json.loads(said["desire_edge.input"])["vocabulary"])}
ids = sorted({vocabulary[word] for word in sys.argv[2].lower().split() if word in vocabulary})
inputs = {"ids": np.array([ids], np.int64), "values": np.ones((1, len(ids)), np.float32)}
probabilities = session.run(["probabilities"], inputs)[0][0].tolist()
holds = [label for label, found, least in zip(labels, probabilities, thresholds) if found >= least]
print(json.dumps({"labels": holds, "probabilities": dict(zip(labels, probabilities))}))
"""


def first_layers(rounds: int) -> dict[str, float]:
    """How much sooner the first layer of a text is done by its words than by the whole vector, by the vocabulary.

    46 words of so many, each a row of 300 numbers, in ONNX Runtime on one thread.
    """
    random, metrics = np.random.default_rng(0), {}
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    for words in (8000, 50_000):
        matrix = numpy_helper.from_array(random.normal(size=(words, 300)).astype(np.float32), "matrix")
        x, z = float_value("x", 1, words), float_value("z", 1, 300)
        nodes = [helper.make_node("MatMul", ["x", "matrix"], ["z"])]
        graph = helper.make_graph(nodes, "layer", [x], [z], [matrix])
        dense = finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]))
        ids = np.sort(random.choice(words, 46, replace=False))
        bag = np.zeros((1, words), np.float32)
        bag[0, ids] = 1
        given = stacked([Features(ids, values=np.ones(46, np.float32))], WordsInput(("a",), sparse=True))
        calls = {}
        for name, model, inputs in (("dense", dense, {"x": bag}), ("words", by_words(dense, "fp32"), given)):
            session = onnxruntime.InferenceSession(model.SerializeToString(), options)
            calls[name] = partial(seconds_of, session, dict(inputs))
        found = interleaved(calls, rounds)
        metrics[f"text_first_layer_speedup_{words}_words"] = found["dense"].median / found["words"].median
    return metrics


def seconds_of(session: onnxruntime.InferenceSession, inputs: dict[str, Any]) -> float:
    """How long one run takes."""
    started = time.perf_counter()
    session.run(None, inputs)
    return time.perf_counter() - started


def start_up(folder: Path, path: Path, wheel: Path) -> dict[str, float]:
    """What a command of the package in `wheel` takes beside what it cannot do without, in fresh processes."""
    task = Bundle.open(path, "cpu").adapt(labels=["baking", "jazz", "gardening"])
    model, text = str(task.save(folder / "started") / "model.onnx"), "knead the dough and let the loaf rest"
    python = [sys.executable, "-S"]  # or an editable install would be looked at
    paths = os.pathsep.join([str(wheel), str(Path(np.__file__).parents[1])])
    ours = [*python, "-m", "desire_edge"]
    commands = {
        "click": [*python, "-c", "import click"],
        "help": [*ours, "--help"],
        "bare": [*python, "-c", BARE, model, text],
        "predict": [*ours, "predict", model, "--text", text, "--json"],
        "table": [*ours, "predict", model, "--text", text],
    }

    def seconds(command: list[str]) -> float:
        started = time.perf_counter()
        environment = dict(os.environ) | {"PYTHONPATH": paths}
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
        return time.perf_counter() - started

    found = interleaved({name: partial(seconds, command) for name, command in commands.items()}, STARTS)
    median = {name: timing.median for name, timing in found.items()}
    return {
        "help_seconds_over_click": median["help"] - median["click"],
        "predict_over_bare_ort": median["predict"] / median["bare"],
        "predict_table_over_bare_ort": median["table"] / median["bare"],
        "bare_ort_seconds": median["bare"],
    }


def in_int8(trained: Run, folder: Path) -> dict[str, float]:
    """What int8 saves of a bundle's bytes, over float32 of the release before, and what of the AUC it costs."""
    for precision in ("fp32", "int8"):
        export_bundle(trained, folder / f"{precision}.desire", ExportOptions(precision=precision))
    sizes = {
        name: sum(file.stat().st_size for file in (folder / f"{name}.desire").iterdir())
        for name in ("before", "fp32", "int8")
    }
    data = trained.data
    sampler = EpisodeSampler(
        data.dataset.targets, data.split.novel, data.rows.support, data.rows.query, ways=5, shots=5, queries=4
    )
    random = np.random.default_rng(0)
    opened = [Bundle.open(folder / f"{name}.desire", "cpu") for name in ("fp32", "int8")]
    losses = []
    for _ in range(200):
        episode = sampler.sample(random)
        names = [data.dataset.labels[label] for label in episode.labels]
        carried = data.dataset.targets[:, episode.labels]
        labels = [[names[place] for place in np.flatnonzero(carried[row])] for row in episode.support]
        support = Support.of([data.x[row] for row in episode.support], labels)
        queries = [data.x[row] for row in episode.query]
        scores = [bundle.adapt(support, labels=names).predict(queries) for bundle in opened]
        found, exact = (micro_auc(carried[episode.query], score) for score in reversed(scores))
        losses.append(100 * (exact - found))
    return {
        "fp32_bundle_fraction": sizes["fp32"] / sizes["before"],
        "int8_bundle_fraction": sizes["int8"] / sizes["before"],
        "int8_auc_loss_points": float(np.mean(losses)),
    }


def draw(users: dict[str, Any]) -> None:
    """The picture of memory and bytes by the number of users, both ways."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((9, 3.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    counts = np.array([1, 10, 100, 1000, 10_000])
    panels = zip(figure.subplots(1, 2), (("resident_bytes", "memory"), ("bytes", "on the disk")), strict=True)
    said = (("before", "a model.onnx a user", ORANGE), ("now", "one base.onnx, a part a user", BLUE))
    for axes, (key, title) in panels:
        for when, label, colour in said:
            base = users["base"][key] if when == "now" else 0
            mebibytes = (counts * users[when][key] + base) / 2**20
            axes.plot(counts, mebibytes, marker="o", color=colour, label=label)
        axes.set(xscale="log", yscale="log", xlabel="users", ylabel="MiB", title=title)
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.savefig(PICTURE)


if __name__ == "__main__":
    main()
