"""What each ingredient of the recipe is worth: `python benchmarks/ablation.py` writes results/ablation.json and
docs/ablation.md.

Trains label seed 0 under `example-disjoint` (and a few rows under `label-disjoint`) with the best recipe and with one
thing changed at a time, 15 % of the training file held out, and measures tasks over the validation labels. Runs that
differ in meta-training alone share their F. Finished runs in `--runs` are used again; stopped ones are continued.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import write_result
from rich.console import Console
from training_runs import finished_run, opened_run

from desire_edge.data import EpisodeSampler
from desire_edge.evaluation.comparison.parts import fingerprint
from desire_edge.metrics import Estimate
from desire_edge.models import extract
from desire_edge.training.config import MetaConfig, load_config
from desire_edge.training.episodes import EpisodeBatcher
from desire_edge.training.progress import show_progress
from desire_edge.training.run import Run
from desire_edge.training.scoring import score_tasks
from desire_edge.training.stages import train_extractors

TABLE = Path(__file__).parents[1] / "docs" / "ablation.md"
CELLS = ((5, 1), (5, 5), (10, 1), (10, 5), (2, 5))
VARIANTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "best": ("example-disjoint", ()),
    "no_label_bias": ("example-disjoint", ("extractor.label_bias=false",)),
    "no_cross_fitting": ("example-disjoint", ("meta.folds=0",)),
    "no_multi_step_loss": ("example-disjoint", ("meta.multi_step_weight=0",)),
    "no_zero_shot_loss": ("example-disjoint", ("meta.zero_shot_weight=0",)),
    "fixed_step_sizes": ("example-disjoint", ("meta.learn_step_sizes=false",)),
    "steps_3": ("example-disjoint", ("meta.inner_steps=3",)),
    "batches_2000": ("example-disjoint", ("meta.batches=2000",)),
    "ways_5_to_10": ("example-disjoint", ("meta.ways=[5, 10]",)),
    "no_word_dropout": ("example-disjoint", ("extractor.input_dropout=0.0",)),
    "dropout_0.3": ("example-disjoint", ("extractor.dropout=0.3",)),
    "glove_50_alone": ("example-disjoint", ('lexicon.sources=["glove-50"]',)),
    "spacy_md_alone": ("example-disjoint", ('lexicon.sources=["spacy-md"]',)),
    "label_disjoint_best": ("label-disjoint", ()),
    "label_disjoint_fixed_label_weights": ("label-disjoint", ("extractor.label_weights=vectors",)),
    "label_disjoint_epochs_20": ("label-disjoint", ("extractor.epochs=20", "extractor.dropout=0.1")),
    "label_disjoint_cross_fitting": (
        "label-disjoint",
        ("extractor.label_weights=vectors", "meta.folds=4"),
    ),
}
"""Name -> (protocol, settings that differ from the best recipe)."""


def trained(runs: Path, name: str) -> Run:
    """The finished run of a variant, on an F shared with the others that ask for the same."""
    protocol, overrides = VARIANTS[name]
    options = {"data": "delicious", "protocol": protocol, "hold_out": True}
    config = load_config(None, overrides, options, "best")
    folds = max(config.meta.folds, load_config(None, (), options, "best").meta.folds)
    shared = config.model_copy(update={"meta": MetaConfig(folds=folds)})
    key = fingerprint({**shared.model_dump(mode="json", exclude={"meta"}), "folds": folds})
    run = opened_run(runs / name, config)
    if run.progress.stage == "pretrain":
        giver = opened_run(runs / f"extractors-{key}", shared)
        with show_progress(Console(stderr=True), giver) as report:
            train_extractors(giver, report)
        run.adopt_extractors(giver)
    return finished_run(runs / name, config)


def figures(run: Run, tasks: int) -> dict[str, list[float]]:
    """Micro AUC of each validation task, by cell, and those before any step of the first cell."""
    data = run.data
    z = extract(run.extractor, data.x)
    batcher = EpisodeBatcher(z, data.dataset.targets, data.w, data.split.base)
    found = {}
    for ways, shots in CELLS:
        sampler = EpisodeSampler.over(
            data.rows, data.dataset.targets, data.split.validation, ways=ways, shots=shots
        )
        rng = np.random.default_rng([0, ways, shots])
        scores = score_tasks(run.learner, batcher, sampler, tasks=tasks, rng=rng)
        found[f"{ways}w{shots}s"] = scores.micro_auc
        if (ways, shots) == (5, 1):
            found["5w0s"] = [steps[0] for steps in scores.micro_auc_by_step]
    return found


def table(metrics: dict[str, float], details: dict[str, Any]) -> str:
    """The result in Markdown: what each variant changes, and by how much it then differs from the recipe."""
    cells = ["5w0s", *(f"{ways}w{shots}s" for ways, shots in CELLS)]
    lines = [
        "# What the recipe's ingredients are worth",
        "",
        "Written by `python benchmarks/ablation.py`. Delicious, label seed 0, tasks over the validation labels,",
        "15 % of the training file held out. Micro AUC in points: the recipe's, and below it the difference that",
        "the settings named make, with the half-width of a 95 % interval over tasks, paired on the same ones. A",
        "line is one training run: what other random numbers would change is not in the interval.",
    ]
    for protocol in ("example-disjoint", "label-disjoint"):
        lines += [
            "",
            f"## {protocol}",
            "",
            f"| changed | {' | '.join(cells)} |",
            "|---" * (len(cells) + 1) + "|",
        ]
        for name in (name for name, of in details.items() if of["protocol"] == protocol):
            settings = details[name]["settings"]
            if settings:
                changes = (details[name]["minus_best"][cell] for cell in cells)
                figures = [f"{100 * c['mean']:+.1f} ± {100 * c['half_width']:.1f}" for c in changes]
            else:
                figures = [f"{100 * metrics[f'{name}_{cell}_micro_auc']:.1f}" for cell in cells]
            what = "<br>".join(f"`{setting}`" for setting in settings) or "nothing: the recipe"
            lines.append(f"| {what} | {' | '.join(figures)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="where the runs are kept")
    parser.add_argument("--tasks", type=int, default=300, help="tasks a figure")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="which, separated by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}
    reference: dict[str, dict[str, list[float]]] = {}
    for name in arguments.variants.split(","):
        protocol, overrides = VARIANTS[name]
        found = figures(trained(arguments.runs, name), arguments.tasks)
        reference.setdefault(protocol, found)  # the first of a protocol is the recipe itself
        for cell, values in found.items():
            metrics[f"{name}_{cell}_micro_auc"] = round(Estimate.of(values).mean, 5)
        details[name] = {
            "protocol": protocol,
            "settings": overrides,
            "minus_best": {
                cell: vars(
                    Estimate.of([a - b for a, b in zip(values, reference[protocol][cell], strict=True)])
                )
                for cell, values in found.items()
            },
        }
        write_result("ablation", metrics, details=details)
        TABLE.write_text(table(metrics, details), encoding="utf-8")
        print(name, {cell: metrics[f"{name}_{cell}_micro_auc"] for cell in found}, file=sys.stderr)


if __name__ == "__main__":
    main()
