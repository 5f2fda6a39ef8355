"""From your own data to predictions of new labels, two commands each: a CSV, a Parquet file, an ARFF file, pictures.

    desire-edge train --data my.csv --export my.desire
    desire-edge adapt my.desire --support new.csv --out taught --predict more.csv

`python examples/own_data.py` writes such files (texts of the sample corpus; the same as counts of words, as Mulan has
them; coloured shapes), runs both commands over each, and prints how well the new labels were learned.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from desire_edge.data import load_dataset
from desire_edge.lexicon import tokenize
from desire_edge.metrics import micro_auc

Rows = Sequence[tuple[str, Sequence[str]]]  # a text, or a word for a picture, and its labels

NEW_LABELS = ("football", "gardening", "python")  # of the texts: training never sees them
NEW_SHAPES = ("star", "purple")
COLOURS = {"red": "#d62728", "green": "#2ca02c", "blue": "#1f77b4", "yellow": "#ffd92f", "purple": "#7b2fbe"}
PLACES = {"left": (30, 48), "right": (66, 48), "top": (48, 30), "bottom": (48, 66)}
SHAPES = ("circle", "diamond", "triangle", "ring", "cross", "star")
SHOTS = 5
SETTINGS: dict[str, tuple[str, ...]] = {"texts": ("extractor.backbone=words",), "arff": (), "pictures": ()}
QUICK = (
    'lexicon.sources=["glove-50"]', "lexicon.max_mb=1", "text.vocabulary=300", "extractor.epochs=1",
    "meta.batches=2", "meta.folds=0", "meta.inner_steps=2", "validation_tasks=2", "maps=off", "words=off",
)  # fmt: skip


def texts() -> Rows:
    """The sample corpus."""
    dataset = load_dataset("sample")
    assert dataset.texts is not None
    rows = zip(dataset.texts, dataset.targets, strict=True)
    return [(text, [dataset.labels[index] for index in np.flatnonzero(row)]) for text, row in rows]


def pictures(each: int) -> Rows:
    """So many pictures of each coloured shape, small or large, somewhere."""
    chance = np.random.default_rng(0)
    rows = []
    for number, colour, shape in product(range(each), COLOURS, SHAPES):
        labels = [colour, shape, str(chance.choice(["small", "large"])), str(chance.choice(list(PLACES)))]
        rows.append(("-".join([*labels, str(number)]), labels))
    return rows


def parts(rows: Rows, new: Sequence[str]) -> tuple[Rows, Rows, Rows]:
    """What a server has, without the new labels; the first examples of each, and as many others, with these alone."""
    known = [row for row in rows if not set(row[1]) & set(new)]
    counts: Counter[str] = Counter()
    support: list[tuple[str, Sequence[str]]] = []
    query: list[tuple[str, Sequence[str]]] = []
    for text, labels in rows:
        if carried := [name for name in labels if name in new]:
            (support if any(counts[name] < SHOTS for name in carried) else query).append((text, carried))
            counts.update(carried)
    return known, support, sorted(query[: 4 * SHOTS])  # as a folder's files are predicted


def write_csv(path: Path, rows: Rows) -> Path:
    """A table as spreadsheets in much of Europe save it."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["title", "tags"])
        table.writerows((text, json.dumps(list(labels))) for text, labels in rows)
    return path


def write_parquet(path: Path, rows: Rows) -> Path:
    """A column of texts and one of lists."""
    import pyarrow
    from pyarrow import parquet

    columns = {"text": [text for text, _ in rows], "labels": [list(labels) for _, labels in rows]}
    parquet.write_table(pyarrow.table(columns), path)
    return path


def write_arff(path: Path, rows: Rows, words: Sequence[str]) -> Path:
    """Which of `words` a text has and which labels, sparsely, and an XML header that names the labels."""
    labels = sorted({name for _, carried in rows for name in carried})
    lines = ["@relation texts", *(f"@attribute '{word}' numeric" for word in words)]
    lines += [*(f"@attribute TAG_{name} {{0,1}}" for name in labels), "@data"]
    for text, carried in rows:
        there = set(tokenize(text))
        marked = [index for index, word in enumerate(words) if word in there]
        marked += [len(words) + labels.index(name) for name in sorted(carried)]
        lines.append("{" + ",".join(f"{index} 1" for index in marked) + "}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    entries = "".join(f"<label name={quoteattr(f'TAG_{name}')}/>" for name in labels)
    header = f'<labels xmlns="http://mulan.sourceforge.net/labels">{entries}</labels>\n'
    path.with_suffix(".xml").write_text(header, encoding="utf-8")
    return path


def write_pictures(folder: Path, rows: Rows) -> Path:
    """PNG files, in each a shape, and a metadata.csv with their labels."""
    folder.mkdir()
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file_name", "labels"])
        for name, labels in rows:
            draw(folder / f"{name}.png", *name.split("-"))
            table.writerow([f"{name}.png", ";".join(labels)])
    return folder


def draw(path: Path, colour: str, shape: str, size: str, place: str, number: str) -> None:
    """A shape of a colour, of a size and in a place that differ a little with the number, as the grey behind it."""
    from PIL import Image, ImageDraw

    colour = COLOURS[colour]
    chance = np.random.default_rng([int(number), *path.name.encode()])
    r, grey = {"small": 10, "large": 24}[size] + int(chance.integers(5)), int(chance.integers(180, 256))
    x, y = (centre + int(chance.integers(-6, 7)) for centre in PLACES[place])
    image = Image.new("RGB", (96, 96), (grey, grey, grey))
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse([x - r, y - r, x + r, y + r], colour)
    elif shape == "ring":
        pen.ellipse([x - r, y - r, x + r, y + r], outline=colour, width=r // 3)
    elif shape == "cross":
        pen.line([x - r, y, x + r, y], colour, r // 2)
        pen.line([x, y - r, x, y + r], colour, r // 2)
    else:
        corners = {"diamond": 4, "triangle": 3, "star": 10}[shape]
        angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) - np.pi / 2
        far = np.where(np.arange(corners) % 2 == 1, 0.4 * r, r) if shape == "star" else r
        points = np.column_stack([x + far * np.cos(angles), y + far * np.sin(angles)])
        pen.polygon([(float(a), float(b)) for a, b in points], colour)
    image.save(path)


def sets_of_files(
    out: Path, kinds: Sequence[str], each: int, limit: int | None = None
) -> dict[str, tuple[list[Path], Rows]]:
    """The files of each kind, what a server trains on, the support and what to predict, and the last one's rows.

    Args:
        out: the folder they go into.
        kinds: which.
        each: how many pictures of each coloured shape.
        limit: at most so many texts.
    """
    found: dict[str, tuple[list[Path], Rows]] = {}
    text_parts = parts(texts()[:limit], NEW_LABELS)
    counted = Counter(word for text, _ in text_parts[0] for word in set(tokenize(text)))
    words = [word for word, _ in counted.most_common(1500) if re.fullmatch("[a-z]+", word)]
    writers: dict[str, tuple[str, Callable[[Path, Rows], Path]]] = {
        "csv": (".csv", write_csv),
        "parquet": (".parquet", write_parquet),
        "arff": (".arff", lambda path, rows: write_arff(path, rows, words)),
        "pictures": ("", write_pictures),
    }
    for kind in kinds:
        ending, write = writers[kind]
        its_parts = parts(pictures(each), NEW_SHAPES) if kind == "pictures" else text_parts
        (out / kind).mkdir(parents=True)
        files = [
            write(out / kind / f"{name}{ending}", rows)
            for name, rows in zip(("my", "new", "more"), its_parts, strict=True)
        ]
        found[kind] = files, its_parts[2]
    return found


def auc(predictions: Sequence[dict[str, Any]], rows: Rows) -> float:
    """Micro AUC of predictions of rows."""
    scores = [list(prediction["probabilities"].values()) for prediction in predictions]
    targets = [[label in labels for label in predictions[0]["probabilities"]] for _, labels in rows]
    return micro_auc(np.array(targets), np.array(scores))


def run(*arguments: str | Path) -> Any:
    """Run one command as a user would; its JSON."""
    words = [str(argument) for argument in arguments]
    print(f"$ desire-edge {shlex.join(words)}", flush=True)
    command = [sys.executable, "-m", "desire_edge", *words, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/own-data"), help="a new folder for everything"
    )
    parser.add_argument(
        "--kinds", default="csv,parquet,arff,pictures", help="which files (default: all of them)"
    )
    parser.add_argument("--quick", action="store_true", help="hardly train at all: only to see that it works")
    arguments = parser.parse_args()
    found = sets_of_files(arguments.out, arguments.kinds.split(","), 2 if arguments.quick else 10)
    for kind, ((mine, new, more), rows) in found.items():
        folder = arguments.out / kind
        bundle, taught = folder / "my.desire", folder / "taught"
        settings = QUICK if arguments.quick else SETTINGS.get(kind, SETTINGS["texts"])
        options = [word for setting in settings for word in ("--set", setting)]
        run("train", "--data", mine, "--export", bundle, "--out", folder / "run", *options)
        told = run("adapt", bundle, "--support", new, "--out", taught, "--predict", more)
        print(f"{kind}: AUC {auc(told['predictions'], rows):.2f} over {len(rows)} examples of new labels\n")


if __name__ == "__main__":
    main()
