"""Adapting with `adapt.onnx`, the bundle's graph of the adaptation: what a client without the C++ core does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.runtime.adaptation import BY_LABEL
from desire_edge.runtime.heads import HEADS
from desire_edge.runtime.manifest import Manifest
from desire_edge.runtime.session import import_onnxruntime

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PortableHead:
    """What `adapt.onnx` makes of a task of N labels.

    Attributes:
        weights: a user's part, as `AdaptedHead` has it.
        thresholds: [N], the probability from which each label is said to hold.
        losses: the support loss before each step kept and after the last.
    """

    weights: Mapping[str, Array]
    thresholds: Array
    losses: tuple[float, ...]


class PortableAdaptation:
    """`adapt.onnx`, opened. It runs on the CPU, in single precision throughout."""

    def __init__(self, path: Path, manifest: Manifest, threads: int = 0) -> None:
        """Open `path`, the `adapt.onnx` of the bundle that `manifest` describes; 0 threads are ONNX Runtime's default.

        Raises:
            DesireEdgeError: it is no ONNX model that this ONNX Runtime runs, or not of the manifest's sizes.
        """
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        self._path, self._manifest = path, manifest
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exception classes share no public base
            raise DesireEdgeError(f"{path} is not a whole ONNX model: {error}", "onnx") from error
        shapes = {value.name: list(value.shape) for value in self._session.get_inputs()}
        rows, d, ways = manifest.max_support, manifest.dimension, manifest.ways
        expected = {
            "z": [rows, d],
            "targets": [rows, ways],
            "mask": [rows, ways],
            "w_novel": [manifest.name_dimension, ways],
            "used": [ways],
        }
        if manifest.known_labels:
            expected["known_labels"] = [rows, len(manifest.base_labels)]
        outputs = {value.name for value in self._session.get_outputs()}
        self._weights = HEADS[manifest.head].WEIGHTS
        if shapes != expected or not outputs >= {*self._weights, "thresholds", "losses", "steps"}:
            raise DesireEdgeError(
                f"{path} has not the inputs and outputs that the manifest says; copy the bundle again", "onnx"
            )

    def adapt(
        self,
        z: NDArray[Any],
        targets: NDArray[Any],
        mask: NDArray[Any],
        w_novel: NDArray[Any],
        known_labels: NDArray[Any] | None = None,
    ) -> PortableHead:
        """Adapt to z [S, d], targets and mask [S, N], w_novel [d_w, N] and, where they are used, known labels [S, B].

        Raises:
            DesireEdgeError: more examples or labels than the graph takes, or an adaptation that does not stay finite.
        """
        inputs = self.inputs(z, targets, mask, w_novel, known_labels)
        labels = targets.shape[1]
        names = [value.name for value in self._session.get_outputs()]
        try:
            found: dict[str, NDArray[Any]] = dict(zip(names, self._session.run(names, inputs), strict=True))
        except Exception as error:  # onnxruntime's exception classes share no public base
            raise DesireEdgeError(f"ONNX Runtime could not run {self._path}: {error}", "onnx") from error
        # ONNX Runtime itself only warns where a graph's values have other shapes than it declares.
        if any(list(found[value.name].shape) != value.shape for value in self._session.get_outputs()):
            raise DesireEdgeError(
                f"{self._path} does not give what it declares; copy the bundle again", "onnx"
            )
        if not all(np.isfinite(found[name]).all() for name in (*self._weights, "thresholds")):
            raise DesireEdgeError(
                "the labels could not be learned: the adaptation does not stay finite", "diverged"
            )
        steps = int(found["steps"][0])
        weights = {**{name: found[name] for name in self._weights}, "used": inputs["used"]}
        return PortableHead(
            {name: value[..., :labels] if name in BY_LABEL else value for name, value in weights.items()},
            found["thresholds"][:labels],
            tuple(found["losses"][: steps + 1].tolist()),
        )

    def inputs(
        self,
        z: NDArray[Any],
        targets: NDArray[Any],
        mask: NDArray[Any],
        w_novel: NDArray[Any],
        known_labels: NDArray[Any] | None = None,
    ) -> dict[str, Array]:
        """What the graph takes for a task (as `adapt` does), filled up to its fixed shapes.

        Raises:
            DesireEdgeError: more examples or labels than the graph takes.
        """
        examples, labels = targets.shape
        rows, ways = self._manifest.max_support, self._manifest.ways
        if examples > rows:
            raise DesireEdgeError(
                f"{examples} examples, but {self._path} takes at most {rows}; adapt with fewer, with the C++ core (it "
                f"has no such limit), or export the bundle with --max-support {examples}",
                "examples-many",
            )
        if labels > ways:
            raise DesireEdgeError(
                f"{labels} labels, but this bundle holds at most {ways}; teach fewer, or export it with "
                f"--ways {labels}",
                "labels-many",
            )
        base = len(self._manifest.base_labels)
        inputs: dict[str, Array] = {
            "z": _padded(z, rows, self._manifest.dimension),
            "targets": _padded(targets, rows, ways),
            "mask": _padded(mask, rows, ways),
            "w_novel": _padded(w_novel, self._manifest.name_dimension, ways),
            "used": _padded(np.ones(labels, np.float32), ways),
        }
        if self._manifest.known_labels:
            known = np.zeros((examples, base)) if known_labels is None else known_labels
            inputs["known_labels"] = _padded(known, rows, base)
        return inputs


def _padded(array: NDArray[Any], *shape: int) -> Array:
    padding = [(0, size - there) for size, there in zip(shape, array.shape, strict=True)]
    return np.pad(np.asarray(array, np.float32), padding)
