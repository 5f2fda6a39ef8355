"""What `predict --why` shows: the terms of each predicted label's logit, as tables and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from desire_edge import Bundle, DesireEdgeError, Predictor, Task
from desire_edge.cli.common import only_bundle
from desire_edge.cli.tables import plain
from desire_edge.files import atomic_path
from desire_edge.inputs import RawInput
from desire_edge.runtime.explain import Explanation, Term
from desire_edge.runtime.predictor import MODEL
from desire_edge.runtime.taught_file import TASK

FOR, AGAINST = "#0072B2", "#D55E00"  # Okabe and Ito's blue and vermillion
LONGEST = 48  # letters of a name in the picture
MOST_PANELS = 40


def taught_task(model: Path, bundle: Path | None, provider: str) -> Task:
    """The task whose adapted model is `model` (OUT, or OUT/model.onnx), adapted again with its bundle."""
    folder = model if model.is_dir() else model.parent
    if (folder / MODEL).is_file() and not (folder / TASK).is_file():
        raise DesireEdgeError(
            f"--why needs the examples that the model was taught with, and {folder} holds no {TASK} "
            "(--forget-support leaves it away); teach the task again without --forget-support",
            "task",
        )
    return Bundle.open(bundle or only_bundle(Path()), provider).resume(folder)


def explain_all(
    task: Task,
    predictor: Predictor,
    raws: Sequence[RawInput],
    known_labels: Sequence[Sequence[str]],
    probabilities: NDArray[np.float32],
) -> list[Explanation]:
    """Why `predictor` gives n raw inputs their probabilities [n, N]; refused where it was not taught `task`."""
    found = [task.explain(raw, known) for raw, known in zip(raws, known_labels, strict=True)]
    explained = np.array([explanation.probabilities for explanation in found])
    if predictor.labels != task.labels or not np.allclose(probabilities, explained, rtol=0, atol=1e-3):
        raise DesireEdgeError(
            f"the {MODEL} is not the one that the {TASK} beside it gives with this bundle, so --why cannot say why; "
            "teach the task again",
            "task",
        )
    return found


def said(term: Term, explanation: Explanation) -> str:
    """What spoke, in words."""
    match term.kind:
        case "base label":
            return f"base label {term.what}" + {1: ", like it", -1: ", unlike it"}.get(term.like, "")
        case "base labels":
            return f"the other {term.what} base labels"
        case "example":
            carried = ", ".join(explanation.example_labels[int(term.what)])
            return f"example {term.what}: {carried or 'none of the labels'}"
        case "examples":
            return f"the other {term.what} examples"
    return {
        "name": "its name",
        "bias": "how many labels there are",
        "rounding": "rounding to single precision",
    }[term.kind]


def heading(name: str, label: str, explanation: Explanation) -> str:
    """The input, the label, and whether it holds."""
    n = explanation.labels.index(label)
    probability, threshold = explanation.probabilities[n], explanation.thresholds[n]
    holds = "holds" if probability >= threshold else "does not hold"
    return f"{name}: {label} {probability:.3f}, {holds} (from {threshold:.3f})"


def show_why(console: Console, name: str, explanation: Explanation) -> None:
    """A table for each predicted label of the input `name`: what spoke for it and against it, in logits."""
    for label in explanation.predicted:
        table = Table(
            "what spoke",
            "adds",
            title=plain(heading(name, label, explanation)),
            title_justify="left",
            show_footer=True,
        )
        table.columns[0].overflow, table.columns[1].justify = "fold", "right"
        table.columns[0].footer = "in all: the log odds of the probability"
        table.columns[1].footer = f"{explanation.logits[explanation.labels.index(label)]:+.3f}"
        for term in explanation.terms(label):
            figures = f"{term.value:+.0e}" if term.kind == "rounding" else f"{term.value:+.3f}"
            table.add_row(
                plain(said(term, explanation)), plain(figures, "green" if term.value > 0 else "red")
            )
        console.print(table)


def draw_why(path: Path, names: Sequence[str], explanations: Sequence[Explanation]) -> None:
    """Write a PNG to `path`: a panel of bars for each predicted label of each input."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise DesireEdgeError(
            f"--why-png needs {error.name}, which is not installed; install it with pip install matplotlib"
        ) from error
    panels = [
        (heading(name, label, found), found, found.terms(label))
        for name, found in zip(names, explanations, strict=True)
        for label in found.predicted
    ]
    if len(panels) > MOST_PANELS:
        raise DesireEdgeError(
            f"--why-png would draw {len(panels)} pictures, more than {MOST_PANELS}; name fewer inputs"
        )
    heights = [len(terms) for _, _, terms in panels]
    figure = Figure((8, 0.3 * sum(heights) + 0.9 * len(panels)), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes_of = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, found, terms) in zip(axes_of, panels, strict=True):
        values = [term.value for term in terms]
        bars = axes.barh(range(len(terms)), values, color=[FOR if value > 0 else AGAINST for value in values])
        axes.bar_label(bars, [_figures(term) for term in terms], padding=3, fontsize=8)
        axes.set_yticks(
            range(len(terms)), [_short(said(term, found)) for term in terms], fontsize=9, parse_math=False
        )
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.axvline(0, color="#222222", linewidth=0.8)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_title(_short(title, 90), loc="left", fontsize=10, parse_math=False)
    axes_of[-1].set_xlabel("what it adds to the log odds")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _figures(term: Term) -> str:
    return f"{term.value:+.0e}" if term.kind == "rounding" else f"{term.value:+.3f}"


def _short(text: str, length: int = LONGEST) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
