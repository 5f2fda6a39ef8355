"""A bundle's files, opened and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.spec import Features, stacked
from desire_edge.lexicon import Lexicon
from desire_edge.runtime.adaptation import Model
from desire_edge.runtime.archive import unpack
from desire_edge.runtime.heads import HEADS, PaperSemantics, PriorSemantics, Semantics
from desire_edge.runtime.manifest import (
    BASE,
    LEXICON,
    MANIFEST,
    SEMANTICS,
    FileRecord,
    Manifest,
)
from desire_edge.runtime.names import ExtractorNames
from desire_edge.runtime.session import Session, check_provider, check_takes, check_threads
from desire_edge.runtime.taught import Origin

Array = NDArray[np.float32]


class OpenedBundle:
    """A bundle's files, each opened when it is first needed and checked then; `open` checks what they are.

    It is pickled and copied as its path, and opened anew from there.
    """

    def __init__(self, path: Path, manifest: Manifest, provider: str, threads: int = 1) -> None:
        self.path = path
        self.manifest = manifest
        self.provider = provider
        self.threads = threads
        self._source = path.absolute()  # the folder or the zip, wherever this process goes
        self._unpacked: TemporaryDirectory[str] | None = None  # kept for as long as the bundle is

    @classmethod
    def open(cls, path: Path | str, provider: str = "auto", *, threads: int = 1) -> Self:
        """Open the bundle at `path`, a folder or a zip; `provider` (auto, cpu, cuda) is what its models will run on.

        `threads` are those of one run of a model, and of `adapt_many`; 0 takes all cores.

        Raises:
            DesireEdgeError: not a bundle, another schema version, or a file missing or changed since export.
        """
        check_provider(provider)
        check_threads(threads)
        path = Path(path)
        if path.is_file():
            unpacked = unpack(path)
            try:
                bundle = cls.open(unpacked.name, provider, threads=threads)
            except DesireEdgeError as error:  # the user knows the zip, not where it was unpacked
                sentence = str(error).replace(unpacked.name, str(path))
                raise DesireEdgeError(sentence, error.code) from error
            bundle._source, bundle._unpacked = path.absolute(), unpacked
            return bundle
        if not (path / MANIFEST).is_file():
            raise DesireEdgeError(
                f"{path} is not a bundle: it holds no {MANIFEST}; make one with `desire-edge export --out NAME.desire`",
                "bundle-none",
            )
        manifest = Manifest.read(path / MANIFEST)
        for name, record in manifest.files.items():
            file = path / name
            if not file.is_file():
                raise DesireEdgeError(
                    f"the bundle {path} lacks its file {name}; copy it again", "bundle-file"
                )
            try:
                same = FileRecord.of(file) == record
            except OSError as error:
                raise DesireEdgeError(f"cannot read {file}: {error.strerror or error}") from error
            if not same:
                raise DesireEdgeError(
                    f"{file} is not what was exported (its SHA-256 differs); copy the bundle again",
                    "bundle-changed",
                )
        return cls(path, manifest, provider, threads)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        """Where the bundle is and what it was; sessions and memory maps stay here."""
        return _reopened, (type(self), self._source, self.provider, self.digest, self.threads)

    def __repr__(self) -> str:
        """The bundle in one line."""
        said = self.manifest
        features = "" if said.input.ragged else f"features={said.input.features}, "
        return (
            f"{type(self).__name__}({self._source.name!r}, input={said.input.kind!r}, {features}"
            f"base_labels={len(said.base_labels)}, ways={said.ways})"
        )

    @property
    def digest(self) -> str:
        """The SHA-256 of what the manifest says, every other file's SHA-256 included."""
        said = json.dumps(self.manifest.to_json(), sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    @cached_property
    def lexicon(self) -> Lexicon:
        """Words to vectors, memory-mapped."""
        lexicon = Lexicon.open(self.path / LEXICON)
        if lexicon.dim != self.manifest.name_dimension:
            raise DesireEdgeError(
                f"{self.path}: the lexicon has {lexicon.dim} dimensions, but the model {self.manifest.name_dimension}"
            )
        return lexicon

    @cached_property
    def names(self) -> Lexicon | ExtractorNames:
        """What gives labels their vectors."""
        said = self.manifest
        if said.names == "lexicon":
            return self.lexicon
        return ExtractorNames(self.extractor, said.input, said.name_dimension, str(self.path))

    @cached_property
    def extractor(self) -> Session:
        """F, opened in ONNX Runtime: the base, or before schema 7 a file of its own."""
        session = Session(self.path / self.manifest.extractor, self.provider, threads=self.threads)
        check_takes(session, self.manifest.input, f"{self.path}: the extractor", "the manifest", "invalid")
        if session.columns.get("z") != self.manifest.dimension:
            raise DesireEdgeError(
                f"{self.path / self.manifest.extractor} has no output z of {self.manifest.dimension} numbers a row"
            )
        return session

    @property
    def base(self) -> Session:
        """The extractor and the head, whose part is a user's.

        Raises:
            DesireEdgeError: a bundle before schema 7, or a base without a head.
        """
        if self.manifest.extractor != BASE:
            raise DesireEdgeError(
                f"{self.path} is of an earlier version and has no {BASE}; export the bundle again", "schema"
            )
        session = self.extractor
        wanted = {f"task.{name}" for name in (*HEADS[self.manifest.head].WEIGHTS, "used")}
        known = len(self.manifest.base_labels) if self.manifest.known_labels else 0
        if (
            not wanted <= set(session.part)
            or "probabilities" not in session.columns
            or session.known_labels != known
        ):
            raise DesireEdgeError(
                f"{self.path / BASE} has not the inputs and outputs that the manifest says; copy the bundle again",
                "onnx",
            )
        return session

    @cached_property
    def semantics(self) -> Semantics:
        """What was learned before the device."""
        said, path = self.manifest, self.path / SEMANTICS
        base = len(said.base_labels)
        if said.head == "prior":
            return PriorSemantics.read(
                path, said.dimension, said.name_dimension, base, known_labels=said.known_labels
            )
        return PaperSemantics.read(path, said.dimension, said.hidden, base, known_labels=said.known_labels)

    @cached_property
    def model(self) -> Model:
        """The semantics packed for adaptation, a second copy of them."""
        return self.semantics.packed()

    def extract(self, features: Sequence[Features]) -> Array:
        """z [S, d] of S examples' features."""
        inputs = stacked(features, self.manifest.input)
        return self.extractor.run(inputs, wanted=["z"])["z"]

    @property
    def origin(self) -> Origin:
        """What a task says of the bundle it was taught with."""
        files = self.manifest.files
        extractor = files[self.manifest.extractor].sha256
        return Origin(self.manifest.name, extractor, files[SEMANTICS].sha256)

    @property
    def widths(self) -> tuple[int, int, int]:
        """How wide features, labels' vectors and known labels are: d, d_w, and B or 0."""
        said = self.manifest
        return said.dimension, said.name_dimension, len(said.base_labels) if said.known_labels else 0


def _reopened(
    kind: type[OpenedBundle], path: Path, provider: str, digest: str, threads: int = 1
) -> OpenedBundle:
    """The bundle that was pickled, opened anew."""
    bundle = kind.open(path, provider, threads=threads)
    if bundle.digest != digest:
        raise DesireEdgeError(
            f"{path} is not the bundle that was pickled or copied (its SHA-256 differs); put that one back, or open "
            "this one with Bundle.open",
            "bundle-changed",
        )
    return bundle
