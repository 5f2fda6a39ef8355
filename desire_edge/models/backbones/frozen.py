"""A pretrained encoder that is not trained: from raw input to features, in a folder of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.files import read_json, write_json
from desire_edge.inputs import Assets, InputSpec, RawInput, TokensInput, input_from_json

GRAPH, RECORD = "backbone.onnx", "backbone.json"
ROWS = 32  # of texts, at once

Array = NDArray[np.float32]
Report = Callable[[int, int], None]
"""Called with how many examples are done, and how many there are."""


@dataclass(frozen=True)
class Part:
    """What a backbone is made of, for the record: a package or a file, its version and its licence."""

    name: str
    version: str
    licence: str
    role: str


@dataclass(frozen=True)
class FrozenStage:
    """What comes before the part that is trained: x -> features float32 [n, width].

    Attributes:
        name: as the configuration calls it.
        folder: holds `GRAPH` (x -> `features`; none where x are the features), the input's assets and `RECORD`.
        input: how x comes from raw input.
        width: of the features.
        names: whether labels' names have vectors in the space of the features: through the same encoder where it takes
            tokens, else of the lexicon.
        lineage: what it was made of.
    """

    name: str
    folder: Path
    input: InputSpec
    width: int
    names: bool = False
    lineage: tuple[Part, ...] = ()

    @property
    def graph(self) -> Path | None:
        """The ONNX file; None where x are the features."""
        path = self.folder / GRAPH
        return path if path.is_file() else None

    @property
    def digest(self) -> str:
        """Equal for two stages that give equal features."""
        said = hashlib.sha256(json.dumps(self.input.to_json(), sort_keys=True).encode())
        said.update(self.graph.read_bytes() if self.graph else b"")
        return said.hexdigest()

    def save(self) -> None:
        """Write `RECORD`; the folder holds the rest already."""
        record = asdict(self) | {"input": self.input.to_json()}
        del record["folder"]
        write_json(self.folder / RECORD, record)

    @classmethod
    def load(cls, folder: Path) -> FrozenStage:
        """Read what `save` wrote."""
        record: Mapping[str, Any] = read_json(folder / RECORD)
        spec = input_from_json(record["input"], str(folder / RECORD), "invalid", Assets(folder))
        lineage = tuple(Part(**part) for part in record["lineage"])
        return cls(record["name"], folder, spec, record["width"], record["names"], lineage)

    def features(
        self, raws: Sequence[RawInput], names: Sequence[str] | None = None, report: Report | None = None
    ) -> Array:
        """Features [n, width] of raw inputs; `names` are what errors call them."""
        names = names or [f"input {index}" for index in range(len(raws))]
        x = [self.input.features_of(raw, name).x for raw, name in zip(raws, names, strict=True)]
        return self.run(lambda index: x[index], len(x), report=report)

    def run(
        self,
        x: Callable[[int], NDArray[Any]],
        rows: int,
        kept: Path | None = None,
        report: Report | None = None,
    ) -> Array:
        """Features [rows, width] of so many x.

        Args:
            x: gives one by its number. Token ids are asked for twice, to run those of about one length together.
            rows: how many.
            kept: a file that holds what is done until all is: a run that was stopped goes on from there.
            report: called now and then.
        """
        order = np.arange(rows)
        if isinstance(self.input, TokensInput):
            order = np.argsort([len(x(index)) for index in range(rows)], kind="stable")
        session = self._session()
        done = 0
        features = np.zeros((rows, self.width), np.float32)
        if kept is not None and kept.is_file():
            found = np.fromfile(kept, np.float32)
            done = min(rows, len(found) // self.width)
            features[:done] = found[: done * self.width].reshape(done, self.width)
            features[:done].tofile(kept)  # without a row cut short
        while done < rows:
            some = order[done : done + ROWS]
            made = self._batch(session, [x(index) for index in some.tolist()])
            features[done : done + len(some)] = made
            if kept is not None:
                with kept.open("ab") as file:
                    file.write(made.tobytes())
            done += len(some)
            if report is not None:
                report(done, rows)
        ordered = np.empty_like(features)
        ordered[order] = features
        return ordered

    def _session(self) -> Any:
        if self.graph is None:
            return None
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        wanted = [("CUDAExecutionProvider", {"use_tf32": "0"}), ("CPUExecutionProvider", {})]
        there = onnxruntime.get_available_providers()
        return onnxruntime.InferenceSession(
            str(self.graph), options, providers=[entry for entry in wanted if entry[0] in there]
        )

    def _batch(self, session: Any, x: Sequence[NDArray[Any]]) -> Array:
        if session is None:
            return np.stack(x).astype(np.float32)
        at_once = not isinstance(session.get_inputs()[0].shape[0], int)
        if at_once and isinstance(self.input, TokensInput):
            batches: list[NDArray[Any]] = [self.input.padded(x)]
        elif at_once and not self.input.ragged:
            batches = [np.stack(x)]
        else:
            batches = [item[None] for item in x]
        found = np.concatenate([session.run(["features"], {"x": batch})[0] for batch in batches])
        if found.shape != (len(x), self.width) or not np.isfinite(found).all():
            raise DesireEdgeError(
                f"the backbone {self.name} does not give {self.width} finite numbers an example"
            )
        return np.asarray(found, np.float32)
