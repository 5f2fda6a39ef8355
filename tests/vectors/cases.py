"""Tasks for the golden bundles, and what adapting to them must give.

What is expected comes from autograd in float64, on the weights that the bundles hold, and from the equations.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from core.prior_reference import PriorModel
from core.prior_reference import adapt as prior_adapt
from core.prior_reference import base_scores as prior_scores
from core.reference import Model, Task, adapt, base_scores, project
from numpy.typing import NDArray
from safetensors.numpy import load
from vectors.tiny import BASE_LABELS, FOLDER, PRIOR, VOCABULARY, tiny_extractor, x_of

from desire_edge.lexicon import Lexicon
from desire_edge.runtime.manifest import LEXICON, MANIFEST, SEMANTICS
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
    Case(
        "prior",
        "The head prior: every example says yes or no to every label, and base labels stand in for what is seen.",
        ("baking", "jazz", "open source"),
        TOLD,
        bundle="prior",
        queries=(
            {"text": "Warm bread, and jazz.", "known_labels": ["music"]},
            {"text": "Warm bread, and jazz."},
        ),
    ),
    Case(
        "prior, all rows and ways",
        "As many examples and labels as the graphs hold, and equal ones; a label that no example carries.",
        ("baking", "jazz", "open source", "travel"),
        (BREAD, JAZZ, LINUX, BOTH, NEITHER, BREAD),
        bundle="prior",
    ),
    Case(
        "prior, unknown targets",
        "What an example does not say is not known; one says no.",
        ("baking", "jazz"),
        (BREAD, {**JAZZ, "negative_labels": ["baking"]}, {"text": "linux", "labels": ["jazz"]}),
        missing="unknown",
        bundle="prior",
    ),
    Case(
        "prior, nothing known",
        "An example of which nothing is known: as without it.",
        ("baking", "jazz"),
        ({"text": "Bread from a hot oven", "labels": []},),
        missing="unknown",
        bundle="prior",
    ),
    Case(
        "prior, more and fewer examples",
        "One label of three positives, one of one, and one that is known of nothing but that an example lacks it.",
        ("baking", "jazz", "open source"),
        (
            {**BREAD, "negative_labels": ["jazz", "open source"]},
            {**BREAD, "text": "warm bread", "negative_labels": ["jazz"]},
            {"text": "an oven", "labels": ["baking", "jazz"]},
        ),
        missing="unknown",
        bundle="prior",
    ),
    Case(
        "prior, by name alone",
        "No examples.",
        ("baking", "jazz"),
        bundle="prior",
        queries=({"text": "rome", "known_labels": ["travel", "cooking"]}, {"text": "rome"}),
    ),
    Case(
        "sparse",
        "The head prior behind an extractor that takes the words of a text, of which a query has none that is known.",
        ("baking", "jazz", "open source"),
        (
            BREAD,
            JAZZ,
            LINUX,
            BOTH,
            {"text": "a train to Rome, an oven, 42 trumpets, 旅行 and naïve C++", "labels": []},
        ),
        bundle="sparse",
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


def set_thresholds(
    stated: dict[str, Any], targets: NDArray[np.float64], mask: NDArray[np.float64]
) -> list[float]:
    """From which probability on each label belongs to the set of a coverage, by the words of docs/bundle.md."""
    found = []
    for target, known in zip(targets.T, mask.T, strict=True):
        positives, negatives = (target * known).sum(), ((1 - target) * known).sum()
        number = stated["negatives"] if negatives else stated["by_name"]
        if positives:
            fitting = [given for count, given in stated["examples"] if count <= positives]
            number = fitting[-1] if fitting else stated["negatives"]
        others = (mask.max(axis=1) > 0).sum() - positives if len(mask) else 0
        if number is not None and 0 < positives < others:
            number += np.log(positives / others)
        found.append(0.0 if number is None else float(1 / (1 + np.exp(-number))))
    return found


def expected(case: Case) -> dict[str, Any]:
    """The case as it stands in the file."""
    arrays = load((FOLDER / case.bundle / SEMANTICS).read_bytes())
    lexicon = Lexicon.open(FOLDER / case.bundle / LEXICON)
    known_labels = case.bundle != "plain"
    extractor = tiny_extractor(case.bundle).double()

    def features(items: tuple[dict[str, Any], ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x = np.array([x_of(item["text"]) for item in items]).reshape(len(items), len(VOCABULARY))
        with torch.no_grad():
            z = np.asarray(extractor(torch.from_numpy(x)), np.float64)
        return x, z.reshape(len(items), extractor.dimension)

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
    arrays_in = {"x": x, "z": z, "targets": targets, "mask": mask, "w_novel": w_novel}
    queries_in = {"x": query_x, "z": query_z}
    if known_labels:
        arrays_in["known_labels"], queries_in["known_labels"] = known, query_known
    adapted = (by_prior if case.bundle in PRIOR else by_paper)(arrays, arrays_in, queries_in)
    logits, query_logits = adapted.logits, adapted.query_logits
    weights = arrays["threshold_weights"].astype(np.float64)
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
            "losses": adapted.losses,
            "steps": adapted.steps,
            "logits": logits.tolist(),
            "thresholds": [
                threshold(logits[mask[:, n] > 0, n], targets[mask[:, n] > 0, n], weights)
                for n in range(len(case.labels))
            ],
            "sets": [
                {"coverage": stated["level"], "thresholds": set_thresholds(stated, targets, mask)}
                for stated in json.loads((FOLDER / case.bundle / MANIFEST).read_bytes()).get("coverage", [])
            ],
            "query_logits": query_logits.tolist(),
            "query_probabilities": (1 / (1 + np.exp(-query_logits))).tolist(),
            "head": {name: value.tolist() for name, value in adapted.head.items()},
        },
    }


@dataclass(frozen=True)
class Adapted:
    """What adapting must give, in double."""

    losses: list[float]
    steps: int
    logits: NDArray[np.float64]
    query_logits: NDArray[np.float64]
    head: dict[str, NDArray[np.float64]]


Arrays = dict[str, NDArray[Any]]


def by_paper(arrays: Arrays, support: Arrays, queries: Arrays) -> Adapted:
    """Of the paper's head, by autograd on explicit weights; adds the base labels' scores to a support that has known
    labels.
    """
    exact = {name: torch.from_numpy(value).double() for name, value in arrays.items()}
    model = Model(
        **{name: exact[name] for name in ("w1", "b1", "w2", "b2", "gamma1", "gamma2", "w_i", "w_base")}
    )
    known_labels, mask = "known_labels" in support, support["mask"]
    task = Task(
        **{name: torch.from_numpy(support[name]) for name in ("z", "targets", "mask", "w_novel")},
        # The loss of autograd here is a mean over what is known, a bundle's the sum over the labels of the mean.
        step_sizes=exact["step_sizes"] * mask.any(axis=0).sum(),
        known_labels=torch.from_numpy(support["known_labels"]) if known_labels else None,
    )
    models, losses = adapt(model, task)
    steps = len(losses) - 1 - int(np.argmin(losses[::-1])) if mask.any() else 0
    if mask.any():
        others = np.delete(losses, steps)
        assert (others > losses[steps] * (1 + 1e-4)).all(), "the lowest loss is too close to another"
    kept = models[steps]
    told = torch.from_numpy(queries["known_labels"]) if known_labels else None
    tilde = torch.vstack([kept.w2, kept.b2])
    q = tilde @ tilde.T
    q[-1, -1] += 1e-12
    m = kept.w_i @ task.w_novel if known_labels else kept.w_base @ kept.w_i @ task.w_novel
    if known_labels:
        support["scores"] = base_scores(model, task.z, task.known_labels).numpy()
    head = {
        "w1": np.pad(kept.w1.numpy(), [(0, 0), (0, 1)]),
        "b1": np.append(kept.b1.numpy(), 1.0),
        "v": (kept.gamma1 * tilde @ task.w_novel).numpy(),
        "q": q.numpy(),
        "m": (kept.gamma2 * m).numpy(),
    }
    return Adapted(
        losses.tolist(),
        steps,
        project(kept, task.z, task.w_novel, task.known_labels).numpy(),
        project(kept, torch.from_numpy(queries["z"]), task.w_novel, told).numpy(),
        head,
    )


def by_prior(arrays: Arrays, support: Arrays, queries: Arrays) -> Adapted:
    """Of the head `prior`, by its reference."""
    exact = {name: value.astype(np.float64) for name, value in arrays.items()}
    model = PriorModel(
        **{name: exact[name] for name in ("name_mean", "name_map", "r", "inference", "scalars")}
    )
    task = (support[name] for name in ("z", "targets", "mask", "w_novel", "known_labels"))
    found = prior_adapt(model, *task)
    u = prior_scores(model, queries["z"], queries["known_labels"])
    return Adapted(
        list(found.losses),
        int(support["mask"].any()),
        found.logits,
        queries["z"] @ found.l + u @ found.m + found.b,
        {"l": found.l, "m": found.m, "b": found.b},
    )
