"""What the defaults reach on Delicious: `python benchmarks/default.py` writes results/default.json.

Trains label seed 0 under `label-disjoint` and `example-disjoint` with default settings, measures 600 tasks at 5-way 1-
and 5-shot on the novel labels, and exports, which measures how far ONNX Runtime and the C++ core are from torch.
Finished runs in `--runs` are used again; stopped ones are continued.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import write_result
from training_runs import finished_run

from desire_edge.evaluation.evaluate import EvaluateOptions, evaluate
from desire_edge.export import export_bundle
from desire_edge.training.config import load_config

PROTOCOLS = ("label-disjoint", "example-disjoint")


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/default"), help="where the runs are kept")
    parser.add_argument("--tasks", type=int, default=600, help="tasks a figure")
    arguments = parser.parse_args()
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        config = load_config(None, (), {"data": "delicious", "protocol": protocol}, "best")
        run = finished_run(arguments.runs / protocol, config)
        prefix = protocol.replace("-", "_")
        for shots in (1, 5):
            result = evaluate(run, EvaluateOptions(shots=shots, tasks=arguments.tasks))
            assert result.eligible is not None, "Delicious has eligible labels"
            metrics[f"{prefix}_5w{shots}s_micro_auc"] = result.eligible.micro_auc.mean
            metrics[f"{prefix}_5w{shots}s_zero_shot_micro_auc"] = result.eligible.zero_shot_micro_auc.mean
            metrics[f"{prefix}_5w{shots}s_all_labels_micro_auc"] = result.all_labels.micro_auc.mean
            details[f"{protocol}, 5-way {shots}-shot"] = result.to_json()
        metrics[f"{prefix}_train_seconds"] = run.progress.seconds
        with tempfile.TemporaryDirectory() as folder:
            manifest, parity = export_bundle(run, Path(folder) / "default.desire")
        metrics["parity_max_error"] = max(metrics.get("parity_max_error", 0.0), parity.worst)
        metrics[f"{prefix}_conditioning"] = manifest.conditioning
        details[f"{protocol}, parity"] = parity.to_json()
    path = write_result("default", metrics, details=details)
    print(path.read_text(encoding="utf-8"), file=sys.stdout)


if __name__ == "__main__":
    main()
