"""The command `serve`: the page on localhost."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path

import click

from desire_edge import Bundle
from desire_edge.cli.common import ANY_PATH, FOLDER, json_option, only_bundle, print_json, say
from desire_edge.serving import ORT, TOKENIZERS, PageServer, find_package


@click.command()
@click.argument("bundle", type=ANY_PATH, required=False)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any free one."
)
@click.option("--no-open", is_flag=True, help="Do not open a browser.")
@click.option(
    "--ort-web",
    type=FOLDER,
    help="The dist folder of the npm package onnxruntime-web.  [default: the user's cache; npm fetches it once]",
)
@click.option(
    "--tokenizers-web",
    type=FOLDER,
    help="The same of @huggingface/tokenizers, for a bundle that takes text as tokens.",
)
@json_option
def serve(
    bundle: Path | None,
    port: int,
    no_open: bool,
    ort_web: Path | None,
    tokenizers_web: Path | None,
    as_json: bool,
) -> None:
    """Open BUNDLE (by default the only *.desire here) in a page that teaches it labels, in the browser.

    The page is on this machine only, and so is all that is typed into it: examples, labels and the model that comes
    of them never leave the browser. Ctrl+C ends it.

    \b
    desire-edge serve tagger.desire
    """
    opened = Bundle.open(bundle or only_bundle(Path()))
    ort = find_package(ORT, ort_web, say)
    tokens = opened.manifest.input.kind == "tokens"
    tokenizers = find_package(TOKENIZERS, tokenizers_web, say) if tokens else None
    with PageServer(opened, port, ort, tokenizers) as server:
        if as_json:
            print_json({"url": server.url, "bundle": opened.manifest.name})
        else:
            click.echo(f"{opened.manifest.name} is at {server.url} (Ctrl+C ends it)")
        if not no_open:
            # A browser in the terminal is waited for, and itself waits for the page.
            threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("", err=True)
