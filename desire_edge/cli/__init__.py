"""The command line. Commands are thin: they parse, call the rooms, and print."""

from __future__ import annotations

import warnings

import click

from desire_edge import __version__
from desire_edge.cli.common import Commands, Imported, replace_what_cannot_be_printed, say

COMMANDS = {
    "adapt": Imported("adapt", "Teach a bundle labels, from their names and examples."),
    "benchmark": Imported("benchmark", "Compare methods on the same tasks."),
    "data": Imported("data", "Look at a data set, check yours, fetch one, or take a task out."),
    "evaluate": Imported("server", "Measure a finished run on labels it has never seen."),
    "export": Imported("export", "Export a finished run to a bundle for devices."),
    "info": Imported("info", "Say what a run, a bundle, a task or a model is and holds."),
    "lexicon": Imported("lexicon", "Make the lexicon that turns names and texts into vectors."),
    "predict": Imported("predict", "Predict with an adapted model."),
    "report": Imported("report", "Write one HTML page about a finished run or a bundle."),
    "serve": Imported("serve", "Open a bundle in a page in the browser, on this machine."),
    "train": Imported("server", "Train a model on your data, and export it."),
}


@click.group(cls=Commands, imported=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="desire-edge")
def main() -> None:
    """Teach a deployed ONNX model new labels, from their names and a handful of examples.

    \b
    On a server (pip install 'desire-edge[train,cpu]'):
        desire-edge train                        train on Delicious, or on the sample corpus
        desire-edge train --data my.csv --export my.desire   on your own, to a bundle
        desire-edge evaluate                     how well it learns labels it has never seen
        desire-edge report --out report.html     the same and more as a page
        desire-edge benchmark table1 --quick     beside the methods of the paper
        desire-edge export --out tagger.desire   a bundle for devices
    On a device (pip install 'desire-edge[cpu]'):
        desire-edge adapt tagger.desire --support examples/ --out taught/
        desire-edge predict taught/ page.txt
        desire-edge adapt my.desire --support new.csv --out taught/ --predict more.csv
        desire-edge serve tagger.desire          the same in a page, in the browser
    """
    replace_what_cannot_be_printed()
    warnings.showwarning = lambda message, *_: say(f"warning: {message}")
