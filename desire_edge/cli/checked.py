"""How a checked data set is shown: what is wrong first, then figures, labels and the next command; and a plot."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from desire_edge.cli.tables import plain, show_values
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_path

if TYPE_CHECKING:
    from desire_edge.data.check import Checked

LABELS_SHOWN, PLACES_SHOWN = 10, 5


def show_checked(console: Console, checked: Checked) -> None:
    """What a check found, for people."""
    for finding in checked.findings:
        lines = [f"warning: {finding.message}", *(f"  {place}" for place in finding.places[:PLACES_SHOWN])]
        if len(finding.places) > PLACES_SHOWN:
            lines.append(f"  and {len(finding.places) - PLACES_SHOWN} more (--json has them all)")
        for line in lines:
            console.print(plain(line, "yellow"), soft_wrap=True)
    if not checked.findings:
        console.print("nothing looks wrong")
    show_values(
        console,
        f"data set {checked.name}",
        {
            "examples": f"{checked.examples} ({checked.kind}), {checked.test_examples} of them for the test",
            "labels": f"{len(checked.counts)}, {checked.labels_per_example} an example",
            **{f"{name} from": columns for name, columns in checked.columns.items()},
            **(
                {
                    "languages (guessed)": ", ".join(
                        f"{name} {share:.0%}" for name, share in checked.languages.items()
                    )
                }
                if checked.languages
                else {}
            ),
        },
    )
    table = Table(title="examples a label", title_justify="left")
    for header in ("most", "", "fewest", ""):
        table.add_column(header, justify="left" if header else "right", overflow="fold")
    most, others = checked.counts[:LABELS_SHOWN], checked.counts[LABELS_SHOWN:]
    fewest = others[: -LABELS_SHOWN - 1 : -1]
    for (frequent, count), (rare, few) in zip_longest(most, fewest, fillvalue=("", "")):
        table.add_row(plain(frequent), str(count), plain(rare), str(few))
    console.print(table)
    if checked.command is None:
        console.print("next:", plain(f"nothing trains on this yet: {checked.missing}"), soft_wrap=True)
    else:
        console.print("next:", plain(checked.command, "bold"), soft_wrap=True)


def check_plot_name(path: Path) -> None:
    """Refuse a plot's file of another kind than can be drawn."""
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise DesireEdgeError(f"--plot is {path}; give it a name that ends in .png, .svg or .pdf")


def plot_counts(checked: Checked, path: Path) -> None:
    """Draw each label's number of examples by its rank, with the numbers that tasks need, as a picture file."""
    from matplotlib.figure import Figure

    from desire_edge.data.check.labels import QUERIES, SHOTS, TRAINING_QUERIES

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    counts = [count for _, count in checked.counts]
    axes.loglog(range(1, len(counts) + 1), counts, marker=".", linewidth=1)
    for least, what in (
        (SHOTS + TRAINING_QUERIES, "a training task needs"),
        (SHOTS + QUERIES, "`evaluate` needs"),
    ):
        axes.axhline(least, linestyle="--", color="grey", linewidth=1)
        axes.annotate(f"{what} {least}", (1, least), va="bottom", color="grey")
    axes.set(
        xlabel="labels, most frequent first", ylabel="examples", title=f"{checked.name}: examples a label"
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=150)
