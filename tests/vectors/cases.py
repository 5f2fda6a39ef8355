"""Tasks for the golden bundles, and what adapting to them must give.

What is expected comes from autograd in float64, on the weights that the bundles hold, and from the equations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from core.reference import Model, Task, adapt, base_scores, project
from numpy.typing import NDArray
from safetensors.numpy import load
from vectors.tiny import BASE_LABELS, FOLDER, VOCABULARY, D, tiny_extractor, x_of

from desire_edge.lexicon import Lexicon
from desire_edge.runtime.manifest import LEXICON, SEMANTICS
from desire_edge.runtime.support import Support

LIMIT = 13.8


@dataclass(frozen=True)
class Case:
    """A task for one of the bundles, and what is asked of it then."""

    name: str
    about: str
    labels: tuple[str, ...]
    support: tuple[dict[str, Any], ...] = ()
    missing: Any = "negative"
    bundle: str = "plain"
    queries: tuple[dict[str, Any], ...] = field(
        default=({"text": "Warm bread, and jazz."}, {"text": "a train to Rome"}, {"text": "nothing it knows"})
    )


BREAD = {"text": "Bread from a hot oven", "labels": ["baking"]}
JAZZ = {"text": "jazz: a trumpet!", "labels": ["jazz"]}
LINUX = {"text": "The Linux kernel, in C++", "labels": ["open source"]}
BOTH = {"text": "bread and JAZZ", "labels": ["baking", "jazz"]}
NEITHER = {"text": "a train to Rome", "labels": []}
TOLD = ({**BREAD, "known_labels": ["cooking"]}, {**JAZZ, "known_labels": ["music", "travel"]}, LINUX)
CASES = (
    Case("one example", "One label and one example, which carries it.", ("baking",), (BREAD,)),
    Case(
        "three examples",
        "Every example says yes or no to every label.",
        ("baking", "jazz", "open source"),
        (BREAD, JAZZ, LINUX),
    ),
    Case(
        "all rows and ways",
        "As many examples and labels as the graphs hold; an example of two labels and one of none; a label that no "
        "example carries.",
        ("baking", "jazz", "open source", "travel"),
        (BREAD, JAZZ, LINUX, BOTH, NEITHER, {"text": "An oven for C++", "labels": ["open source"]}),
    ),
    Case(
        "unknown targets",
        "What an example does not say is not known; one says no.",
        ("baking", "jazz"),
        (BREAD, {**JAZZ, "negative_labels": ["baking"]}, {"text": "linux", "labels": ["jazz"]}),
        missing="unknown",
    ),
    Case("by name alone", "No examples: no step is taken.", ("baking", "open source", "jazz")),
    Case(
        "nothing known",
        "An example of which nothing is known: as without it.",
        ("baking", "jazz"),
        ({"text": "Bread from a hot oven", "labels": []},),
        missing="unknown",
    ),
    Case(
        "no yes",
        "Examples that carry no label, one of them without a word that is known.",
        ("baking", "jazz"),
        (NEITHER, {"text": "nothing it knows", "labels": []}),
    ),
    Case(
        "overshoot",
        "Equal examples with other labels: the last steps are too long, so that the lowest loss is not the last.",
        ("baking", "jazz"),
        (
            BREAD,
            {**BREAD, "labels": ["jazz"]},
            {**BREAD, "labels": []},
            {**BREAD, "labels": ["baking", "jazz"]},
        ),
    ),
    Case(
        "known labels",
        "Base labels stand in for what is seen.",
        ("baking", "jazz", "open source"),
        TOLD,
        bundle="known",
        queries=(
            {"text": "Warm bread, and jazz.", "known_labels": ["music"]},
            {"text": "Warm bread, and jazz."},
        ),
    ),
    Case(
        "known labels by name",
        "No examples, but something is known of what is asked.",
        ("baking", "jazz"),
        bundle="known",
        queries=({"text": "rome", "known_labels": ["travel", "cooking"]}, {"text": "rome"}),
    ),
)


def rounded_to_half(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As float16 and back. Refuses numbers that another order of float32 sums might round otherwise."""
    half = values.astype(np.float16).astype(np.float64)
    ulp = np.maximum(2.0 ** np.floor(np.log2(np.maximum(np.abs(values), 2.0**-14))) * 2.0**-10, 2.0**-24)
    assert (np.abs(np.abs(values - half) - ulp / 2) > 1e-6 * np.abs(values) + 1e-12).all() or not values.size
    return half


def known_rows(items: tuple[dict[str, Any], ...]) -> NDArray[np.float64]:
    return np.array([[float(name in item.get("known_labels", ())) for name in BASE_LABELS] for item in items])


def threshold(
    logits: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The threshold of one label, of the known examples' logits and targets."""
    odds = weights[0]
    if len(logits):
        positives = targets.sum()
        log_odds = np.log((positives + 1) / (len(targets) - positives + 1))
        odds += weights[1:] @ [1, log_odds, logits.mean(), logits.std()]
    return float(1 / (1 + np.exp(-np.clip(odds, -LIMIT, LIMIT))))


def expected(case: Case) -> dict[str, Any]:
    """The case as it stands in the file."""
    arrays = load((FOLDER / case.bundle / SEMANTICS).read_bytes())
    lexicon = Lexicon.open(FOLDER / case.bundle / LEXICON)
    known_labels = case.bundle == "known"
    exact = {name: torch.from_numpy(value).double() for name, value in arrays.items()}
    model = Model(
        **{name: exact[name] for name in ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "w_i", "w_base")}
    )
    extractor = tiny_extractor().double()

    def features(items: tuple[dict[str, Any], ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = np.array([x_of(item["text"]) for item in items]).reshape(len(items), len(VOCABULARY))
        with torch.no_grad():
            return x, np.asarray(extractor(torch.from_numpy(x)), np.float64).reshape(len(items), D)

    support = Support.of(
        [item["text"] for item in case.support],
        [item["labels"] for item in case.support],
        [item.get("negative_labels", ()) for item in case.support],
    )
    targets, mask = (np.asarray(a, np.float64) for a in support.targets(case.labels, case.missing))
    x, exact_z = features(case.support)
    z = rounded_to_half(exact_z)
    query_x, query_z = features(case.queries)
    w_novel = lexicon.label_matrix(case.labels).vectors.astype(np.float16).astype(np.float64)
    known = known_rows(case.support).reshape(len(z), len(BASE_LABELS))
    query_known = known_rows(case.queries)
    task = Task(
        z=torch.from_numpy(z),
        targets=torch.from_numpy(targets),
        mask=torch.from_numpy(mask),
        w_novel=torch.from_numpy(w_novel),
        # The loss of autograd here is a mean over what is known, a bundle's the sum over the labels of the mean.
        step_sizes=exact["step_sizes"] * mask.any(axis=0).sum(),
        known_labels=torch.from_numpy(known) if known_labels else None,
    )
    models, losses = adapt(model, task)
    steps = len(losses) - 1 - int(np.argmin(losses[::-1])) if mask.any() else 0
    if mask.any():
        others = np.delete(losses, steps)
        assert (others > losses[steps] * (1 + 1e-4)).all(), "the lowest loss is too close to another"
    kept = models[steps]
    logits = project(kept, task.z, task.w_novel, task.known_labels).numpy()
    told = torch.from_numpy(query_known) if known_labels else None
    query_logits = project(kept, torch.from_numpy(query_z), task.w_novel, told)
    weights = arrays["threshold_weights"].astype(np.float64)
    tilde = torch.vstack([kept.w2, kept.b2])
    q = tilde @ tilde.T
    q[-1, -1] += 1e-12
    m = kept.w_i @ task.w_novel if known_labels else kept.w_base @ kept.w_i @ task.w_novel
    arrays_in = {"x": x, "z": z, "targets": targets, "mask": mask, "w_novel": w_novel}
    queries_in = {"x": query_x, "z": query_z}
    if known_labels:
        arrays_in["known_labels"], queries_in["known_labels"] = known, query_known
        arrays_in["scores"] = base_scores(model, task.z, task.known_labels).numpy()
    return {
        "name": case.name,
        "about": case.about,
        "bundle": case.bundle,
        "labels": list(case.labels),
        "missing": case.missing,
        "support": list(case.support),
        "queries": list(case.queries),
        "arrays": {name: value.tolist() for name, value in arrays_in.items()},
        "query_arrays": {name: value.tolist() for name, value in queries_in.items()},
        "expected": {
            "losses": losses.tolist(),
            "steps": steps,
            "logits": logits.tolist(),
            "thresholds": [
                threshold(logits[mask[:, n] > 0, n], targets[mask[:, n] > 0, n], weights)
                for n in range(len(case.labels))
            ],
            "query_logits": query_logits.tolist(),
            "query_probabilities": torch.sigmoid(query_logits).tolist(),
            "head": {
                "w1": np.pad(kept.w1.numpy(), [(0, 0), (0, 1)]).tolist(),
                "b1": [*kept.b1.tolist(), 1.0],
                "v": (kept.gamma1 * tilde @ task.w_novel).tolist(),
                "q": q.tolist(),
                "m": (kept.gamma2 * m).tolist(),
            },
        },
    }
