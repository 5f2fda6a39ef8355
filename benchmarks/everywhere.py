"""The same bundle and the same task in every client: `python benchmarks/everywhere.py` writes results/everywhere.json.

One task of Delicious, 5 novel labels and 25 examples, is learned by the C++ core from Python, by adapt.onnx in Python's
ONNX Runtime, by the C++ client, in Node and in the page (headless Chromium, one thread). Each client is compared with
Python on the very features that the client stored (`errors`): one near the middle of two halves may round to the other
half in another ONNX Runtime, which alone moves probabilities by up to about 1e-4 (`errors_from_input`). Figures named
`…_one_shot_ms` are of 5 examples in place of 25. `web_cold_start_seconds` is from the navigation to the page until a
task that was kept in the browser is learned again, in a browser just started. Needs node, npm and chromium; the run is
the one that `benchmarks/default.py` makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from drivers.cpp import build_programs, finished
from drivers.web import (
    Request,
    adapt_in_node,
    adapt_in_page,
    chromium,
    install_packages,
    keep_in_browser,
    opened,
    same_task_in_python,
    seconds_to_first_adaptation,
    serving,
)
from numpy.typing import NDArray
from record import write_result

from desire_edge import Bundle, Support
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.folders import write_episode
from desire_edge.export import ExportOptions, export_bundle
from desire_edge.inputs import read_input
from desire_edge.inputs.spec import RawInput
from desire_edge.runtime.adaptation import padded
from desire_edge.runtime.portable import PortableAdaptation
from desire_edge.runtime.task import Task
from desire_edge.runtime.taught import Origin, Taught
from desire_edge.runtime.taught_file import task_bytes
from desire_edge.training.run import Run

WAYS, SHOTS, QUERIES = 5, (5, 1), 15
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Answer:
    """What one client made of the task: probabilities [n, N], thresholds [N], what each adaptation took.

    `task` is the task.safetensors that it wrote, None if it learned from the features that Python stored.
    """

    probabilities: NDArray[Any]
    thresholds: NDArray[Any]
    milliseconds: Sequence[float]
    task: bytes | None = None

    def error(self, reference: Answer) -> float:
        """The largest difference of a probability or threshold."""
        pairs = ((self.probabilities, reference.probabilities), (self.thresholds, reference.thresholds))
        return max(float(np.abs(mine - other).max()) for mine, other in pairs)


@dataclass(frozen=True)
class Job:
    """A bundle, its support folder and queries, and how many times to adapt."""

    bundle: Path
    support: Path
    queries: tuple[Path, ...]
    repeats: int

    @property
    def inputs(self) -> list[RawInput]:
        """The raw queries."""
        return [read_input(path) for path in self.queries]

    @property
    def request(self) -> Request:
        """The same, for the web client."""
        return Request(Support.read(self.support), self.inputs, repeats=self.repeats)


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, default=Path("runs/default/example-disjoint"), help="a finished run"
    )
    parser.add_argument(
        "--precision", default="int8", help="of the bundle: fp32, fp16 or int8 (default: int8)"
    )
    parser.add_argument("--repeats", type=int, default=30, help="adaptations of each client")
    parser.add_argument("--starts", type=int, default=5, help="cold starts of the page")
    arguments = parser.parse_args()
    install_packages()
    names = {"python_onnx": "python_adapt_onnx_ms", "web": "web_adapt_ms"}
    with tempfile.TemporaryDirectory() as name:
        job, one_shot = prepared(Path(name), arguments.run, arguments.precision, arguments.repeats)
        answers = {client: run(job) for client, run in CLIENTS.items()}
        of_one_shot = {client: CLIENTS[client](one_shot).milliseconds for client in names}
        starts = [cold_start(job) for _ in range(arguments.starts)]
        own = Bundle.open(job.bundle, "cpu").adapt(Support.read(job.support))
        errors, errors_from_input = {}, {}
        for client, answer in answers.items():
            errors_from_input[client] = answer.error(answers["python"])
            if answer.task is None:
                errors[client] = errors_from_input[client]
            else:
                again = same_task_in_python(job.bundle, answer.task, own, Path(name) / client)
                errors[client] = answer.error(from_task(again, job))
    for client, error in errors.items():
        assert error <= TOLERANCE, f"{client} is {error:.1e} from Python, more than {TOLERANCE:.0e}"
    metrics = {
        names.get(client, f"{client}_adapt_ms"): statistics.median(answer.milliseconds)
        for client, answer in answers.items()
    }
    metrics |= {
        names[client].replace("_ms", "_one_shot_ms"): statistics.median(found)
        for client, found in of_one_shot.items()
    }
    metrics |= {
        "web_cold_start_seconds": statistics.median(starts),
        "clients_max_error": max(errors.values()),
        "task_delta_kib": stored_kib(),
    }
    path = write_result(
        "everywhere",
        metrics,
        precision=arguments.precision,
        errors=errors,
        errors_from_input=errors_from_input,
        cold_starts=starts,
        milliseconds={client: sorted(answer.milliseconds) for client, answer in answers.items()},
    )
    print(path.read_text(encoding="utf-8"))


def prepared(folder: Path, run_folder: Path, precision: str, repeats: int) -> list[Job]:
    """The run's bundle and a task of its novel labels for each of `SHOTS`, in `folder`."""
    run = Run.open(run_folder, torch.device("cpu"))
    export_bundle(run, folder / "tagger.desire", ExportOptions(precision=precision))
    data, jobs = run.data, []
    for shots in SHOTS:
        sampler = EpisodeSampler.over(
            data.rows, data.dataset.targets, data.split.novel, ways=WAYS, shots=shots, queries=QUERIES
        )
        task = folder / f"{shots}-shot"
        write_episode(data.dataset, sampler.sample(np.random.default_rng(0)), task)
        queries = sorted(path for path in (task / "query").iterdir() if path.suffix != ".jsonl")
        jobs.append(Job(folder / "tagger.desire", task / "support", tuple(queries), repeats))
    return jobs


def python(job: Job) -> Answer:
    """The C++ core, from Python."""
    bundle, support = Bundle.open(job.bundle, "cpu"), Support.read(job.support)
    tasks = [bundle.adapt(support) for _ in range(job.repeats)]
    return from_task(tasks[0], job, [1e3 * task.report.adapt_seconds for task in tasks])


def from_task(task: Task, job: Job, milliseconds: Sequence[float] = ()) -> Answer:
    """What Python's task answers."""
    thresholds = np.array([label.threshold for label in task.report.labels])
    return Answer(task.predict(job.inputs), thresholds, milliseconds)


def python_onnx(job: Job) -> Answer:
    """adapt.onnx and head.onnx in Python's ONNX Runtime, on one thread."""
    bundle = Bundle.open(job.bundle, "cpu")
    manifest, taught = bundle.manifest, bundle.adapt(Support.read(job.support)).taught.current
    adaptation = PortableAdaptation(job.bundle / "adapt.onnx", manifest, threads=1)
    arrays = [array.astype(np.float32) for array in (taught.z, taught.targets, taught.mask, taught.vectors)]
    milliseconds = []
    for _ in range(job.repeats):
        started = time.perf_counter()
        head = adaptation.adapt(*arrays)
        milliseconds.append(1e3 * (time.perf_counter() - started))
    z = bundle.extract([manifest.input.features_of(raw, "a query") for raw in job.inputs])
    session = onnxruntime.InferenceSession(job.bundle / "head.onnx", providers=["CPUExecutionProvider"])
    weights = padded(head.weights, manifest.ways)
    rows = [session.run(["probabilities"], {"z": row[None], **weights})[0][0] for row in z]
    return Answer(np.stack(rows)[:, : len(taught.labels)], head.thresholds, milliseconds)


def node(job: Job) -> Answer:
    """adapt.onnx in onnxruntime-node."""
    return from_json(adapt_in_node(job.bundle, job.request))


def web(job: Job) -> Answer:
    """adapt.onnx in the page: onnxruntime-web in headless Chromium."""
    with serving(job.bundle) as url, chromium() as browser:
        page = browser.new_page()
        opened(page, url)
        return from_json(adapt_in_page(page, job.request))


def c(job: Job) -> Answer:
    """The C++ core, from the C++ client: a process of its own for each adaptation."""
    app = build_programs() / "desire_edge_app"
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "taught"
        adapt = (app, "adapt", job.bundle, "--support", job.support, "--out", out, "--json")
        reports = [json.loads(finished(*adapt)) for _ in range(job.repeats)]
        found = json.loads(finished(app, "predict", out / "model.onnx", *job.queries, "--json"))
        task = (out / "task.safetensors").read_bytes()
    labels = reports[0]["labels"]
    rows = [[row["probabilities"][label["name"]] for label in labels] for row in found["predictions"]]
    thresholds = np.array([label["threshold"] for label in labels])
    return Answer(np.array(rows), thresholds, [1e3 * report["adapt_seconds"] for report in reports], task)


def from_json(found: Mapping[str, Any]) -> Answer:
    """What `adapt_in_node` and `adapt_in_page` return."""
    probabilities, thresholds = (np.array(found[name]) for name in ("probabilities", "thresholds"))
    return Answer(probabilities, thresholds, found["milliseconds"], bytes(found["task"]))


CLIENTS: dict[str, Callable[[Job], Answer]] = {
    "python": python,
    "python_onnx": python_onnx,
    "c": c,
    "node": node,
    "web": web,
}


def cold_start(job: Job) -> float:
    """Seconds from the navigation to the page until its first adaptation, in a browser just started."""
    with serving(job.bundle) as url, chromium() as browser:
        page = browser.new_page()
        keep_in_browser(page, url, Support.read(job.support))
        return seconds_to_first_adaptation(page, url)


def stored_kib(examples: int = 80, labels: int = 16, dimension: int = 300) -> float:
    """What `task.safetensors` takes for so many examples and labels of features of this dimension."""
    taught = Taught.nothing(
        Origin("tagger", "0" * 64, "0" * 64), dimension, dimension, 0, keep_base=False
    ).added(
        [f"label {number}" for number in range(labels)],
        np.zeros((examples, dimension), np.float16),
        np.zeros((examples, labels), np.uint8),
        np.ones((examples, labels), np.uint8),
        np.zeros((examples, 0), np.uint8),
        earlier="unknown",
    )
    return len(task_bytes(taught)) / 1024


if __name__ == "__main__":
    main()
