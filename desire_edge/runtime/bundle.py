"""The bundle: what a device needs to learn new labels, and what it does with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.rows import Inputs, NameLists
from desire_edge.runtime.many import AT_ONCE, predict_many
from desire_edge.runtime.opened import OpenedBundle
from desire_edge.runtime.part import ADAPTER, Part
from desire_edge.runtime.predictor import Predictor
from desire_edge.runtime.support import Missing, Support
from desire_edge.runtime.task import Task, replay, teach, teach_all
from desire_edge.runtime.taught import Taught
from desire_edge.runtime.taught_file import parse_task, read_task, task_file


class Bundle(OpenedBundle):
    """An opened bundle. `Bundle.open` reads and checks it; `adapt` teaches it labels."""

    def adapt(
        self,
        support: Support | None = None,
        *,
        labels: Iterable[str] | None = None,
        missing: Missing = "negative",
        keep_base: bool = False,
    ) -> Task:
        """Teach the model labels from a support set, or from their names alone.

        Args:
            support: the examples; None for zero-shot.
            labels: the labels to teach, in this order, with examples or without; by default those of the support set.
            missing: what it means that an example does not carry a label: "negative", or "unknown" (not counted).
            keep_base: give the model a second output, `base_probabilities`, with the base labels.

        Raises:
            DesireEdgeError: no labels or more than the bundle's ways, an input the model cannot take, a known label
                that is no base label, known labels for a model that does not use them, or an adaptation that does not
                stay finite.
        """
        nothing = Taught.nothing(self.origin, *self.widths, keep_base=keep_base)
        return teach(self, nothing, support, labels=labels, missing=missing, earlier="unknown")

    def adapt_many(
        self,
        supports: Iterable[Support],
        *,
        labels: Iterable[str] | None = None,
        missing: Missing = "negative",
        keep_base: bool = False,
    ) -> list[Task]:
        """A task of each support set, each what `adapt` gives of it; the extractor runs on all their examples at once.

        Args:
            supports: the users' support sets. So many are taught together that their examples fill memory for a moment
                only, `AT_ONCE` at a time.
            labels: the labels to teach each of them; by default those of each support set.
            missing: as for `adapt`.
            keep_base: as for `adapt`.

        Raises:
            DesireEdgeError: as `adapt`, of the first support set that it cannot take.
        """
        names = None if labels is None else list(labels)
        nothing = Taught.nothing(self.origin, *self.widths, keep_base=keep_base)
        tasks: list[Task] = []
        some: list[tuple[Taught, Support | None]] = []
        examples = 0
        for support in supports:
            some.append((nothing, support))
            examples += len(support.examples)
            if examples >= AT_ONCE:
                tasks += teach_all(self, some, labels=names, missing=missing, earlier="unknown")
                some, examples = [], 0
        return (
            tasks + teach_all(self, some, labels=names, missing=missing, earlier="unknown") if some else tasks
        )

    def predict_many(
        self,
        users: Sequence[Task | Predictor],
        inputs: Inputs,
        known_labels: NameLists | None = None,
    ) -> list[NDArray[np.float32]]:
        """Probabilities [N] of each user's own labels for one input each, for a batch of several users' inputs.

        The extractor runs on all inputs at once, and each user's head on their rows of it.

        Args:
            users: whose input each is; the same one any number of times. Tasks, or predictors of `predictor`.
            inputs: as for `Predictor.predict`, as many as users.
            known_labels: as for `Predictor.predict`.

        Raises:
            DesireEdgeError: as `Predictor.predict`, or a user of another bundle.
        """
        return predict_many(self, users, inputs, known_labels)

    def resume(self, path: Path | str, *, keep_base: bool = False) -> Task:
        """The task that was saved at `path`, its folder or its `task.safetensors`, adapted again.

        It keeps the output `base_probabilities` if it had it, and gets it with `keep_base`.

        Raises:
            DesireEdgeError: no task, a damaged one, or one of another bundle or lexicon.
        """
        stored = read_task(path)
        return self._replayed(
            replace(stored, keep_base=stored.keep_base or keep_base), str(task_file(Path(path)))
        )

    def task(self, content: bytes, *, name: str = "the task") -> Task:
        """The task that `Task.to_bytes` gave, or that a `task.safetensors` holds, adapted again.

        Raises:
            DesireEdgeError: no such bytes, or a task of another bundle or lexicon; `name` is what it calls it.
        """
        return self._replayed(parse_task(content, name), name)

    def predictor(self, folder: Path | str) -> Predictor:
        """What predicts for the user whose part `Task.save` wrote into `folder`, by the base that all users share.

        Raises:
            DesireEdgeError: no part, a damaged one, or one of another bundle.
        """
        folder = Path(folder)
        return Predictor.sharing(self, Part.read(folder), str(folder / ADAPTER))

    def _replayed(self, stored: Taught, name: str) -> Task:
        try:
            task = replay(self, stored)
        except DesireEdgeError as error:
            raise DesireEdgeError(f"{name}: {error}", error.code) from error
        # Not to the bit: another machine's sums may round differently.
        if not np.allclose(task.taught.vectors, stored.vectors, rtol=0, atol=2e-3 * _largest(stored.vectors)):
            raise DesireEdgeError(
                f"{name}: the lexicon of {self.path} gives its labels other vectors than they were taught with; use "
                "the bundle it was taught with",
                "task-bundle",
            )
        return task


def _largest(values: NDArray[np.float16]) -> float:
    """The largest absolute value; 0 of nothing."""
    return float(np.abs(values).max(initial=0))
