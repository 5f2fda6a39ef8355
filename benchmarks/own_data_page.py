"""docs/own-data.md: what results/own_data.json says, as tables. `own_data.py` writes it after each part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from record import RESULTS

PAGE = Path(__file__).parent.parent / "docs/own-data.md"
TITLES = {
    "debtags_minilm": ("Debtags with MiniLM", "texts; `desire-edge train --data debtags --backbone minilm`"),
    "debtags_words": ("Debtags with the static lexicon", "texts; `desire-edge train --data debtags`"),
    "openmoji_efficientnet_lite0": (
        "OpenMoji with EfficientNet-lite0",
        "pictures; `desire-edge train --data openmoji`",
    ),
    "delicious_mlp": ("Delicious", "bags of 500 words; `desire-edge train --data delicious`"),
    "sample_words": ("The sample corpus with the static lexicon", "texts; `desire-edge train --data sample`"),
    "sample_mlp": (
        "The sample corpus with a trained MLP",
        "texts; `desire-edge train --data sample --backbone mlp`",
    ),
}
HEAD = """# What it is worth on your data

Our recipe and what a user would write instead, on the same tasks over labels that training never saw. Micro ROC AUC,
means over the tasks, with the half-width of their 95 % interval. Every method's settings (penalties, the cosine's
weight, which features) were chosen on tasks of the validation labels. *Italic*: better than ours; **bold**: worse
than ours; both where the 95 % interval of the paired difference leaves 0 out.
[own_data.json](../benchmarks/results/own_data.json) has every figure, each difference with its interval, the macro AUC
and the settings; `python benchmarks/own_data.py` measures it all (about two hours of two cores) and writes this page.

*Cosine to the name* needs no examples; where examples and names share no space, a closed-form map learned from the
base labels joins them. *Ridge* and *logistic regression* are fitted to the support, on the frozen encoder's
features or the words' vectors; *logistic + cosine* adds the two. *TF-IDF + logistic* has each label's name as one more
support text. `desire-edge evaluate` prints the same rows for a run of yours.
"""


def page(result: Mapping[str, Any]) -> str:
    """The page, of what has been measured so far."""
    parts = result["parts"]
    return "\n".join([HEAD, *(section(name, parts[name]) for name in TITLES if name in parts)])


def section(name: str, part: Mapping[str, Any]) -> str:
    """One data set's table."""
    cells = part["cells"]
    title, how = TITLES[name]
    methods: dict[str, str] = {}
    for cell in cells.values():
        methods |= {row["name"]: row["title"] for row in cell["rows"]}
    lines = [
        f"| | {' | '.join(methods.values())} |",
        f"|---|{'---|' * len(methods)}",
        *(f"| {name} | {' | '.join(figures(cell, list(methods)))} |" for name, cell in cells.items()),
    ]
    metrics = part["metrics"]
    seconds, most = metrics[f"{name}_train_cpu_seconds"], metrics[f"{name}_train_peak_bytes"]
    some = next(iter(cells.values()))
    which = "eligible novel labels" if some["eligible"] else "novel labels"
    return (
        f"## {title}\n\n{how[0].upper()}{how[1:]}: {seconds:.0f} s of CPU time, {most / 2**30:.1f} GiB. "
        f"Tasks over {some['labels']} {which}.\n\n" + "\n".join(lines) + "\n"
    )


def figures(cell: Mapping[str, Any], methods: list[str]) -> list[str]:
    """A cell's figure of each method."""
    found = {row["name"]: row for row in cell["rows"]}
    return [figure(found[name]) if name in found else "–" for name in methods]


def figure(row: Mapping[str, Any]) -> str:
    """0.812 ± 0.004, with a mark where the difference from ours is significant."""
    value = f"{row['micro_auc']['mean']:.3f} ± {row['micro_auc']['half_width']:.3f}"
    if not row["significant"]:
        return value
    mark = "**" if row["ours_minus"]["mean"] > 0 else "*"
    return f"{mark}{value}{mark}"


def write_page() -> None:
    """Write the page."""
    PAGE.write_text(page(json.loads((RESULTS / "own_data.json").read_bytes())), encoding="utf-8")


if __name__ == "__main__":
    write_page()
