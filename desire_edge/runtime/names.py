"""Labels' vectors from a bundle's own text encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.names import check_names
from desire_edge.inputs.spec import InputSpec
from desire_edge.lexicon.encoded import encoded_matrix
from desire_edge.lexicon.lexicon import LabelMatrix
from desire_edge.runtime.session import Session

NAME = "name"


class ExtractorNames:
    """A label's name goes through the extractor like a text; the output `name` [1, d] is its vector."""

    def __init__(self, extractor: Session, spec: InputSpec, dimension: int, where: str) -> None:
        """Use the opened `extractor` of `spec`; `where` names the bundle in errors."""
        if extractor.columns.get(NAME) != dimension or not spec.ragged:
            raise DesireEdgeError(
                f"{where}: labels' vectors come from the extractor, which has no output {NAME} of {dimension} numbers",
                "onnx",
            )
        self._extractor, self._spec = extractor, spec

    def label_matrix(self, names: Sequence[str]) -> LabelMatrix:
        """The vectors [d, N] of N label names; as `Lexicon.label_matrix`."""
        names = check_names(names, "the labels")
        x = [self._spec.features_of(name, f"the label '{name}'").x for name in names]
        vectors = self._extractor.run({"x": x}, wanted=[NAME])[NAME]
        if not np.isfinite(vectors).all():
            raise DesireEdgeError("the extractor gives a label a vector that is not finite", "onnx")
        return encoded_matrix(names, vectors)
