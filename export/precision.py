"""The extractor in the precision that a bundle is asked for: float32, float16 weights, or 8-bit integers."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import InputSpec, stacked
from desire_edge.training.run import Run

from .graphs import finish
from .words import TABLE

CALIBRATION_ROWS, CALIBRATION_EXAMPLES = 1024, 128
PRODUCTS = ["Gemm", "MatMul", "Conv"]

Batch = dict[str, NDArray[Any]]
"""What a graph takes, by its inputs' names."""


def in_precision(extractor: ModelProto, precision: str, batches: Callable[[], Iterator[Batch]]) -> ModelProto:
    """The extractor in `precision`, fp32, fp16 or int8; its input x and output z are float32 in each.

    Args:
        extractor: as `graphs.extractor_graph` or `composed.composed` makes it.
        precision: one of `PRECISIONS`.
        batches: gives what the graph takes of training rows, a batch at a time, that int8 takes its ranges from.

    Raises:
        DesireEdgeError: weights that float16 cannot hold.
    """
    match precision:
        case "fp16":
            return half_weights(extractor)
        case "int8":
            return quantized(extractor, batches())
    return extractor


def half_weights(extractor: ModelProto) -> ModelProto:
    """The extractor with its matrices stored in float16 and cast to float32.

    ONNX Runtime folds the casts when it loads the model. So it runs as fast as float32 and wherever float32 runs: few
    processors compute in float16, and no CPU provider has all the kernels for it.
    """
    halved = ModelProto()
    halved.CopyFrom(extractor)
    casts = []
    for initializer in halved.graph.initializer:
        weights = numpy_helper.to_array(initializer)
        if weights.dtype != np.float32 or weights.ndim < 2:
            continue
        name, stored = initializer.name, f"{initializer.name}.float16"
        with np.errstate(over="ignore"):  # refused below
            half = weights.astype(np.float16)
        if not np.isfinite(half).all():
            raise DesireEdgeError(
                f"the extractor's weights {name} do not fit float16; export with --precision fp32 or int8"
            )
        initializer.CopyFrom(numpy_helper.from_array(half, stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=stored, to=TensorProto.FLOAT))
    nodes = list(halved.graph.node)
    del halved.graph.node[:]
    halved.graph.node.extend([*casts, *nodes])
    return finish(halved)


def calibration_batches(run: Run, spec: InputSpec, batch: int) -> Callable[[], Iterator[Batch]]:
    """Inputs of at most `CALIBRATION_ROWS` training rows of `run`, the same ones each time, `batch` at a time.

    The last batch goes on from the first row. Of what a frozen stage takes there are fewer: each is a run of its own.
    """

    def batches() -> Iterator[Batch]:
        rows, stage = run.data.rows.train, run.data.stage
        most = CALIBRATION_ROWS if stage is None else CALIBRATION_EXAMPLES
        chosen = rows[np.random.default_rng(0).permutation(len(rows))[:most]]
        filled = np.resize(chosen, -(-len(chosen) // batch) * batch).reshape(-1, batch)
        for some in filled:
            raws = zip(run.data.raws(some), some.tolist(), strict=True)
            given = stacked([spec.features_of(raw, f"row {row}") for raw, row in raws], spec)
            yield {name: np.stack(list(rows)) for name, rows in given.items()}

    return batches


def quantized(extractor: ModelProto, batches: Iterator[Batch]) -> ModelProto:
    """The extractor quantised by ONNX Runtime's own tool: static, QDQ, standard operators alone.

    Weights are symmetric, a scale each output, in 7 of the 8 bits: with all 8, x86 processors without VNNI saturate
    their 16-bit sums, and one model gives other numbers on other machines. What is between the layers is unsigned, its
    range measured on `batches`. Products come out in float32, so
    that z is not rounded, nor a text's summed word vectors before they are normalised.
    """
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Rows(CalibrationDataReader):  # type: ignore[misc]
        """The batches, one by one."""

        def get_next(self) -> Batch | None:
            """The next batch."""
            return next(batches, None)

    with TemporaryDirectory(prefix="desire-edge-") as folder, quiet():
        out = Path(folder) / "extractor.onnx"
        quantize_static(
            extractor,
            out,
            Rows(),
            QuantFormat.QDQ,
            PRODUCTS,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=[f"{TABLE}.sums"],  # rows that were looked up, and rounded already
            extra_options={"OpTypesToExcludeOutputQuantization": PRODUCTS},
        )
        model = onnx.load(out)
    del model.metadata_props[:]
    for entry in [entry for entry in model.opset_import if entry.domain]:
        model.opset_import.remove(
            entry
        )  # the tool imports ONNX Runtime's own operators, and uses none of them
    return finish(model)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the remarks of ONNX Runtime's tools: advice to fold a graph of which nothing is left to fold, and what
    they print as they go, on a standard output that is ours.
    """
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
