"""The bundle: everything a device needs to learn new labels, opened and checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from desire_edge import _core
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names
from desire_edge.inputs.spec import Features, unknown_texts
from desire_edge.lexicon import LabelMatrix, Lexicon
from desire_edge.runtime.adaptation import (
    MAX_CONDITIONING,
    AdaptedHead,
    adapt_head,
    packed_model,
)
from desire_edge.runtime.archive import unpack
from desire_edge.runtime.fragment import model_fragment
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.manifest import (
    BASE_FRAGMENT,
    EXTRACTOR,
    HEAD_FRAGMENT,
    LEXICON,
    MANIFEST,
    SEMANTICS,
    FileRecord,
    Manifest,
)
from desire_edge.runtime.predictor import encode_metadata
from desire_edge.runtime.session import Session
from desire_edge.runtime.support import Example, Missing, Support
from desire_edge.runtime.task import AdaptReport, LabelReport, Task
from desire_edge.runtime.taught import REMOVED, Origin, Taught, task_file

Array = NDArray[np.float32]


class Bundle:
    """An opened bundle. `Bundle.open` reads and checks it; `adapt` teaches it labels."""

    def __init__(self, path: Path, manifest: Manifest, provider: str) -> None:
        self.path = path
        self.manifest = manifest
        self.provider = provider
        self._unpacked: TemporaryDirectory[str] | None = None  # kept for as long as the bundle is

    @classmethod
    def open(cls, path: Path | str, provider: str = "auto") -> Bundle:
        """Open the bundle at `path`, a folder or a zip; `provider` (auto, cpu, cuda) is what its models will run on.

        Raises:
            DesireEdgeError: not a bundle, another schema version, or a file missing or changed since export.
        """
        path = Path(path)
        if path.is_file():
            unpacked = unpack(path)
            try:
                bundle = cls.open(unpacked.name, provider)
            except DesireEdgeError as error:  # the user knows the zip, not where it was unpacked
                raise DesireEdgeError(str(error).replace(unpacked.name, str(path))) from error
            bundle._unpacked = unpacked
            return bundle
        if not (path / MANIFEST).is_file():
            raise DesireEdgeError(
                f"{path} is not a bundle: it holds no {MANIFEST}; make one with `desire-edge export --out NAME.desire`"
            )
        manifest = Manifest.read(path / MANIFEST)
        for name, record in manifest.files.items():
            file = path / name
            if not file.is_file():
                raise DesireEdgeError(f"the bundle {path} lacks its file {name}; copy it again")
            try:
                same = FileRecord.of(file) == record
            except OSError as error:
                raise DesireEdgeError(f"cannot read {file}: {error.strerror or error}") from error
            if not same:
                raise DesireEdgeError(
                    f"{file} is not what was exported (its SHA-256 differs); copy the bundle again"
                )
        return cls(path, manifest, provider)

    @cached_property
    def lexicon(self) -> Lexicon:
        """Words to vectors, memory-mapped."""
        lexicon = Lexicon.open(self.path / LEXICON)
        if lexicon.dim != self.manifest.dimension:
            raise DesireEdgeError(
                f"{self.path}: the lexicon has {lexicon.dim} dimensions, but the model {self.manifest.dimension}"
            )
        return lexicon

    @cached_property
    def extractor(self) -> Session:
        """F, opened in ONNX Runtime."""
        session = Session(self.path / EXTRACTOR, self.provider)
        if session.features != self.manifest.input.features:
            raise DesireEdgeError(
                f"{self.path}: the extractor takes {session.features} features, but the manifest says "
                f"{self.manifest.input.features}"
            )
        if session.columns.get("z") != self.manifest.dimension:
            raise DesireEdgeError(
                f"{self.path / EXTRACTOR} has no output z of {self.manifest.dimension} numbers a row"
            )
        if self.manifest.extractor_body >= self.manifest.files[EXTRACTOR].bytes:
            raise DesireEdgeError(
                f"{self.path / EXTRACTOR} is shorter than the manifest's extractor_body; export the bundle again"
            )
        return session

    @cached_property
    def semantics(self) -> dict[str, Array]:
        """W_base, W_I, W_Z, γ, step sizes, the base labels' bias, the thresholds' weights, Q0 and, but for known
        labels, P and R.

        All are float32 arrays of the shapes the manifest implies. w_base, w1 and p are for features along the axes
        that the extractor gives them, the principal axes of the base labels' vectors, where R is diagonal.
        """
        path = self.path / SEMANTICS
        try:
            arrays = load(path.read_bytes())
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DesireEdgeError(f"{path} is not a readable safetensors file: {error}") from error
        d, h, b = self.manifest.dimension, self.manifest.hidden, len(self.manifest.base_labels)
        shapes: dict[str, tuple[int, ...]] = {
            "w_base": (d, b),
            "w_i": (b, d),
            "w1": (d, h),
            "b1": (h,),
            "w2": (h, d),
            "b2": (d,),
            "gamma1": (),
            "gamma2": (),
            "q0": (h + 1, h + 1),
            "base_bias": (b,),
            "threshold_weights": (_core.THRESHOLD_WEIGHTS,),
        }
        if not self.manifest.known_labels:
            shapes |= {"p": (d, d), "r": (d, d)}
        steps = arrays.get("step_sizes")
        shapes["step_sizes"] = (len(steps) if steps is not None and steps.ndim else 0, 5)
        for name, shape in shapes.items():
            _check(arrays, name, shape, path)
        return arrays

    @cached_property
    def model(self) -> _core.Model:
        """The semantics packed for adaptation, a second copy of them."""
        return packed_model(self.semantics, known_labels=self.manifest.known_labels)

    def extract(self, features: Sequence[Features]) -> Array:
        """z [S, d] of S examples' features."""
        x = np.zeros((len(features), self.manifest.input.features), np.float32)
        for row, item in enumerate(features):
            x[row] = item.x
        return self.extractor.run(x)["z"]

    @property
    def origin(self) -> Origin:
        """What a task says of the bundle it was taught with."""
        files = self.manifest.files
        return Origin(self.manifest.name, files[EXTRACTOR].sha256, files[SEMANTICS].sha256)

    def adapt(
        self,
        support: Support | None = None,
        *,
        labels: Sequence[str] | None = None,
        missing: Missing = "negative",
        keep_base: bool = False,
        after: Taught | None = None,
        earlier: Missing = "unknown",
    ) -> Task:
        """Teach the model labels from a support set, or from their names alone.

        Args:
            support: the examples; None for zero-shot.
            labels: the labels to teach, in this order, with examples or without; by default those of the support set.
            missing: what it means that an example does not carry a label: "negative", or "unknown" (not counted).
            keep_base: give the model a second output, `base_probabilities`, with the base labels. With `after` it is as
                it was.
            after: labels and examples of an earlier task, to add these to; see `Task.add`.
            earlier: what it means that the examples of `after` do not carry a label that is new to them.

        Raises:
            DesireEdgeError: no labels or more than the bundle's ways, an input the model cannot take, a known label
                that is no base label, known labels for a model that does not use them, an earlier task of another
                bundle, nothing to add to it, or an adaptation that does not stay finite.
        """
        support = support or Support(())
        names = check_names(labels, "the labels asked for") if labels is not None else support.names()
        before = after or Taught.nothing(self.origin, *self._widths, keep_base=keep_base)
        self._check_origin(before)
        earlier_names = before.current.labels
        new = [name for name in names if name not in earlier_names]
        if after is not None and not new and not support.examples:
            raise DesireEdgeError("there is nothing to add; give examples or new labels")
        names = (*earlier_names, *new)
        self._check_labels(names, support)
        targets, mask = (array.astype(np.uint8) for array in support.targets(names, missing))
        known = self._known_rows(support).astype(np.uint8)

        _ = self.lexicon, self.extractor  # opened before the clock starts
        started = time.perf_counter()
        features = [
            self.manifest.input.features_of(example.raw, example.name) for example in support.examples
        ]
        # What is stored is what is used: replaying it gives the same bits.
        z = _half(self.extract(features), "the extractor's features")
        seconds = time.perf_counter() - started
        return self._teach(
            before.added(new, z, targets, mask, known, earlier), features, support.examples, seconds
        )

    def resume(self, path: Path | str, *, keep_base: bool = False) -> Task:
        """The task that was saved at `path`, its folder or its `task.safetensors`, adapted again.

        It keeps the output `base_probabilities` if it had it, and gets it with `keep_base`.

        Raises:
            DesireEdgeError: no task, a damaged one, or one of another bundle or lexicon.
        """
        stored = Taught.read(path)
        stored = replace(stored, keep_base=stored.keep_base or keep_base)
        try:
            task = self.replay(stored)
        except DesireEdgeError as error:
            raise DesireEdgeError(f"{task_file(Path(path))}: {error}") from error
        # Not to the bit: another machine's sums may round differently.
        if not np.allclose(task.taught.vectors, stored.vectors, rtol=0, atol=2e-3 * _largest(stored.vectors)):
            raise DesireEdgeError(
                f"{task_file(Path(path))}: the lexicon of {self.path} gives its labels other vectors than they were "
                "taught with; use the bundle it was taught with"
            )
        return task

    def replay(self, taught: Taught) -> Task:
        """Adapt to what a task holds, from the meta-learned weights.

        Raises:
            DesireEdgeError: as for `adapt`.
        """
        self._check_origin(taught)
        self._check_labels(taught.current.labels, Support(()))
        return self._teach(taught, (), (), 0)

    def _teach(
        self,
        taught: Taught,
        features: Sequence[Features],
        examples: Sequence[Example],
        extract_seconds: float,
    ) -> Task:
        """Adapt to `taught`, of which `features` and `examples` are new, and give its labels their vectors."""
        current = taught.current
        matrix = self.lexicon.label_matrix(current.labels)
        stored = _half(matrix.vectors, "the lexicon's vectors")
        vectors = taught.vectors.copy()
        vectors[:, taught.label_changes != REMOVED] = stored

        provider, model = self.extractor.provider, self.model  # opened before the clock starts
        started = time.perf_counter()
        z, w_novel, targets, mask, known = (
            array.astype(np.float32)
            for array in (current.z, stored, current.targets, current.mask, current.known_labels)
        )
        told = known if self.manifest.known_labels else None
        adapted = adapt_head(model, self.semantics, z, targets, mask, w_novel, told)
        thresholds = _core.thresholds(
            logits=adapted.logits, targets=targets, mask=mask, weights=self.semantics["threshold_weights"]
        ).tolist()
        weights = adapted.task_weights(self.manifest.ways)
        finished = time.perf_counter()

        report = AdaptReport(
            labels=_label_reports(matrix, targets, mask, thresholds),
            examples=len(z),
            new_examples=len(examples),
            known_labels=int(known.any(axis=1).sum()),
            loss_before=adapted.losses[0],
            loss_after=adapted.losses[-1],
            text_words=sum(item.words for item in features),
            known_text_words=sum(item.known_words for item in features),
            extract_seconds=extract_seconds,
            adapt_seconds=finished - started,
            provider=provider,
            conditioning=adapted.conditioning,
            warnings=(
                *matrix.warnings,
                *unknown_texts(features, [example.name for example in examples]),
                *_warnings(matrix, targets, mask, adapted),
            ),
        )
        return Task(
            self._complete(weights, current.labels, thresholds, taught.keep_base),
            adapted,
            replace(taught, vectors=vectors, origin=self.origin),
            report,
            self,
        )

    @property
    def _widths(self) -> tuple[int, int]:
        """How wide features and known labels are: d, and B or 0."""
        return self.manifest.dimension, len(self.manifest.base_labels) if self.manifest.known_labels else 0

    def _check_origin(self, taught: Taught) -> None:
        if taught.origin != replace(self.origin, bundle=taught.origin.bundle):
            raise DesireEdgeError(
                f"the task was taught with another bundle, {taught.origin.bundle}, not with this {self.manifest.name}; "
                "name that one, or teach the task afresh"
            )
        widths = (taught.z.shape[1], taught.known_labels.shape[1])
        if widths != self._widths:
            raise DesireEdgeError(
                f"the task's features and known labels are {widths[0]} and {widths[1]} wide, but those of the bundle "
                f"{self._widths[0]} and {self._widths[1]}; teach the task afresh"
            )

    def _known_rows(self, support: Support) -> Array:
        """The known labels of the support's examples, [S, B] of 0 and 1; [S, 0] if the model does not use them."""
        return known_rows(
            [example.known_labels for example in support.examples],
            [example.name for example in support.examples],
            self.manifest.base_labels if self.manifest.known_labels else (),
            f"the bundle {self.manifest.name}",
        )

    def _check_labels(self, names: Sequence[str], support: Support) -> None:
        if not names:
            raise DesireEdgeError(
                "there is no label to learn: no example carries one; name some with --labels"
            )
        if len(names) > self.manifest.ways:
            raise DesireEdgeError(
                f"{len(names)} labels, but this bundle holds at most {self.manifest.ways}; "
                f"teach fewer, or export it with --ways {len(names)}"
            )
        unnamed = [name for name in support.names() if name not in names]
        if unnamed:
            raise DesireEdgeError(
                f"the support set has the label '{unnamed[0]}', which is not among the labels asked for; "
                "add it to --labels"
            )

    def _complete(
        self, weights: dict[str, Array], names: Sequence[str], thresholds: Sequence[float], keep_base: bool
    ) -> bytes:
        """The extractor without its output, the head, the task's weights and metadata: a whole model."""
        content = (self.path / EXTRACTOR).read_bytes()[: self.manifest.extractor_body]
        content += (self.path / HEAD_FRAGMENT).read_bytes()
        weights = {f"task.{name}": value for name, value in weights.items()}
        if keep_base:
            content += (self.path / BASE_FRAGMENT).read_bytes()
            weights |= {"base.w": self.semantics["w_base"], "base.b": self.semantics["base_bias"]}
        metadata = encode_metadata(
            names,
            thresholds,
            self.manifest.input,
            self.manifest.name,
            self.manifest.base_labels if keep_base else None,
            self.manifest.base_labels if self.manifest.known_labels else None,
        )
        return content + model_fragment(weights, metadata)


def _warnings(matrix: LabelMatrix, targets: Array, mask: Array, adapted: AdaptedHead) -> list[str]:
    found = [
        f"no word of the label '{entry.name}' is known, so only its examples can teach it"
        for entry in matrix.entries
        if entry.how == "seeded"
    ]
    if adapted.conditioning > 3 * MAX_CONDITIONING:
        found.append(
            f"the adapted head is ill-conditioned (κ = {adapted.conditioning:.1f}): expect errors above 1e-5"
        )
    for entry, target, known in zip(matrix.entries, targets.T, mask.T, strict=True):
        if len(targets) and not (target * known).any():
            found.append(f"no example carries the label '{entry.name}', so it goes by its name alone")
        elif len(targets) and not ((1 - target) * known).any():
            found.append(
                f"no example is known not to carry '{entry.name}', so it will be said of nearly everything; "
                "add examples without it"
            )
    return found


def _label_reports(
    matrix: LabelMatrix, targets: Array, mask: Array, thresholds: Sequence[float]
) -> tuple[LabelReport, ...]:
    return tuple(
        LabelReport(
            name=entry.name,
            positives=int((targets[:, i] * mask[:, i]).sum()),
            negatives=int(((1 - targets[:, i]) * mask[:, i]).sum()),
            unknown=int((mask[:, i] == 0).sum()),
            threshold=thresholds[i],
            how=entry.how,
            known_words=entry.known,
            unknown_words=entry.unknown,
        )
        for i, entry in enumerate(matrix.entries)
    )


def _half(values: Array, what: str) -> NDArray[np.float16]:
    """The values in half precision; `what` names them where they do not fit."""
    with np.errstate(over="ignore"):  # refused below
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise DesireEdgeError(f"{what} do not fit half precision; the bundle cannot be adapted")
    return half


def _largest(values: NDArray[np.float16]) -> float:
    """The largest absolute value; 0 of nothing."""
    return float(np.abs(values).max(initial=0))


def _check(arrays: dict[str, Array], name: str, shape: tuple[int, ...], path: Path) -> None:
    array = arrays.get(name)
    if array is None or array.dtype != np.float32 or array.shape != shape or not np.isfinite(array).all():
        raise DesireEdgeError(
            f"{path}: {name} is not a finite float32 array of shape {list(shape)}; export the bundle again"
        )
