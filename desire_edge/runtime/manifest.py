"""`manifest.json`, the first file of a bundle that is read: what it is, its sizes, every file's digest."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from desire_edge.coverage import Coverage
from desire_edge.errors import DesireEdgeError
from desire_edge.files import read_json
from desire_edge.inputs import Assets, InputSpec, input_from_json, lexical
from desire_edge.inputs.assets import sha256_of
from desire_edge.inputs.kinds import ASSETS

SCHEMA_VERSION = 7
# Schemas 3 to 6 have the extractor in a file of its own, and fragments in place of a base. Schemas 3 to 5 know the
# paper's head alone, whose figures stand beside the others, and names of the features' dimension. Schemas 3 and 4 do
# not say where names come from: from the lexicon. Schema 3 says besides where the extractor's output begins in its
# file, which is not needed any more.
READABLE = (3, 4, 5, 6, SCHEMA_VERSION)
WITH_HEADS, WITH_BASE = 6, 7
MANIFEST = "manifest.json"
LEXICON = lexical.LEXICON
BASE = "base.onnx"
EXTRACTOR = "extractor.onnx"
HEAD = "head.onnx"
HEAD_FRAGMENT = "head.fragment.onnx"
BASE_FRAGMENT = "base.fragment.onnx"
ADAPT = "adapt.onnx"
SEMANTICS = "semantics.safetensors"

GRAPHS_AND_WEIGHTS = (BASE, HEAD, ADAPT, SEMANTICS)
EARLIER = (EXTRACTOR, HEAD, HEAD_FRAGMENT, BASE_FRAGMENT, ADAPT, SEMANTICS)
"""The same before schema 7."""
FILES = (*GRAPHS_AND_WEIGHTS, LEXICON)
"""The files of a bundle whose input needs none, and whose names' vectors come from the lexicon."""
NAMES = ("lexicon", "extractor")
KINDS_OF_HEAD = ("paper", "prior")
PRECISIONS = ("fp32", "fp16", "int8")
MAX_SIZE = 2**20  # of any one dimension: a bundle is hostile until checked
MAX_WAYS = MAX_BATCH = MAX_SUPPORT = 4096


@dataclass(frozen=True)
class FileRecord:
    """One file of the bundle: its length in bytes and its SHA-256 in hexadecimal."""

    bytes: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> FileRecord:
        """Measure the file at `path`."""
        return cls(path.stat().st_size, sha256_of(path))


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        name: the bundle's name.
        dimension: d, of features z.
        head: what learns on the device, one of `KINDS_OF_HEAD`.
        hidden: h, of W_Z in the paper's head, else 0.
        ways: the most labels one adapted model can hold.
        batch: rows that `head.onnx` takes at once, and before schema 7 the extractor and an adapted model.
        max_support: the most examples that `adapt.onnx` takes; the C++ core has no such bound.
        opset: of the ONNX graphs.
        base_labels: in the order of W_base's columns.
        known_labels: whether the model uses the base labels that an item is known to carry. Its graphs then have the
            input `known_labels` [batch, B] beside x or z.
        input: how raw input becomes x.
        names: where labels' vectors come from, one of `NAMES`: the lexicon, or a text encoder's output `name` [1, d_w].
        name_dimension: d_w, of these vectors; d in the paper's head.
        precision: of the extractor's weights, one of `PRECISIONS`. All else is float32.
        conditioning: κ = ‖H W_2‖ / ‖W_Z(Z)‖, the largest seen on training rows before adaptation. Single precision
            loses about κ² digits' worth in the folded head; it is near 1 where the biases do not cancel. 0 in the head
            `prior`, which has no such norm.
        training: data set, protocol, seed, versions and figures, for people.
        files: every other file of the bundle.
        coverage: what sets of labels state, the lowest coverage first; nothing in older bundles.
    """

    name: str
    dimension: int
    head: str
    hidden: int
    ways: int
    batch: int
    max_support: int
    opset: int
    base_labels: tuple[str, ...]
    known_labels: bool
    input: InputSpec
    names: str
    name_dimension: int
    precision: str
    conditioning: float
    training: Mapping[str, Any]
    files: Mapping[str, FileRecord]
    coverage: tuple[Coverage, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The manifest as JSON values."""
        values = asdict(self)
        of_paper = {name: values.pop(name) for name in ("hidden", "conditioning")}
        values |= {
            "head": {"kind": self.head} | (of_paper if self.head == "paper" else {}),
            "input": self.input.to_json(),
            "names": {"kind": self.names, "dimension": values.pop("name_dimension")},
        }
        del values["coverage"]
        stated = {"coverage": [one.to_json() for one in self.coverage]} if self.coverage else {}
        return {"schema_version": SCHEMA_VERSION, **values, **stated}

    @property
    def extractor(self) -> str:
        """The file that makes z of x: the base, or before schema 7 the extractor alone."""
        return BASE if BASE in self.files else EXTRACTOR

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read and check the manifest at `path`.

        Raises:
            DesireEdgeError: not there, not JSON, another schema version, or a value that cannot be.
        """
        values = read_json(path, limit=16 * 2**20, code="manifest")
        version = values.get("schema_version") if isinstance(values, dict) else None
        if version not in READABLE:
            readable = f"{', '.join(map(str, READABLE[:-1]))} and {SCHEMA_VERSION}"
            raise DesireEdgeError(
                f"{path} has schema version {version!r}, but this desire-edge reads versions {readable}; "
                "export the bundle again, or install the desire-edge that matches it",
                "schema",
            )
        try:
            head, names = _parts(values, version)
            sizes = {name: _size(values, name) for name in ("dimension", "opset")}
            sizes |= {"ways": _size(values, "ways", MAX_WAYS), "batch": _size(values, "batch", MAX_BATCH)}
            sizes["max_support"] = _size(values, "max_support", MAX_SUPPORT)
            base_labels = _strings(values["base_labels"])
            known_labels = values["known_labels"]
            if not isinstance(known_labels, bool):
                raise TypeError(f"known_labels is {reprlib.repr(known_labels)}, not true or false")
            kind = head["kind"]
            if kind not in KINDS_OF_HEAD:
                raise ValueError(f"the head is {reprlib.repr(kind)}, not one of {', '.join(KINDS_OF_HEAD)}")
            hidden, conditioning = (
                (_size(head, "hidden"), head["conditioning"]) if kind == "paper" else (0, 0)
            )
            if isinstance(conditioning, bool) or not 0 <= conditioning < math.inf:
                raise ValueError(f"conditioning is {reprlib.repr(conditioning)}")
            if not isinstance(values["name"], str) or not isinstance(values["training"], dict):
                raise TypeError("name or training has the wrong type")
            precision = values["precision"]
            if precision not in PRECISIONS:
                raise ValueError(
                    f"precision is {reprlib.repr(precision)}, not one of {', '.join(PRECISIONS)}"
                )
            source, name_dimension = names["kind"], _size(names, "dimension")
            if source not in NAMES:
                raise ValueError(
                    f"names come from {reprlib.repr(source)}, not from one of {', '.join(NAMES)}"
                )
            if kind == "paper" and name_dimension != sizes["dimension"]:
                raise ValueError(
                    f"the names' dimension is {name_dimension}, but that of the features {sizes['dimension']}"
                )
            spec = input_from_json(values.get("input"), str(path), "manifest", Assets(path.parent))
            coverage = Coverage.all_from_json(values.get("coverage", []))
            files = {str(name): _record(record) for name, record in dict(values["files"]).items()}
            wanted = bundle_files(spec, source, EARLIER if version < WITH_BASE else GRAPHS_AND_WEIGHTS)
            if set(files) != set(wanted):
                raise ValueError(f"files are {sorted(files)}, not {sorted(wanted)}")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DesireEdgeError(
                f"{path} is not a manifest of desire-edge: {error!s}; export the bundle again", "manifest"
            ) from error
        return cls(
            **sizes,
            head=kind,
            hidden=hidden,
            name=values["name"],
            base_labels=base_labels,
            known_labels=known_labels,
            input=spec,
            names=source,
            name_dimension=name_dimension,
            precision=precision,
            conditioning=float(conditioning),
            training=values["training"],
            files=files,
            coverage=coverage,
        )


def _parts(values: dict[str, Any], version: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the manifest says of the head and of names, as the latest schema does."""
    if version >= WITH_HEADS:
        head, names = values["head"], values["names"]
        if not isinstance(head, dict) or not isinstance(names, dict):
            raise TypeError("head or names is no object")
        return head, names
    kind = values["names"]["kind"] if version == 5 else NAMES[0]
    head = {"kind": "paper", "hidden": values["hidden"], "conditioning": values["conditioning"]}
    return head, {"kind": kind, "dimension": values["dimension"]}


def bundle_files(
    spec: InputSpec, names: str = NAMES[0], graphs: tuple[str, ...] = GRAPHS_AND_WEIGHTS
) -> tuple[str, ...]:
    """The files of a bundle beside its manifest, of that input and with labels' vectors from there."""
    lexicon = () if names == "extractor" else (LEXICON,)
    return tuple(dict.fromkeys((*graphs, *lexicon, *spec.assets)))


def is_whole(names: Collection[str]) -> bool:
    """Whether files of those names may be a whole bundle."""
    return len(set(names)) == len(names) and any(
        {MANIFEST, *graphs} <= set(names) <= {MANIFEST, *graphs, LEXICON} | ASSETS
        for graphs in (GRAPHS_AND_WEIGHTS, EARLIER)
    )


def _size(values: dict[str, Any], name: str, largest: int = MAX_SIZE) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise ValueError(f"{name} is {reprlib.repr(value)}, not a number from 1 to {largest}")
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise ValueError("base_labels is not a list of names")
    return tuple(value)


def _record(value: Any) -> FileRecord:
    record = FileRecord(**value)
    if (
        isinstance(record.bytes, bool)
        or not isinstance(record.bytes, int)
        or record.bytes < 0
        or not re.fullmatch("[0-9a-f]{64}", record.sha256)
    ):
        raise ValueError(f"{reprlib.repr(value)} is no length and SHA-256")
    return record
