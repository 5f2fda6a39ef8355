"""What a report says that must be measured; kept in the run's folder, part by part."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge import Bundle, DesireEdgeError, Support, __version__
from desire_edge.baselines import PLAIN
from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.calibration import calibrate
from desire_edge.evaluation.comparison.label_map import label_map
from desire_edge.evaluation.comparison.tasks import tasks_rng
from desire_edge.evaluation.evaluate import Figures
from desire_edge.evaluation.own import all_eligible, measured, novel_tasks
from desire_edge.export import export_bundle
from desire_edge.files import read_json, write_json
from desire_edge.inputs import RawInput
from desire_edge.lexicon.static import StaticTable
from desire_edge.runtime.contents import bundle_contents
from desire_edge.runtime.manifest import LEXICON
from desire_edge.training.run import Run

KEPT = "report.json"
SHOTS, WAYS = (1, 2, 5, 10), (2, 5, 10, 20)
CELLS = (*((5, shots) for shots in SHOTS), *((ways, 5) for ways in WAYS if ways != 5))
"""Ways and shots that are measured: 5-way tasks by shots, 5-shot tasks by ways."""

Report = Callable[[str, int, int], None]
"""Called with a part's name, the parts done and the parts in all."""


@dataclass(frozen=True)
class Budget:
    """How much is measured: `tasks` a cell, `repeats` of what is timed, and the baselines beside ours or not."""

    tasks: int
    repeats: int
    baselines: bool = True


FULL, QUICK = Budget(200, 15), Budget(20, 5)


def measured_run(run: Run, budget: Budget, report: Report) -> dict[str, Any]:
    """The parts of a finished run's report, as JSON values: what its folder keeps of them, and else measured.

    A part is an evaluation (`5w1s` and so on), `calibration`, `map` or `bundle`; one that cannot be had is
    {"missing": why}.

    Raises:
        DesireEdgeError: the run is not finished.
    """
    run.require_finished()
    parts: dict[str, Callable[[], Any]] = {
        f"{ways}w{shots}s": partial(_evaluated, run, ways, shots, budget) for ways, shots in CELLS
    }
    parts |= {
        "calibration": partial(_calibrated, run, budget),
        "map": partial(_png, run),
        "bundle": partial(_exported, run, budget),
    }
    with run.checkpoint_path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    settings = {"of": digest, "version": __version__, "machine": machine(), **asdict(budget)}
    return _kept_parts(run.folder / KEPT, settings, parts, report)


def measured_bundle(bundle: Bundle, budget: Budget, report: Report) -> dict[str, Any]:
    """The one part that a bundle alone gives: `bundle`."""
    report("bundle", 0, 1)
    found = {"bundle": _bundle(bundle, budget)}
    report("bundle", 1, 1)
    return found


def machine() -> str:
    """What ran the measurements: the processor, and how many there are."""
    names = []
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name}, {platform.system()}"


def _kept_parts(
    path: Path, settings: Mapping[str, Any], parts: Mapping[str, Callable[[], Any]], report: Report
) -> dict[str, Any]:
    """Each part as `path` has it, if it was measured with these settings; else measured and written there."""
    kept: dict[str, Any] = {}
    if path.is_file():
        try:
            stored = read_json(path)
            kept = dict(stored["parts"]) if stored["settings"] == settings else {}
        except (DesireEdgeError, KeyError, TypeError, ValueError):
            kept = {}  # no file of ours, or cut off: measured again
    found: dict[str, Any] = {}
    for done, (name, measure) in enumerate(parts.items()):
        report(name, done, len(parts))
        if name not in kept:
            try:
                value = measure()
            except DesireEdgeError as error:
                value = {"missing": str(error)}
            # NaN, a figure that could not be had, becomes null.
            kept[name] = json.loads(json.dumps(value), parse_constant=lambda _: None)
            write_json(path, {"settings": settings, "parts": kept})
        found[name] = kept[name]
    report("", len(parts), len(parts))
    return found


def _sampler(run: Run, ways: int, shots: int) -> tuple[EpisodeSampler, bool]:
    """The tasks of a cell, and whether they are over the eligible labels alone."""
    possible = []
    for each in CELLS:
        with suppress(DesireEdgeError):
            possible.append(novel_tasks(run, *each, eligible_only=False))
    eligible = all_eligible(possible)
    return novel_tasks(run, ways, shots, eligible_only=eligible), eligible


def _evaluated(run: Run, ways: int, shots: int, budget: Budget) -> dict[str, Any]:
    """The figures of a cell, ours and the baselines', on the tasks that `desire-edge evaluate` draws."""
    sampler, eligible = _sampler(run, ways, shots)
    baselines = PLAIN if budget.baselines else ()
    scores, rows = measured(run, run.batcher(), sampler, tasks=budget.tasks, baselines=baselines)
    figures = asdict(Figures.of(scores, len(sampler.drawn)))
    return {"eligible": eligible, "rows": [asdict(row) for row in rows], **figures}


def _calibrated(run: Run, budget: Budget) -> dict[str, Any]:
    ways, shots = min(5, len(run.data.split.novel)), 5
    sampler, _ = _sampler(run, ways, shots)
    found = calibrate(run.learner, run.batcher(), sampler, tasks=budget.tasks, rng=tasks_rng(ways, shots))
    return {"ways": ways, "shots": shots, **asdict(found)}


def _png(run: Run) -> str:
    """The map of the labels, a PNG in base64."""
    content = io.BytesIO()
    label_map(run).savefig(content, format="png", dpi=110)
    return base64.b64encode(content.getvalue()).decode()


def _exported(run: Run, budget: Budget) -> dict[str, Any]:
    """The bundle that the run gives, exported as `desire-edge export` does by default."""
    with tempfile.TemporaryDirectory(prefix="desire-edge-") as folder:
        _, parity = export_bundle(run, Path(folder) / f"{run.folder.name}.desire")
        found = _bundle(Bundle.open(Path(folder) / f"{run.folder.name}.desire", "cpu"), budget)
    return {**found, "parity": parity.to_json()}


def _bundle(bundle: Bundle, budget: Budget) -> dict[str, Any]:
    """What a bundle weighs, and how long it takes on this machine to adapt and to predict."""
    said = bundle.manifest
    files = [
        {"name": file.name, "bytes": file.bytes, "share": file.share, "purpose": file.purpose}
        for file in bundle_contents(bundle)
    ]
    return {
        "files": files,
        "dimension": said.dimension,
        "hidden": said.hidden,
        "ways": said.ways,
        "input": said.input.kind,
        "precision": said.precision,
        "base_labels": len(said.base_labels),
        "conditioning": said.conditioning,
        "lineage": _lineage(bundle),
        "timed": _timed(bundle, budget.repeats),
    }


def _lineage(bundle: Bundle) -> list[dict[str, str]]:
    """What a static lexicon was made of: names, versions and licences."""
    if LEXICON not in bundle.manifest.files:
        return []
    vectors = bundle.lexicon.tables.vectors
    return [asdict(entry) for entry in vectors.lineage] if isinstance(vectors, StaticTable) else []


def _timed(bundle: Bundle, repeats: int) -> dict[str, Any]:
    """Medians in seconds: to adapt to 5 labels with 5 examples each, and to predict one input.

    In all, and of adapting what the extractor takes and what the core takes.
    """
    labels = bundle.manifest.base_labels[: min(5, bundle.manifest.ways)]
    ways = len(labels)
    inputs, what = _inputs(bundle, 5 * ways)
    support = Support.of(inputs, [[label] for label in labels] * 5)
    task = bundle.adapt(support)
    task.predict(inputs[:1])
    seconds: dict[str, list[float]] = {"adapt": [], "extract": [], "learn": [], "predict": []}
    for _ in range(repeats):
        started = time.perf_counter()
        task = bundle.adapt(support)
        seconds["adapt"].append(time.perf_counter() - started)
        seconds["extract"].append(task.report.extract_seconds)
        seconds["learn"].append(task.report.adapt_seconds)
        task.predict(inputs[:1])  # opens the model
        started = time.perf_counter()
        task.predict(inputs[:1])
        seconds["predict"].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {**medians, "ways": ways, "inputs": what, "machine": machine(), "provider": task.report.provider}


WORDS = 100  # of a text that is timed
SIDE = 256  # of a picture


def _inputs(bundle: Bundle, count: int) -> tuple[list[RawInput], str]:
    """So many made-up inputs of the bundle's kind, and what they are."""
    rng, spec = np.random.default_rng(0), bundle.manifest.input
    if spec.kind == "vector":
        return [rng.normal(size=spec.features) for _ in range(count)], "vectors"
    if spec.kind == "image":
        pictures: list[RawInput] = [rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(count)]
        return pictures, f"pictures of {SIDE} × {SIDE}"
    words = [word for name in bundle.manifest.base_labels for word in name.split()]
    return [" ".join(rng.choice(words, WORDS)) for _ in range(count)], f"texts of {WORDS} words"
