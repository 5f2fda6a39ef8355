"""The static lexicon on the sample corpus' novel labels: names alone, and logistic regression + 6 · cosine to a name.

`python -m parts.static_lexicon` in `benchmarks/` prints the figures as JSON. Labels, rows and tasks are those of a
run's own (label seed 0, example-disjoint, all novel labels); texts and names are centred on the training texts and base
labels, as a run has them. C = 10 and the weight 6 are fixed. But the teachers' shares in the lexicon were chosen, among
some twenty, by figures on these novel labels, so these are optimistic; no choice was made on debtags.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from desire_edge.data import EpisodeSampler, load_dataset, protocol_rows, split_labels
from desire_edge.lexicon import Lexicon
from desire_edge.lexicon.static import STATIC
from desire_edge.metrics import Estimate, micro_auc

from .part import Measured

Matrix = NDArray[np.float64]
TASKS = 300
C, WEIGHT = 10.0, 6.0


def measure(path: Path = STATIC) -> Measured:
    """AUC in 5 ways with 0, 1 and 5 shots, bytes, and the median time of a text."""
    lexicon = Lexicon.open(path)
    data = load_dataset("sample")
    assert data.texts is not None
    split = split_labels(len(data.labels), 0)
    rows = protocol_rows(data, "example-disjoint", hold_out=False, seed=0)
    x = np.stack([lexicon.text_vector(text).vector for text in data.texts]).astype(np.float64)
    w = np.stack([lexicon.look_up(name).vector for name in data.labels]).astype(np.float64) / lexicon.norm
    x, w = centred(x, x[rows.train]), centred(w, w[split.base])
    figures = {}
    for shots in (0, 1, 5):
        sampler = EpisodeSampler.over(
            rows, data.targets, split.novel, ways=5, shots=max(1, shots), eligible_only=False
        )
        rng = np.random.default_rng([0, 5, max(1, shots)])
        aucs = []
        for task in (sampler.sample(rng) for _ in range(TASKS)):
            scores = WEIGHT * x[task.query] @ w[task.labels].T
            if shots:
                targets = data.targets[np.ix_(task.support, task.labels)]
                scores += logits(x[task.support], targets, x[task.query])
            aucs.append(micro_auc(data.targets[np.ix_(task.query, task.labels)], scores))
        figures[f"static_sample_5w{shots}s_micro_auc"] = Estimate.of(aucs)
    metrics = {name: estimate.mean for name, estimate in figures.items()}
    metrics |= {"static_lexicon_bytes": path.stat().st_size, "static_text_ms": text_ms(path, data.texts)}
    intervals = {name: asdict(estimate) for name, estimate in figures.items()}
    return Measured(metrics, {"intervals": intervals, "lexicon": lexicon.describe()})


def centred(vectors: Matrix, about: Matrix) -> Matrix:
    """Vectors less the mean of `about`, a row each, of length 1."""
    moved = vectors - about.mean(axis=0)
    unit: Matrix = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return unit


def logits(x: Matrix, targets: NDArray[np.bool_], queries: Matrix) -> Matrix:
    """Log odds [Q, N] by a logistic regression a label; 0 for a label that all examples carry, or none."""
    found = np.zeros((len(queries), targets.shape[1]))
    for column, target in enumerate(targets.T):
        if target.any() and not target.all():
            model = LogisticRegression(C=C, class_weight="balanced", max_iter=500).fit(x, target)
            found[:, column] = model.decision_function(queries)
    return found


def text_ms(path: Path, texts: tuple[str, ...]) -> float:
    """The median time to turn a text into its vector, in ms: a lexicon in use, which has seen other texts before."""
    lexicon = Lexicon.open(path)
    half = len(texts) // 2
    for text in texts[:half]:
        lexicon.text_vector(text)
    times = []
    for text in texts[half:]:
        begin = time.perf_counter()
        lexicon.text_vector(text)
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    found = measure(*map(Path, sys.argv[1:]))
    print(json.dumps({"metrics": dict(found.metrics), "details": dict(found.details)}, indent=2))
