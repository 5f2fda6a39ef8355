"""The supervised reference: what knowing every training example of the novel labels is worth."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier

Kind = Literal["ridge", "logistic", "mlp"]


def _perceptron(alpha: float = 3.0, epochs: int = 12, width: int = 1000) -> tuple[Kind, dict[str, Any]]:
    return "mlp", {"alpha": alpha, "max_iter": epochs, "hidden_layer_sizes": (width,)}


GRID: tuple[tuple[Kind, dict[str, Any]], ...] = (
    *(("ridge", {"alpha": alpha}) for alpha in (1e3, 3e3, 1e4)),
    *(("logistic", {"C": c}) for c in (3e-3, 1e-2, 3e-2)),
    _perceptron(),
    *(_perceptron(alpha=alpha) for alpha in (1.0, 10.0)),
    *(_perceptron(epochs=epochs) for epochs in (6, 24)),
    *(_perceptron(width=width) for width in (500, 2000)),
)
"""What `choose` tries, each with and without label priors divided out: the options are scikit-learn's own."""


class SupervisedReference:
    """Ordinary multi-label learning from all training examples of the novel labels: from no paper, not few-shot.

    One of ridge regression, logistic regression a label, and a multi-layer perceptron, whichever `choose` finds best.
    It shows what the examples are worth that a few-shot method has to do without. With `divide_priors` a score says how
    much likelier a label is than without looking, which is what tasks that draw labels evenly ask.

    Args:
        kind: which learner.
        options: its scikit-learn options.
        divide_priors: ridge's prediction over the label's share of positives; the others' odds over the prior odds.
        seed: of the perceptron.
    """

    def __init__(self, kind: Kind, options: Mapping[str, Any], *, divide_priors: bool, seed: int = 0) -> None:
        self.kind, self.options, self.divide_priors, self.seed = kind, dict(options), divide_priors, seed

    def fit(
        self, x: NDArray[np.floating], targets: NDArray[np.bool_], others: NDArray[np.bool_] | None = None
    ) -> SupervisedReference:
        """Learn from x [rows, features] and targets [rows, L].

        `others` [rows, any] are targets of labels that nobody asks scores of: the perceptron learns its hidden units
        from all of them. To the other learners a label is nothing to the next.
        """
        self.mean = x.mean(axis=0)
        self.scale = max(float((x - self.mean).std()), float(np.finfo(np.float32).eps))
        # A label that nobody or everybody carries counts as half an example away from it.
        least = 0.5 / len(targets)
        self.priors = targets.mean(axis=0).clip(least, 1 - least)
        self.model = self._learner()
        with warnings.catch_warnings():
            # The perceptron's epochs are bounded on purpose; a label with one class gets a constant score.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message="Label .* is present in all training examples")
            learned = targets if others is None or self.kind != "mlp" else np.hstack([targets, others])
            self.model.fit(self._inputs(x), learned.astype(np.int64))
        return self

    def scores(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """x [rows, features] -> [rows, L]: log odds, for ridge the prediction itself; priors divided out if asked."""
        return self._without_priors(self._raw(x)) if self.divide_priors else self._raw(x)

    @classmethod
    def choose(
        cls,
        x: NDArray[np.floating],
        targets: NDArray[np.bool_],
        x_check: NDArray[np.floating],
        metric: Callable[[NDArray[np.float64]], float],
        *,
        others: NDArray[np.bool_] | None = None,
        seed: int = 0,
    ) -> SupervisedReference:
        """Try `GRID` on what `fit` takes; the one whose scores of `x_check` have the highest `metric`, unfitted."""
        best: tuple[float, SupervisedReference] | None = None
        for kind, options in GRID:
            fitted = cls(kind, options, divide_priors=False, seed=seed).fit(x, targets, others)
            raw = fitted._raw(x_check)
            for divide, scores in ((False, raw), (True, fitted._without_priors(raw))):
                figure = metric(scores)
                if best is None or figure > best[0]:
                    best = figure, cls(kind, options, divide_priors=divide, seed=seed)
        assert best is not None, "the grid is not empty"
        return best[1]

    def _learner(self) -> Any:
        if self.kind == "ridge":
            return Ridge(**self.options)
        if self.kind == "logistic":
            return OneVsRestClassifier(LogisticRegression(max_iter=200, **self.options))
        return MLPClassifier(random_state=self.seed, **self.options)

    def _inputs(self, x: NDArray[np.floating]) -> NDArray[np.floating]:
        inputs: NDArray[np.floating] = (x - self.mean) / self.scale
        return inputs

    def _raw(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        inputs = self._inputs(x)
        if self.kind == "ridge":
            raw = self.model.predict(inputs)
        elif self.kind == "logistic":
            raw = self.model.decision_function(inputs)
        else:
            tiny = 1e-12
            raw = logit(self.model.predict_proba(inputs).astype(np.float64).clip(tiny, 1 - tiny))
        return np.asarray(raw, np.float64).reshape(len(x), -1)[:, : len(self.priors)]

    def _without_priors(self, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        divided: NDArray[np.float64] = raw / self.priors if self.kind == "ridge" else raw - logit(self.priors)
        return divided
