"""Why a label was predicted: its logit as an exact sum over the label's name, the base labels and the examples.

docs/explain.md has the algebra. All of it is in float64, from what a task holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.inputs.spec import RawInput
from desire_edge.runtime.adaptation import AdaptedHead
from desire_edge.runtime.heads.explained import Learned, Reasons, logistic
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.taught import Taught

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """One term of a logit.

    Attributes:
        kind: what spoke: the label's name, a base label, an example, the number of labels (bias), or
            nothing but single precision (rounding).
        what: its name: a base label, or an example's number; of several together, how many there are.
        value: what it adds to the logit.
        like: of one base label, whether the input is like it (1), unlike it (-1) or neither (0); else 0.
    """

    kind: Literal["name", "base label", "base labels", "example", "examples", "bias", "rounding"]
    what: str
    value: float
    like: int = 0


@dataclass(frozen=True, eq=False)
class Explanation:
    """One input's logits, each the sum of its terms: `name + base.sum(0) + examples.sum(0) + bias + rounding`.

    Attributes:
        labels: the task's N labels.
        base_labels: the bundle's B base labels.
        example_labels: of each of the task's S examples, the labels it is known to carry.
        logits: [N], what the adapted model says; `probabilities` are their logistic function.
        thresholds: [N], the probability from which each label is said to hold.
        name: [N], how like the label's name the input is by its features, before any example.
        base: [B, N], what each base label says, before any example.
        examples: [S, N], what each example changed.
        bias: [N], what is added whatever the input is; 0 in the paper's head, which has none.
        rounding: [N], what the model's single precision adds.
        scores: [B], u: how like each base label the input is, over the norm.
    """

    labels: tuple[str, ...]
    base_labels: tuple[str, ...]
    example_labels: tuple[tuple[str, ...], ...]
    logits: Array
    thresholds: tuple[float, ...]
    name: Array
    base: Array
    examples: Array
    bias: Array
    rounding: Array
    scores: Array

    @property
    def probabilities(self) -> Array:
        """[N]."""
        return logistic(self.logits)

    @property
    def predicted(self) -> tuple[str, ...]:
        """The labels that hold, the most probable first; where none does, the most probable one."""
        holds = self.probabilities >= np.array(self.thresholds)
        order = np.argsort(-self.probabilities, kind="stable").tolist()
        return tuple(self.labels[index] for index in order if holds[index]) or (self.labels[order[0]],)

    def terms(self, label: str, most: int = 5) -> tuple[Term, ...]:
        """The terms of a label's logit: its name, the `most` strongest base labels and examples, and the rest of each.

        They add up to the logit.
        """
        n = self.labels.index(label)
        base, examples = self.base[:, n], self.examples[:, n]
        like = np.sign(self.scores)
        first, others = _strongest(base, most)
        terms = [Term("name", label, float(self.name[n]))]
        terms += [Term("base label", self.base_labels[b], float(base[b]), int(like[b])) for b in first]
        if others:
            terms.append(Term("base labels", str(len(others)), float(base[others].sum())))
        first, others = _strongest(examples, most)
        terms += [Term("example", str(s), float(examples[s])) for s in first]
        if others:
            terms.append(Term("examples", str(len(others)), float(examples[others].sum())))
        if self.bias.any():
            terms.append(Term("bias", "", float(self.bias[n])))
        return (*terms, Term("rounding", "", float(self.rounding[n])))

    def to_json(self) -> dict[str, Any]:
        """Every term of every label, as JSON values."""
        return {
            label: {
                "logit": float(self.logits[n]),
                "probability": float(self.probabilities[n]),
                "threshold": self.thresholds[n],
                "name": float(self.name[n]),
                "base_labels": dict(zip(self.base_labels, self.base[:, n].tolist(), strict=True)),
                "examples": self.examples[:, n].tolist(),
                "bias": float(self.bias[n]),
                "rounding": float(self.rounding[n]),
            }
            for n, label in enumerate(self.labels)
        }


def _strongest(values: Array, most: int) -> tuple[list[int], list[int]]:
    """The `most` largest by magnitude, in that order, and all others; of one other alone nothing would be saved."""
    order = np.argsort(-np.abs(values), kind="stable").tolist()
    most = most if len(order) > most + 1 else len(order)
    return order[:most], order[most:]


def reasons(bundle: OpenedBundle, taught: Taught, head: AdaptedHead) -> Reasons:
    """What explains `head`, which the bundle learned from `taught`."""
    return bundle.semantics.reasons(
        Learned(
            taught.z,
            taught.targets.astype(np.float64),
            taught.mask.astype(np.float64),
            taught.vectors,
            taught.known_labels if bundle.manifest.known_labels else None,
            len(head.losses) - 1,
            head.alpha,
        )
    )


def explain(
    bundle: OpenedBundle,
    taught: Taught,
    head: AdaptedHead,
    why: Reasons,
    raw: RawInput,
    known_labels: Iterable[str],
) -> Explanation:
    """Why `head`, which the bundle learned from `taught`, says what it says of a raw input.

    See `Task.explain`.
    """
    said = bundle.manifest
    base_labels = said.base_labels if said.known_labels else ()
    known = known_rows([known_labels], ["the input"], base_labels, f"the bundle {said.name}")[0]
    z = bundle.extract([said.input.features_of(raw, "the input")])[0]
    terms = why.explain(z, known if base_labels else None)
    weights = {name: value.astype(np.float64) for name, value in head.weights.items()}
    logits = bundle.semantics.logits(weights, z.astype(np.float64), terms.scores)
    total = terms.name + terms.base.sum(axis=0) + terms.examples.sum(axis=0) + terms.bias
    return Explanation(
        labels=taught.labels,
        base_labels=said.base_labels,
        example_labels=tuple(tuple(compress(taught.labels, row)) for row in taught.targets & taught.mask),
        logits=logits,
        thresholds=tuple(head.thresholds.tolist()),
        name=terms.name,
        base=terms.base,
        examples=terms.examples,
        bias=terms.bias,
        rounding=logits - total,
        scores=terms.scores,
    )
