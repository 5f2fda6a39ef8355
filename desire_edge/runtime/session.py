"""ONNX Runtime, as this project uses it: every shape fixed but that of ragged input, a provider the user can choose."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import InputSpec

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
MAX_MODEL_BYTES = 2**31 - 1  # what one protobuf message can hold
MAX_NUMBERS = 2**28  # of one input or output: a model is hostile until checked


class Session:
    """An opened ONNX model with the input x [batch, features] and, if it uses them, known_labels [batch, B].

    Or x is one example of ragged input, [1, …] with sizes that are not fixed: pixels or token ids.

    Attributes:
        provider: the execution provider in use, "cpu" or "cuda".
        batch: the rows of x.
        dtype, shape: of one example of x; None in the shape where it is not fixed.
        known_labels: B, or 0 if the model does not use known labels.
        columns: the width n of each output [batch, n].
        metadata: the model's metadata_props.
    """

    def __init__(self, model: Path | bytes, provider: str = "auto", *, name: str | None = None) -> None:
        """Open `model` (a file, or its bytes, called `name` in errors) on `provider`: auto, cpu or cuda.

        On CUDA, TF32 is off: its ten-bit products would not agree with the CPU within 1e-5.

        Raises:
            DesireEdgeError: no ONNX Runtime, no such provider here, or a file that is no whole model of this kind.
        """
        self._name = name or str(model)
        onnxruntime = import_onnxruntime()
        content = model if isinstance(model, bytes) else read_model(model)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        wanted = choose_providers(onnxruntime.get_available_providers(), provider)
        try:
            settings = [{"use_tf32": "0"} if name == PROVIDERS["cuda"] else {} for name in wanted]
            self._session = onnxruntime.InferenceSession(
                content, options, providers=wanted, provider_options=settings
            )
        except Exception as error:  # onnxruntime's exception classes share no public base
            raise DesireEdgeError(
                f"{self._name} is not a whole ONNX model that this ONNX Runtime ({onnxruntime.__version__}) can run: "
                f"{_reason(error)}",
                "onnx",
            ) from error
        self.provider = "cuda" if PROVIDERS["cuda"] in self._session.get_providers() else "cpu"
        if provider == "cuda" and self.provider != "cuda":
            raise DesireEdgeError(
                "CUDA was asked for, but ONNX Runtime could not start it here; check the driver and CUDA libraries, "
                "or use --provider cpu"
            )
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shapes = {value.name: value.shape for value in inputs}
        if (
            set(shapes) not in ({"x"}, {"x", "known_labels"})
            or not all(_is_fixed_matrix(value) for value in (*inputs, *outputs) if value.name != "x")
            or not any(_is_x(value) for value in inputs)
            or len({shape[0] for shape in shapes.values()}) != 1
        ):
            raise DesireEdgeError(
                f"{self._name} is not a model of desire-edge: it has not the input x [batch, features] (or one "
                "picture, or one row of token ids), at most known_labels [batch, B] beside it, and outputs, all of "
                "fixed shape and float32",
                "onnx",
            )
        self.batch: int = shapes["x"][0]
        self.dtype = _TYPES[next(value.type for value in inputs if value.name == "x")]
        self.shape = tuple(size if isinstance(size, int) else None for size in shapes["x"][1:])
        self.known_labels: int = shapes["known_labels"][1] if "known_labels" in shapes else 0
        self.columns: dict[str, int] = {output.name: output.shape[1] for output in outputs}
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(
        self, x: NDArray[np.float32] | Sequence[NDArray[Any]], known_labels: NDArray[np.float32] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """x [n, features] -> each output [n, …], for any n: the model's batches are filled up with zero rows.

        Of ragged input x are n arrays, which are run one by one.

        `known_labels` [n, B] are for a model that uses them; None stands for zeros, nothing known.
        """
        inputs: dict[str, Any] = {"x": x}
        if self.known_labels:
            nothing = np.zeros((len(x), self.known_labels), np.float32)
            inputs["known_labels"] = nothing if known_labels is None else known_labels
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self.columns}
        for start in range(0, len(x), self.batch):
            rows = slice(start, start + self.batch)
            filled = {name: self._filled(values[rows]) for name, values in inputs.items()}
            try:
                found = self._session.run(list(parts), filled)
            except Exception as error:
                raise DesireEdgeError(
                    f"ONNX Runtime could not run {self._name} on {self.provider}: {_reason(error)}", "onnx"
                ) from error
            for name, values in zip(parts, found, strict=True):
                # ONNX Runtime itself only warns where a graph's values have other shapes than it declares.
                if values.shape != (self.batch, self.columns[name]):
                    raise DesireEdgeError(
                        f"{self._name} gives no {name} of {self.columns[name]} numbers a row", "onnx"
                    )
                parts[name].append(values[: len(x[rows])])
        return {
            name: np.concatenate(rows) if rows else np.zeros((0, self.columns[name]), np.float32)
            for name, rows in parts.items()
        }

    def _filled(self, rows: NDArray[np.float32] | Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The rows and zero rows below them, [batch, …]."""
        if not isinstance(rows, np.ndarray):
            return rows[0][None]
        filled = np.zeros((self.batch, rows.shape[1]), np.float32)
        filled[: len(rows)] = rows
        return filled


def check_takes(session: Session, spec: InputSpec, model: str, where: str, code: str) -> None:
    """Refuse a model that takes another x than `where` says in `spec`; `model` is what errors call it."""
    if (session.dtype, session.shape) == (spec.dtype, spec.shape):
        return
    if session.dtype == spec.dtype == "float32":
        raise DesireEdgeError(
            f"{model} takes {session.shape[0]} features, but {where} says {spec.features}", code
        )
    raise DesireEdgeError(
        f"{model} takes {session.dtype} {_shown(session.shape)}, but {where} says {spec.dtype} {_shown(spec.shape)}",
        code,
    )


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"


def import_onnxruntime() -> Any:
    """The onnxruntime module, or a `DesireEdgeError` that says which extra to install."""
    try:
        import onnxruntime

        _ = onnxruntime.InferenceSession  # what uninstalling leaves behind may be a folder without it
    except (ImportError, AttributeError) as error:
        raise DesireEdgeError(
            f"no ONNX Runtime can be loaded ({error}); install one with `pip install 'desire-edge[cpu]'`, "
            "or 'desire-edge[gpu]' for CUDA"
        ) from error
    if _installed("onnxruntime") and _installed("onnxruntime-gpu"):
        warnings.warn(
            "both onnxruntime and onnxruntime-gpu are installed; they overwrite each other's files, so uninstall both "
            "and install the one you want",
            stacklevel=2,
        )
    return onnxruntime


def check_provider(provider: str) -> None:
    """Refuse what is no provider."""
    if provider not in ("auto", *PROVIDERS):
        raise DesireEdgeError(f"{provider!r} is no provider; use auto, cpu or cuda", "provider")


def choose_providers(available: list[str], provider: str) -> list[str]:
    """The providers to ask ONNX Runtime for, in order, out of those it was built with."""
    check_provider(provider)
    if provider == "cuda" and PROVIDERS["cuda"] not in available:
        raise DesireEdgeError(
            "CUDA was asked for, but this ONNX Runtime has no CUDA provider; "
            "install 'desire-edge[gpu]' in place of onnxruntime, or use --provider cpu"
        )
    names = ["cuda", "cpu"] if provider == "auto" else [provider, "cpu"]
    return [PROVIDERS[name] for name in dict.fromkeys(names) if PROVIDERS[name] in available]


_TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}
_RAGGED = {
    "tensor(uint8)": 4,
    "tensor(int64)": 2,
}  # dimensions: pictures [1, height, width, 3], ids [1, length]


def _is_x(value: Any) -> bool:
    if value.name != "x":
        return False
    sizes = value.shape
    return _is_fixed_matrix(value) or (
        _RAGGED.get(value.type) == len(sizes) and sizes[0] == 1 and (len(sizes) == 2 or sizes[3] == 3)
    )


def _is_fixed_matrix(value: Any) -> bool:
    sizes = value.shape
    fixed = len(sizes) == 2 and all(isinstance(size, int) and size > 0 for size in sizes)
    return value.type == "tensor(float)" and fixed and sizes[0] * sizes[1] <= MAX_NUMBERS


def _reason(error: Exception) -> str:
    """The first line of what ONNX Runtime says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True


def read_model(path: Path) -> bytes:
    """The bytes of the model at `path`; a `DesireEdgeError` where it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise DesireEdgeError(f"{path} is larger than an ONNX model can be")
        return path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
