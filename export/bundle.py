"""From a finished run to a bundle, through the parity checks that gate it."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnx import ModelProto

from desire_edge.coverage import Coverage
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder, write_json
from desire_edge.inputs import WordsInput
from desire_edge.lexicon.build import shrink_lexicon
from desire_edge.models import turned_extractor
from desire_edge.runtime.archive import pack
from desire_edge.runtime.heads import PaperSemantics, PriorSemantics, Semantics
from desire_edge.runtime.manifest import (
    ADAPT,
    BASE,
    HEAD,
    LEXICON,
    MANIFEST,
    MAX_BATCH,
    MAX_SUPPORT,
    MAX_WAYS,
    PRECISIONS,
    SEMANTICS,
    FileRecord,
    Manifest,
    bundle_files,
    is_whole,
)
from desire_edge.training.prepare import lexicon_path
from desire_edge.training.run import Run

from .adapt_graph import adapt_graph
from .base import base_graph
from .composed import composed
from .graphs import extractor_graph, head_graph, serialize
from .heads import prior
from .parity import Parity, check_parity
from .precision import calibration_batches, in_precision
from .weights import conditioning_of, semantics_of
from .words import MOST_DENSE, by_words

OPSETS = (18, 21)


@dataclass(frozen=True)
class ExportOptions:
    """What the graphs are made for.

    Attributes:
        ways: the most labels an adapted model holds.
        batch: rows a graph takes at once.
        max_support: the most examples that `adapt.onnx` takes.
        opset: from 18 to 21.
        precision: of the extractor's weights, "fp32", "fp16" or "int8"; the head, the adaptation and what is
            meta-learned are float32, and the lexicon is int8, in each.
        lexicon_words: the most words of the lexicon; None keeps all the run trained with. Base labels' words are
            always kept.
        zipped: write one zip instead of a folder.
    """

    ways: int = 16
    batch: int = 1
    max_support: int = 64
    opset: int = 18
    precision: str = "fp32"
    lexicon_words: int | None = None
    zipped: bool = False


def export_bundle(run: Run, out: Path, options: ExportOptions | None = None) -> tuple[Manifest, Parity]:
    """Write the bundle of a finished `run` to `out`, which appears only if ONNX Runtime agrees with torch.

    Raises:
        DesireEdgeError: the run is not finished, an option is out of range, `out` is something else than an earlier
            bundle, or parity is worse than `parity` allows in this precision.
    """
    options = options or ExportOptions()
    _check_options(run, out, options)
    extractor = run.extractor.cpu().eval()
    semantics, axes = semantics_of(run)
    base_labels = tuple(run.data.dataset.labels[index] for index in run.data.split.base)

    stage, names = run.data.stage, run.data.names
    names_from = "lexicon" if names is None else "extractor"
    turned = extractor if axes is None else turned_extractor(extractor, axes)
    trained = extractor_graph(turned, run.data.x.shape[1], options.batch, options.opset)
    dimensions = extractor.dimension, len(run.data.w)
    whole = (
        trained
        if stage is None
        else composed(stage, trained, options.batch, dimensions, names, run.data.hashed)
    )
    spec = run.data.input
    if isinstance(spec, WordsInput) and spec.features > MOST_DENSE and run.data.idf is None:
        spec = replace(spec, sparse=True)
        whole = by_words(whole, options.precision)
    batches = calibration_batches(run, spec, options.batch)
    extractor_model = in_precision(whole, options.precision, batches)
    with _zip(out) if options.zipped else atomic_folder(out) as folder:
        any_batch = stage is None or stage.graph is None
        write_graphs(folder, extractor_model, semantics, options, any_batch=any_batch)
        (folder / SEMANTICS).write_bytes(semantics.serialize())
        if names_from != "lexicon":
            pass
        elif options.lexicon_words is None:
            shutil.copyfile(lexicon_path(run.folder), folder / LEXICON)
        else:
            shrink_lexicon(run.lexicon, folder / LEXICON, words=options.lexicon_words, keep=base_labels)
        if stage is not None:
            for name in stage.input.assets:
                shutil.copyfile(stage.folder / name, folder / name)
        manifest = Manifest(
            name=re.sub(r"\.desire$", "", out.name),
            dimension=extractor.dimension,
            head=semantics.KIND,
            hidden=len(semantics.b1) if isinstance(semantics, PaperSemantics) else 0,
            ways=options.ways,
            batch=options.batch,
            max_support=options.max_support,
            opset=options.opset,
            base_labels=base_labels,
            known_labels=semantics.known_labels,
            input=spec,
            names=names_from,
            name_dimension=len(run.data.w),
            precision=options.precision,
            conditioning=conditioning_of(run),
            training=run.record(),
            files={name: FileRecord.of(folder / name) for name in bundle_files(run.data.input, names_from)},
            coverage=Coverage.all_from_json(run.progress.coverage),
        )
        write_json(folder / MANIFEST, manifest.to_json())
        parity = check_parity(run, folder)
    return manifest, parity


def write_graphs(
    folder: Path,
    extractor: ModelProto,
    semantics: Semantics,
    options: ExportOptions,
    *,
    any_batch: bool = True,
) -> None:
    """Write the bundle's ONNX files into `folder`, of an extractor and what was meta-learned.

    `any_batch` says that the extractor's graph takes any number of rows, whatever number it declares.
    """
    ways, most, opset = options.ways, options.max_support, options.opset
    if isinstance(semantics, PriorSemantics):
        adaptation = prior.adapt_graph(semantics, ways, most, opset)
    else:
        adaptation = adapt_graph(semantics, ways, most, opset)
    base = with_head(extractor, semantics, options, any_batch=any_batch)
    hidden = len(semantics.b1) if isinstance(semantics, PaperSemantics) else 0
    (folder / BASE).write_bytes(serialize(base))
    (folder / HEAD).write_bytes(serialize(_head(semantics, options.batch, ways, hidden, opset)))
    (folder / ADAPT).write_bytes(serialize(adaptation))


def with_head(
    extractor: ModelProto, semantics: Semantics, options: ExportOptions, *, any_batch: bool = True
) -> ModelProto:
    """`base.onnx` of an extractor; see `base_graph`."""
    head = _head(semantics, 1, 1, 0, options.opset)
    return base_graph(extractor, head, options.batch, any_batch=any_batch)


def _head(semantics: Semantics, batch: int, ways: int, hidden: int, opset: int) -> ModelProto:
    """The folded head of those sizes; `hidden` is h in the paper's."""
    if isinstance(semantics, PriorSemantics):
        return prior.head_graph(semantics, batch, ways, opset)
    base = semantics.w_base if semantics.r is None else np.diagonal(semantics.r).copy()
    return head_graph(base, hidden, batch, ways, opset, known_labels=semantics.known_labels)


@contextmanager
def _zip(out: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success it becomes the zip `out`."""
    with TemporaryDirectory(prefix="desire-edge-") as folder:
        yield Path(folder)
        pack(Path(folder), out)


def _check_options(run: Run, out: Path, options: ExportOptions) -> None:
    run.require_finished()
    for name, low, high in (
        ("ways", 1, MAX_WAYS),
        ("batch", 1, MAX_BATCH),
        ("max_support", 1, MAX_SUPPORT),
        ("opset", *OPSETS),
    ):
        value = getattr(options, name)
        if not low <= value <= high:
            raise DesireEdgeError(
                f"--{name.replace('_', '-')} is {value}, but must lie between {low} and {high}"
            )
    if options.lexicon_words is not None and LEXICON in run.data.input.assets:
        raise DesireEdgeError(
            "--lexicon-words would change the features of a model of the backbone words; leave it away"
        )
    if options.precision not in PRECISIONS:
        raise DesireEdgeError(
            f"--precision is {options.precision}, but must be one of {', '.join(PRECISIONS)}"
        )
    check_out(out, zipped=options.zipped)


def check_out(out: Path, *, zipped: bool = False) -> None:
    """Refuse to write a bundle, a folder or with `zipped` one file, over anything but an earlier one."""
    if out.is_dir():
        found = {path.name for path in out.iterdir()}
        ours = not zipped and (not found or is_whole(found))
    else:
        ours = not out.exists() or (zipped and _is_bundle_zip(out))
    if not ours:
        raise DesireEdgeError(f"{out} exists and is no bundle; choose another name, or remove it")


def _is_bundle_zip(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return is_whole(archive.namelist())
