"""Prediction with an adapted model: one plain ONNX file, whose metadata says which labels its outputs are."""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs.assets import Assets
from desire_edge.inputs.kinds import input_from_json
from desire_edge.inputs.rows import Inputs, NameLists, input_rows, name_rows
from desire_edge.inputs.spec import Features, InputSpec, RawInput, stacked, unknown_texts
from desire_edge.runtime.known import known_rows
from desire_edge.runtime.part import Part, sets_from_json, sets_to_json
from desire_edge.runtime.session import Session, check_takes, read_model

if TYPE_CHECKING:
    from desire_edge.runtime.opened import OpenedBundle

MODEL = "model.onnx"
METADATA_PREFIX = "desire_edge."
AT_ONCE = 256  # about how many inputs `predict` has the features of in memory

Array = NDArray[np.float32]


def encode_metadata(
    labels: Sequence[str],
    thresholds: Sequence[float],
    spec: InputSpec,
    bundle: str,
    base_labels: Sequence[str] | None = None,
    known_labels: Sequence[str] | None = None,
    sets: Mapping[float, Sequence[float]] | None = None,
) -> dict[str, str]:
    """The metadata_props of an adapted model; `Predictor` reads them back."""
    values: dict[str, object] = {
        "labels": list(labels),
        "thresholds": list(thresholds),
        "input": spec.to_json(),
        "bundle": bundle,
    }
    for name, optional in (("base_labels", base_labels), ("known_labels", known_labels)):
        if optional is not None:
            values[name] = list(optional)
    if sets:
        values["sets"] = sets_to_json(sets)
    return {METADATA_PREFIX + key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}


class Predictor:
    """An adapted model, opened.

    It is pickled and copied as its path, and opened anew from there; as its bytes if it was opened from bytes.

    Attributes:
        labels: the N labels it was taught.
        thresholds: the probability from which each is said to hold.
        sets: the probability from which each belongs to the set of a coverage, by coverage; empty where none is stated.
        input: how raw input becomes x.
        base_labels: the B base labels if the model was made with `keep_base`, else ().
        known_labels: the B base labels if an input's own can be told to the model, else ().
    """

    def __init__(
        self,
        model: Path | str | bytes,
        provider: str = "auto",
        *,
        name: str | None = None,
        assets: Assets | None = None,
        threads: int = 1,
    ) -> None:
        """Open `model`: a file, the folder that holds it as `model.onnx`, or its bytes, called `name` in errors.

        The files that its input needs are beside it, or else where `assets` says. `threads` are those of one run; 0
        takes all cores.

        Raises:
            DesireEdgeError: not an adapted model, a folder without one, or a file that its input needs is not there.
        """
        self._shared: tuple[OpenedBundle, Part] | None = None
        self._part: Mapping[str, Array] | None = None
        self._model: Path | bytes = model if isinstance(model, bytes) else model_file(Path(model))
        self._where = where = name or ("the model" if isinstance(self._model, bytes) else str(self._model))
        self._asked, self._threads = provider, threads
        content = self._model
        if isinstance(content, Path):
            self._model = content.absolute()  # wherever this process goes
            assets = assets or Assets(self._model.parent)
            content = read_model(content)
            self._stamp = _stamp(self._model)
        self._session = Session(content, provider, name=where, threads=threads)
        metadata = self._session.metadata
        try:
            values = {
                key: parse_json(metadata[METADATA_PREFIX + key]) for key in ("labels", "thresholds", "input")
            }
            self.labels: tuple[str, ...] = _names(values["labels"])
            self.thresholds: tuple[float, ...] = tuple(float(value) for value in values["thresholds"])
            self.base_labels, self.known_labels = (
                _names(parse_json(metadata.get(METADATA_PREFIX + key, "[]")))
                for key in ("base_labels", "known_labels")
            )
            if len(self.labels) != len(self.thresholds) or not all(map(math.isfinite, self.thresholds)):
                raise ValueError("labels and thresholds do not agree")
            self.sets: Mapping[float, tuple[float, ...]] = sets_from_json(
                parse_json(metadata.get(METADATA_PREFIX + "sets", "[]")), len(self.labels)
            )
            columns = self._session.columns
            if (columns.get("probabilities") or 0) < len(self.labels):
                raise ValueError("the output `probabilities` has not a column a label")
            if self.base_labels and columns.get("base_probabilities") != len(self.base_labels):
                raise ValueError("the output `base_probabilities` has not a column a base label")
            if self._session.known_labels != len(self.known_labels):
                raise ValueError("the input `known_labels` has not a column a base label")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DesireEdgeError(
                f"{where} is not a model adapted by desire-edge (its metadata: {error}); "
                "make one with `desire-edge adapt`",
                "model",
            ) from error
        self._assets = assets or Assets()
        self.input = input_from_json(values["input"], where, "model", self._assets)
        check_takes(self._session, self.input, where, "its metadata", "model")
        self.input.open()

    @classmethod
    def sharing(cls, bundle: OpenedBundle, part: Part, name: str = "the adapted model") -> Self:
        """A user's `part` with the base of `bundle`, which all its users share; `name` is what errors call it.

        Raises:
            DesireEdgeError: a part of another bundle, or a bundle that has no base.
        """
        predictor = cls.__new__(cls)
        said, session = bundle.manifest, bundle.base
        part.check(session.part, bundle.origin.extractor, name)
        predictor._shared, predictor._where = (bundle, part), name
        predictor._session, predictor._part = session, part.weights
        predictor.labels, predictor.thresholds, predictor.sets = part.labels, part.thresholds, part.sets
        predictor.base_labels = said.base_labels if "base.w" in part.weights else ()
        predictor.known_labels = said.base_labels if said.known_labels else ()
        predictor.input = said.input
        return predictor

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        """Where the model is and what it was, or its bytes; or its bundle and part. The session stays here."""
        if self._shared is not None:
            return _shared_again, (type(self), *self._shared, self._where)
        opened = (self._model, self._asked, self._where, self._digest(), self._assets, self._threads)
        return _reopened, (type(self), *opened)

    def _digest(self) -> str:
        """The SHA-256 of the model's file, as it was opened; "" where it was opened from bytes."""
        if not isinstance(self._model, Path):
            return ""
        content = read_model(self._model)
        if _stamp(self._model) != self._stamp:
            raise _changed(self._where)
        return hashlib.sha256(content).hexdigest()

    def __repr__(self) -> str:
        """The model in one line."""
        return f"{type(self).__name__}({self._where!r}, labels={reprlib.repr(list(self.labels))})"

    @property
    def part(self) -> Part | None:
        """The user's part, where a base is shared."""
        return None if self._shared is None else self._shared[1]

    @property
    def provider(self) -> str:
        """The execution provider in use, "cpu" or "cuda"."""
        return self._session.provider

    def features(self, inputs: Inputs, names: Sequence[str] | None = None) -> list[Features]:
        """The features of raw inputs; `names` are what errors and warnings call them."""
        rows = input_rows(inputs, "predict", "input")
        return self._features(rows, names or [f"input {index}" for index in range(len(rows))])

    def _features(self, rows: Sequence[RawInput], names: Sequence[str]) -> list[Features]:
        features = [self.input.features_of(raw, name) for raw, name in zip(rows, names, strict=True)]
        for warning in unknown_texts(features, names):
            warnings.warn(warning, stacklevel=3)
        return features

    def known_rows(
        self, known_labels: Sequence[Iterable[str]], names: Sequence[str] | None = None
    ) -> NDArray[np.float32]:
        """What is known of n inputs, a list of base labels each -> [n, B] of 0 and 1; `names` as for `features`."""
        names = names or [f"input {index}" for index in range(len(known_labels))]
        return known_rows(known_labels, names, self.known_labels, self._where)

    def outputs(
        self, features: Sequence[Features], known_labels: NDArray[np.float32] | None = None
    ) -> Mapping[str, NDArray[np.float32]]:
        """Features of n inputs -> `probabilities` [n, N] and, with `keep_base`, `base_probabilities` [n, B].

        `known_labels` [n, B] are those of `known_rows`; None where nothing is known.
        """
        wanted = ["probabilities", *(["base_probabilities"] if self.base_labels else [])]
        outputs = self._session.run(
            stacked(features, self.input), known_labels, part=self._part, wanted=wanted
        )
        probabilities = outputs["probabilities"][:, : len(self.labels)]
        outputs["probabilities"] = probabilities.reshape(len(features), len(self.labels))
        return outputs

    def predict(self, inputs: Inputs, known_labels: NameLists | None = None) -> Array:
        """Probabilities [n, N] of the taught labels for n raw inputs.

        Args:
            inputs: texts, sparse features, vectors or pictures in a list, an iterator or a pandas Series; or the rows
                of an array, of a sparse matrix or of a DataFrame of numbers, their columns as the model's features
                stand.
            known_labels: the base labels that each input is known to carry, a list an input, empty where none is, or a
                DataFrame of 0 and 1 whose columns are labels. They stand in for what the model sees of the base labels
                in it.

        Raises:
            DesireEdgeError: an input the model cannot take, a known label that is no base label, or known labels for a
                model that does not use them.
        """
        rows = input_rows(inputs, "predict", "input")
        names = [f"input {index}" for index in range(len(rows))]
        one = isinstance(known_labels, str)
        known = None if known_labels is None or one else name_rows(known_labels, "known_labels", "input")
        if one or (known is not None and len(known) != len(rows)):
            raise DesireEdgeError(
                f"there must be one list of known labels an input, and there are {len(rows)} inputs"
            )
        # The model's own batches, so that as many at once as may be give the same bits.
        size = self._session.at_once * max(1, AT_ONCE // self._session.at_once)
        found = []
        for start in range(0, max(1, len(rows)), size):
            part = slice(start, start + size)
            features = self._features(rows[part], names[part])
            known_rows = None if known is None else self.known_rows(known[part], names[part])
            found.append(self.outputs(features, known_rows)["probabilities"])
        return np.concatenate(found)

    def decide(self, probabilities: Array, coverage: float | None = None) -> list[str]:
        """The labels that are said of one input, from its probabilities [N]; an empty list says: none of these.

        These are the labels whose probability reaches their threshold. Or, with a `coverage` that the model states, the
        labels of a set that holds each label that is true of the input with at least that probability: see
        `desire_edge.coverage`.

        Raises:
            DesireEdgeError: not N probabilities, or a coverage that the model does not state.
        """
        return decided(self.labels, self.limits(coverage), probabilities)

    def limits(self, coverage: float | None = None) -> Sequence[float]:
        """The probability from which each of the N labels is said: its threshold, or that of the set of a coverage."""
        return self.thresholds if coverage is None else limits_of(self.sets, coverage, self._where)

    def describe(self) -> dict[str, Any]:
        """What the model is, as JSON values."""
        return {
            "labels": list(self.labels),
            "thresholds": list(self.thresholds),
            "coverage": list(self.sets),
            "base_labels": len(self.base_labels),
            "known_labels": list(self.known_labels),
            "input": self.input.kind,
            "features": self.input.features,
            "batch": self._session.batch,
        }


def model_file(path: Path) -> Path:
    """The adapted model that `path` is, or that the folder `path` holds.

    Raises:
        DesireEdgeError: a folder without one.
    """
    if not path.is_dir():
        return path
    if not (path / MODEL).is_file():
        raise DesireEdgeError(
            f"the folder {path} holds no {MODEL}; name the folder that `desire-edge adapt --out` or Task.save wrote"
        )
    return path / MODEL


def decided(labels: Sequence[str], thresholds: Sequence[float], probabilities: Array) -> list[str]:
    """The labels whose probability reaches their threshold; N of each.

    Raises:
        DesireEdgeError: not N probabilities.
    """
    if np.shape(probabilities) != (len(labels),):
        raise DesireEdgeError(
            f"decide takes the {len(labels)} probabilities of one input, a row of what predict gives, and these have "
            f"shape {list(np.shape(probabilities))}"
        )
    found = zip(labels, probabilities, thresholds, strict=True)
    return [label for label, probability, threshold in found if probability >= threshold]


def limits_of(sets: Mapping[float, Sequence[float]], coverage: float, where: str) -> Sequence[float]:
    """The probability from which each label belongs to the set of a coverage; `where` is what states the `sets`.

    Raises:
        DesireEdgeError: there is no such set.
    """
    if not sets:
        raise DesireEdgeError(
            f"{where} states no coverage: its bundle is of an older version or had too few validation labels, or it "
            "was not taught in Python; leave the coverage away, or train, export and teach again",
            "coverage",
        )
    if coverage not in sets:
        stated = ", ".join(map(str, sets))
        raise DesireEdgeError(
            f"{where} states no coverage of {coverage}; ask for one of {stated}", "coverage"
        )
    return sets[coverage]


def _changed(where: str) -> DesireEdgeError:
    return DesireEdgeError(
        f"{where} is not the model that was pickled or copied (its SHA-256 differs); put that one back, or open "
        "this one with Predictor"
    )


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes where a file does: its size, times and place on the disk."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _shared_again(kind: type[Predictor], bundle: OpenedBundle, part: Part, name: str) -> Predictor:
    """The part that was pickled, with its bundle."""
    return kind.sharing(bundle, part, name)


def _reopened(
    kind: type[Predictor],
    model: Path | bytes,
    provider: str,
    name: str,
    digest: str,
    assets: Assets,
    threads: int = 1,
) -> Predictor:
    """The model that was pickled, opened anew."""
    predictor = kind(model, provider, name=name, assets=assets, threads=threads)
    if predictor._digest() != digest:
        raise _changed(name)
    return predictor


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("a list of label names is not one")
    return tuple(value)
