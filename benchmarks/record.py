"""Results as files anyone can compare: `benchmarks/results/NAME.json`, written by the command that measured them."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from desire_edge.files import write_json

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("desire-edge", "numpy", "torch", "onnx", "onnxruntime", "scikit-learn")


def write_result(name: str, metrics: Mapping[str, float], **details: Any) -> Path:
    """Write the result `name`: the command, versions, machine, `metrics` (name to number), and any details."""
    path = RESULTS / f"{name}.json"
    # Where something lies on this machine tells nobody anything.
    given = [Path(part).name if Path(part).is_absolute() else part for part in sys.argv[1:]]
    record = {
        "command": " ".join(["python", os.path.relpath(sys.argv[0]), *given]),
        "versions": versions(),
        "machine": machine(),
        "metrics": dict(metrics),
        **details,
    }
    write_json(path, record)
    return path


def merge_result(
    name: str, part: str, metrics: Mapping[str, float], details: Mapping[str, Any] | None = None
) -> Path:
    """Write the result `name` with `part` of it measured anew; the other parts stay as they are.

    Its metrics are those of all parts; each part keeps its own beside its details.
    """
    path = RESULTS / f"{name}.json"
    parts = json.loads(path.read_bytes())["parts"] if path.is_file() else {}
    parts[part] = {"metrics": dict(metrics), "machine": machine(), **(details or {})}
    every = {key: value for found in parts.values() for key, value in found["metrics"].items()}
    return write_result(name, every, command=f"python {os.path.relpath(sys.argv[0])}", parts=parts)


def rounded(value: Any, digits: int = 5) -> Any:
    """The same with figures of no more digits than they are worth, and NaN as null."""
    if isinstance(value, Mapping):
        return {key: rounded(found, digits) for key, found in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(found, digits) for found in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, digits)
    return value


def versions() -> dict[str, str]:
    """Python's version and those of the packages that matter, where they are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def machine() -> str:
    """Processor, cores and system, in a line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text().splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model
        )
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
