"""The support set: examples with the labels a user gave them, from a folder or from Python values."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.examples import MAX_FOLDER_BYTES, Columns, Example, Request, Stored, checked_labels
from desire_edge.inputs.names import columns
from desire_edge.inputs.readers import format_of, read_examples
from desire_edge.inputs.rows import Inputs, NameLists, input_rows, name_rows
from desire_edge.inputs.spec import RawInput

Missing = Literal["negative", "unknown"]
# A support folder comes from anyone: what is read of it is bounded.
MAX_EXAMPLES = 4096
MAX_DECODED_BYTES = 2**30  # pictures are held as pixels: some 350 megapixels


@dataclass(frozen=True, repr=False)
class Support:
    """S examples. An example may carry any number of labels, none included.

    `warnings` say what looks wrong in the file they come from, and may be right.
    """

    examples: tuple[Example, ...]
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """The support set in one line."""
        return f"Support(examples={len(self.examples)}, labels={reprlib.repr(list(self.names()))})"

    @classmethod
    def of(
        cls,
        inputs: Inputs,
        labels: NameLists,
        negative_labels: NameLists | None = None,
        known_labels: NameLists | None = None,
    ) -> Support:
        """A support set from Python values, one entry an example in each argument.

        Args:
            inputs: texts, sparse features or vectors, as `Predictor.predict` takes them.
            labels: a list of names an example, in a list, an iterator or a pandas Series; or a DataFrame of 0 and 1
                whose columns are the labels.
            negative_labels: the labels that each example is known not to carry, likewise.
            known_labels: the base labels that each is known to carry, likewise, for a model that uses them.

        Raises:
            DesireEdgeError: the arguments differ in length, an input is missing, or a label name is empty, too long or
                given twice.
        """
        rows = input_rows(inputs, "a support set", "example")
        carried = name_rows(labels, "labels", "example")
        negative, known = (
            name_rows(values, what, "example") if values is not None else [()] * len(rows)
            for values, what in ((negative_labels, "negative_labels"), (known_labels, "known_labels"))
        )
        if not len(rows) == len(carried) == len(negative) == len(known):
            raise DesireEdgeError(
                f"{len(rows)} inputs, {len(carried)} lists of labels, {len(negative)} of negative labels and "
                f"{len(known)} of known labels: there must be one of each an example"
            )
        entries = zip(rows, carried, negative, known, strict=True)
        return cls(tuple(_example(*entry, f"example {index}") for index, entry in enumerate(entries)))

    @classmethod
    def read(cls, path: Path | str, columns: Columns | None = None) -> Support:
        """Read examples: a folder with metadata and the files it names, or a file or folder of any other format.

        In a folder each entry of `metadata.jsonl` or `metadata.csv` has `file_name` (inside the folder) or `text`,
        `labels` and, if wanted, `negative_labels` and `known_labels`: lists in JSON Lines, names separated by `;` in
        CSV. Files are text (`.txt`, UTF-8), vectors (`.npy`), sparse features (`.json`, an object from feature name or
        index to number) and whatever else `read_input` reads. `desire_edge.inputs.readers` has the other formats.

        Args:
            path: the folder or file.
            columns: which columns hold what, where they have other names.

        Raises:
            DesireEdgeError: names the file, the line, what was expected and how to mend it.
        """
        path = Path(path)
        if not path.is_dir() and format_of(path) is None:
            raise DesireEdgeError(
                f"the support folder {path} does not exist or is not a folder", "folder-none"
            )
        request = Request(columns or Columns(), max_examples=MAX_EXAMPLES, max_bytes=MAX_FOLDER_BYTES)
        found = read_examples(path, request=request)
        examples: list[Example] = []
        stored = decoded = 0
        for row in found.rows:
            example = row.example()
            if isinstance(row.raw, Stored):
                stored += row.raw.size
                decoded += example.raw.nbytes if isinstance(example.raw, np.ndarray) else 0
            for taken, most, what in (
                (stored, MAX_FOLDER_BYTES, ""),
                (decoded, MAX_DECODED_BYTES, " once decoded"),
            ):
                if taken > most:
                    raise DesireEdgeError(
                        f"{(*found.files, path)[0]} names files of more than {most // 2**20} MiB in all{what}; "
                        "adapt with fewer or smaller ones",
                        "folder-large",
                    )
            examples.append(example)
        if not examples:
            raise DesireEdgeError(
                f"{(*found.files, path)[0]} names no examples; add one, or use --shots 0 --labels to go by names alone",
                "examples-none",
            )
        return cls(tuple(examples), found.warnings)

    def names(self) -> tuple[str, ...]:
        """All label names, in the order in which they first appear."""
        return tuple(
            dict.fromkeys(
                name for example in self.examples for name in (*example.labels, *example.negative_labels)
            )
        )

    def first_shots(self, shots: int) -> Support:
        """The first `shots` examples of each label, with whatever else these carry, and all that carry none.

        An example that carries several labels comes with the first of them that has fewer so far, so another label may
        have more than `shots`. With 0 shots no example is left.
        """
        if shots == 0:
            return Support(())
        counts: dict[str, int] = {}
        kept = []
        for example in self.examples:
            if not example.labels or any(counts.get(label, 0) < shots for label in example.labels):
                kept.append(example)
                for label in example.labels:
                    counts[label] = counts.get(label, 0) + 1
        return Support(tuple(kept))

    def targets(
        self, names: Sequence[str], missing: Missing
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Targets and mask, both [S, N] float32, for the labels `names`.

        A label an example carries is 1 and known, a negative label 0 and known. Any other is 0, and known only if
        `missing` is "negative": with "unknown" it does not count, for a user who did not look is not saying no.
        """
        column = columns(names)
        targets = np.zeros((len(self.examples), len(names)), np.float32)
        mask = np.full_like(targets, float(missing == "negative"))
        for row, example in enumerate(self.examples):
            for label in example.labels:
                targets[row, column[label]] = 1
            for label in (*example.labels, *example.negative_labels):
                mask[row, column[label]] = 1
        return targets, mask


def _example(raw: RawInput, labels: Any, negative_labels: Any, known_labels: Any, where: str) -> Example:
    positive, negative, known = checked_labels(labels, negative_labels, known_labels, where)
    return Example(raw, positive, negative, where, known)
