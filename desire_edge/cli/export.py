"""The command `export`, and what `train --export` shares with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from desire_edge import Bundle, DesireEdgeError
from desire_edge.cli import tables
from desire_edge.cli.common import ANY_PATH, FOLDER, data_dir_option, json_option, print_json, say
from desire_edge.runtime.contents import bundle_contents
from desire_edge.runtime.manifest import PRECISIONS

if TYPE_CHECKING:
    from desire_edge.export import ExportOptions
    from desire_edge.training.run import Run

RUNS = Path("runs")


@click.command()
@click.argument("run", type=FOLDER, required=False)
@click.option("--out", type=ANY_PATH, required=True, help="The bundle, NAME.desire.")
@click.option("--ways", default=16, show_default=True, help="The most labels an adapted model can hold.")
@click.option("--batch", default=1, show_default=True, help="Rows a model takes at once.")
@click.option(
    "--max-support",
    default=64,
    show_default=True,
    help="The most examples that adapt.onnx takes, for clients without the C++ core. `adapt` here has no such limit.",
)
@click.option("--opset", default=18, show_default=True, help="ONNX operator set, 18 to 21.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="fp32",
    show_default=True,
    help="Of the extractor's weights. All else stays as it is: float32, and the lexicon int8 already.",
)
@click.option(
    "--lexicon-words",
    type=click.IntRange(1),
    help="Keep this many words of the lexicon, the most frequent ones.  [default: all it was trained with, 16 MB]",
)
@click.option(
    "--zip", "zipped", is_flag=True, help="Write the bundle as one file, a zip, instead of a folder."
)
@click.option(
    "--ort",
    type=FOLDER,
    help="Also write the graphs in ORT format, for minimal builds of ONNX Runtime, and the operators they need, here.",
)
@data_dir_option
@json_option
def export(
    run: Path | None,
    out: Path,
    ways: int,
    batch: int,
    max_support: int,
    opset: int,
    precision: str,
    lexicon_words: int | None,
    zipped: bool,
    ort: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Export a finished RUN (by default the latest) to a bundle that devices adapt.

    Nothing is written unless ONNX Runtime and the C++ core reproduce torch within 1e-5 on real examples. With fp16 and
    int8 that holds from the features on, and these may be off by 1e-3 and 5e-2.
    """
    from desire_edge.export import ExportOptions
    from desire_edge.export.mobile import check_ort_folder, write_ort

    if ort is not None:
        check_ort_folder(ort, out)
    options = ExportOptions(ways, batch, max_support, opset, precision, lexicon_words, zipped)
    values = exported(open_run(run, "cpu", data_dir), out, options)
    if ort is not None:
        write_ort(out, ort)
    if as_json:
        print_json(values)
    else:
        show_exported(out, values)


def exported(run: Run, out: Path, options: ExportOptions) -> dict[str, Any]:
    """Export the finished `run` to `out`, and say of the bundle, as JSON values, what it is."""
    from desire_edge.export import export_bundle
    from desire_edge.export.mobile import mobile_usability

    manifest, parity = export_bundle(run, out, options)
    return {
        "bundle": str(out),
        "parity": parity.to_json(),
        "mobile": mobile_usability(out),
        "manifest": manifest.to_json(),
    }


def show_exported(out: Path, values: dict[str, Any]) -> None:
    """What `exported` says, in tables."""
    from desire_edge.export.parity import EXTRACTOR_TOLERANCE

    console, bundle, parity = Console(), Bundle.open(out), values["parity"]
    tables.show_bundle(console, out, bundle.manifest, bundle_contents(bundle))
    tables.show_mobile(console, values["mobile"])
    console.print(
        f"parity with torch: extractor {parity['extractor']:.1e}, logits {parity['logits']:.1e}, "
        f"probabilities {parity['probabilities']:.1e}, adapt.onnx {parity['portable']:.1e}, "
        f"thresholds {parity['thresholds']:.1e} "
        f"(allowed: extractor {EXTRACTOR_TOLERANCE[bundle.manifest.precision]:.0e}, after it 1e-05)"
    )


def open_run(run: Path | None, device: str, data_dir: Path | None) -> Run:
    """Open `run`, or the finished run of `runs/` that was touched last."""
    from desire_edge.training.device import choose_device
    from desire_edge.training.run import Run

    if run is None:
        found = [path.parent for path in RUNS.glob("*/run.json")]
        if not found:
            raise DesireEdgeError(
                "there is no finished run in runs/; name one, or train one with `desire-edge train`"
            )
        run = max(found, key=lambda folder: max(path.stat().st_mtime for path in folder.iterdir()))
        say(f"using {run}")
    return Run.open(run, choose_device(device), data_dir)
