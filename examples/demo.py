"""The whole path in one command: train, export, adapt to labels never seen, predict. Run by `make demo`.

Each step is a command of `desire-edge` that you can run yourself; the AUC at the end comes from `model.onnx` alone, run
by ONNX Runtime on pages whose labels the model learned from a handful of examples.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge.data import load_dataset
from desire_edge.metrics import macro_auc, micro_auc

MARK = ".desire-edge-demo"  # in folders that the next demo may remove
COMMAND = [sys.executable, "-m", "desire_edge"]


def run(*arguments: str, show: bool = True) -> Any:
    """Run one command as a user would; with `show` False its JSON is returned instead of printed."""
    print(f"\n$ desire-edge {shlex.join(arguments)}", flush=True)
    if show:
        subprocess.run([*COMMAND, *arguments], check=True)
        return None
    output = subprocess.run([*COMMAND, *arguments, "--json"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)


def score(predictions: list[dict[str, Any]], queries: Path) -> tuple[float, float]:
    """Micro and macro AUC of predictions on a folder of labelled queries."""
    entries = [
        json.loads(line) for line in (queries / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    truth = {entry["file_name"]: set(entry["labels"]) for entry in entries}
    scores, targets = [], []
    for prediction in predictions:
        carried = truth[Path(prediction["file"]).name]
        scores.append(list(prediction["probabilities"].values()))
        targets.append([label in carried for label in prediction["probabilities"]])
    return micro_auc(np.array(targets), np.array(scores)), macro_auc(np.array(targets), np.array(scores))


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="auto", help="auto, delicious or sample (default: auto)")
    parser.add_argument(
        "--out", type=Path, default=Path("build/demo"), help="where everything goes (default: build/demo)"
    )
    arguments = parser.parse_args()
    name, out = load_dataset(arguments.data).name, arguments.out
    if out.exists():
        if not (out / MARK).is_file():
            raise SystemExit(f"{out} exists and no demo made it; name another folder with --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()
    started = time.perf_counter()

    run("train", "--data", name, "--out", str(out / "run"))
    run("evaluate", str(out / "run"), "--tasks", "100")
    run("export", str(out / "run"), "--out", str(out / "tagger.desire"))

    # From here on, what a device does: no torch, no training framework.
    task, queries = out / "task", out / "task" / "query"
    run("data", "episode", "--run", str(out / "run"), "--out", str(task), "--shots", "5")
    run("adapt", str(out / "tagger.desire"), "--support", str(task / "support"), "--out", str(out / "taught"))
    labels = run("info", str(out / "taught"), show=False)["labels"]
    names_only = ["--shots", "0", "--labels", ",".join(labels), "--out", str(out / "by-name")]
    run("adapt", str(out / "tagger.desire"), *names_only)
    print("\nProbabilities of labels the model had never seen, on pages it had never seen:")
    five = sorted(file for file in queries.iterdir() if file.name != "metadata.jsonl")[:5]
    run("predict", str(out / "taught" / "model.onnx"), *map(str, five))

    print(f"\nAUC over all {len(list(queries.iterdir())) - 1} query pages of {', '.join(labels)}:")
    for folder, what in (
        (out / "by-name", "from their names alone"),
        (out / "taught", "after 5 examples each"),
    ):
        predictions = run("predict", str(folder / "model.onnx"), str(queries), show=False)["predictions"]
        micro, macro = score(predictions, queries)
        print(f"  {what}: micro AUC {micro:.3f}, macro AUC {macro:.3f}")
    print(f"\n{name}: {time.perf_counter() - started:.0f} s in all; everything is in {out}")


if __name__ == "__main__":
    main()
