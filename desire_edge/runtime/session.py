"""ONNX Runtime, as this project uses it: models of its own kinds, a provider and threads that the user can choose."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import IDS, VALUES, GraphInputs, InputSpec

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
MAX_MODEL_BYTES = 2**31 - 1  # what one protobuf message can hold
MAX_NUMBERS = 2**28  # of one input or output: a model is hostile until checked
MAX_THREADS = 1024
AT_ONCE = 256  # rows of one run, where a model takes any number
TOGETHER = 4
"""Of such runs the rows are a multiple of it. One row alone, or what is left of a vector of the processor's, goes other
ways in ONNX Runtime, and a row is to give the same bits beside any others. It costs a single row about a sixth."""

Takes = Mapping[str, tuple[str, tuple[int | None, ...]]]
"""Dtype and shape of an example's inputs, by their names; None in a shape where it is not fixed."""


class Session:
    """An opened ONNX model of this project's: examples, and known_labels [batch, B] where it uses them, to outputs.

    Examples are x [batch, features]; the words of a sparse bag, ids and values [batch, k]; or x of one example of
    ragged input, [1, …] with sizes that are not fixed: pixels or token ids. A bundle's base has more inputs, which have
    defaults: a user's part.

    Attributes:
        provider: the execution provider in use, "cpu" or "cuda".
        batch: the rows it takes at once; None where it takes any number.
        takes: what it takes of an example: each input's dtype and shape, None in it where it is not fixed.
        known_labels: B, or 0 if the model does not use known labels.
        columns: the width n of each output [batch, n]; None where that is the part's.
        part: the shapes of the inputs that have defaults; a name stands for a size that is not fixed.
        metadata: the model's metadata_props.
    """

    def __init__(
        self, model: Path | bytes, provider: str = "auto", *, name: str | None = None, threads: int = 1
    ) -> None:
        """Open `model` (a file, or its bytes, called `name` in errors) on `provider`: auto, cpu or cuda.

        On CUDA, TF32 is off: its ten-bit products would not agree with the CPU within 1e-5. `threads` are those of one
        run on the CPU; 0 takes all cores.

        Raises:
            DesireEdgeError: no ONNX Runtime, no such provider here, or a file that is no whole model of this kind.
        """
        self._name = name or str(model)
        check_threads(threads)
        onnxruntime = import_onnxruntime()
        content = model if isinstance(model, bytes) else read_model(model)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
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
        given = {value.name: value for value in inputs}
        known = given.pop("known_labels", None)
        rows = {value.shape[0] if value.shape else None for value in inputs}
        if (
            set(given) not in ({"x"}, {IDS, VALUES})
            or not all(_is_rows(value) for value in (*outputs, *([known] if known else [])))
            or not all(_is_given(value) for value in given.values())
            or len(rows) != 1
        ):
            raise DesireEdgeError(
                f"{self._name} is not a model of desire-edge: it has not the input x [batch, features] (or one "
                "picture, one row of token ids, or ids and values of words), at most known_labels [batch, B] beside "
                "it, and outputs, all of float32 and of fixed shape but for the batch",
                "onnx",
            )
        (batch,) = rows
        self.batch: int | None = batch if isinstance(batch, int) else None
        self.takes = {
            name: (
                _TYPES[value.type],
                tuple(size if isinstance(size, int) else None for size in value.shape[1:]),
            )
            for name, value in given.items()
        }
        self.known_labels: int = known.shape[1] if known else 0
        self.columns: dict[str, int | None] = {
            output.name: output.shape[1] if isinstance(output.shape[1], int) else None for output in outputs
        }
        self.part: dict[str, list[int | str]] = {
            value.name: value.shape for value in self._session.get_overridable_initializers()
        }
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(
        self,
        inputs: GraphInputs | NDArray[np.float32],
        known_labels: NDArray[np.float32] | None = None,
        *,
        part: Mapping[str, NDArray[np.float32]] | None = None,
        wanted: Sequence[str] = (),
    ) -> dict[str, NDArray[np.float32]]:
        """n examples -> each output [n, …], for any n: the model's batches are filled up with zero rows.

        Args:
            inputs: as `stacked` gives them, or x [n, features]. Ragged ones are run one by one.
            known_labels: [n, B], for a model that uses them; None stands for zeros, nothing known.
            part: a user's, in place of the defaults.
            wanted: outputs; all by default.
        """
        rows: dict[str, Any] = {"x": inputs} if isinstance(inputs, np.ndarray) else dict(inputs)
        count = len(next(iter(rows.values())))
        if self.known_labels:
            nothing = np.zeros((count, self.known_labels), np.float32)
            rows["known_labels"] = nothing if known_labels is None else known_labels
        parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in wanted or self.columns}
        for start in range(0, count, self.at_once):
            some = slice(start, start + self.at_once)
            filled = {name: self._filled(values[some]) for name, values in rows.items()}
            try:
                found = self._session.run(list(parts), {**filled, **(part or {})})
            except Exception as error:
                raise DesireEdgeError(
                    f"ONNX Runtime could not run {self._name} on {self.provider}: {_reason(error)}", "onnx"
                ) from error
            taken = len(next(iter(filled.values())))
            for name, values in zip(parts, found, strict=True):
                # ONNX Runtime itself only warns where a graph's values have other shapes than it declares.
                width = self.columns[name]
                if values.ndim != 2 or len(values) != taken or width not in (None, values.shape[1]):
                    raise DesireEdgeError(
                        f"{self._name} gives no {name} of {'as many' if width is None else width} numbers a row",
                        "onnx",
                    )
                parts[name].append(values[: min(self.at_once, count - start)])
        return {
            name: np.concatenate(rows) if rows else np.zeros((0, self.columns[name] or 0), np.float32)
            for name, rows in parts.items()
        }

    @property
    def at_once(self) -> int:
        """The rows of one run."""
        return self.batch or AT_ONCE

    def _filled(self, rows: NDArray[Any] | Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The rows and zero rows below them, [batch, …]."""
        if not isinstance(rows, np.ndarray):
            return rows[0][None]
        batch = self.batch or -(-len(rows) // TOGETHER) * TOGETHER
        if batch == len(rows):
            return rows
        filled = np.zeros((batch, *rows.shape[1:]), rows.dtype)
        filled[: len(rows)] = rows
        return filled


def check_takes(session: Session, spec: InputSpec, model: str, where: str, code: str) -> None:
    """Refuse a model that takes another input than `where` says in `spec`; `model` is what errors call it."""
    if session.takes == spec.takes:
        return
    (mine, size), (theirs, wanted) = session.takes.get("x", ("", ())), spec.takes.get("x", ("", ()))
    if mine == theirs == "float32":
        raise DesireEdgeError(f"{model} takes {size[0]} features, but {where} says {wanted[0]}", code)
    raise DesireEdgeError(
        f"{model} takes {_all_shown(session.takes)}, but {where} says {_all_shown(spec.takes)}", code
    )


def _all_shown(takes: Takes) -> str:
    return " and ".join(
        f"{'' if name == 'x' else f'{name} '}{dtype} {_shown(shape)}"
        for name, (dtype, shape) in takes.items()
    )


def check_threads(threads: int) -> None:
    """Refuse what is no number of threads."""
    if isinstance(threads, bool) or not isinstance(threads, int) or not 0 <= threads <= MAX_THREADS:
        raise DesireEdgeError(
            f"threads is {threads!r}; it must be a number from 1 to {MAX_THREADS}, or 0 for all cores"
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
    # As pip notes them: importlib.metadata would read every distribution there is, at each start.
    there = Path(onnxruntime.__file__).parents[1]
    if any(there.glob("onnxruntime-*.dist-info")) and any(there.glob("onnxruntime_gpu-*.dist-info")):
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


def _is_given(value: Any) -> bool:
    """Whether it is an input of examples: x, or of a sparse bag `ids` or `values`."""
    sizes = value.shape
    if value.name in (IDS, VALUES):
        kind = "tensor(int64)" if value.name == IDS else "tensor(float)"
        return value.type == kind and len(sizes) == 2 and not isinstance(sizes[1], int)
    return (_is_rows(value) and isinstance(sizes[1], int)) or (
        _RAGGED.get(value.type) == len(sizes) and sizes[0] == 1 and (len(sizes) == 2 or sizes[3] == 3)
    )


def _is_rows(value: Any) -> bool:
    """Whether it is float32 [batch, n]; where a size is not fixed, it has a name."""
    sizes = value.shape
    fixed = [size for size in sizes if isinstance(size, int)]
    return (
        value.type == "tensor(float)"
        and len(sizes) == 2
        and all(size > 0 for size in fixed)
        and math.prod(fixed) <= MAX_NUMBERS
    )


def _reason(error: Exception) -> str:
    """The first line of what ONNX Runtime says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def read_model(path: Path) -> bytes:
    """The bytes of the model at `path`; a `DesireEdgeError` where it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise DesireEdgeError(f"{path} is larger than an ONNX model can be")
        return path.read_bytes()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
