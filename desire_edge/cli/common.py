"""What the commands share: options, errors, JSON."""

from __future__ import annotations

import errno
import functools
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import click

from desire_edge import DesireEdgeError
from desire_edge.errors import shown

FOLDER = click.Path(path_type=Path, file_okay=False)
ANY_PATH = click.Path(path_type=Path)
SERVER_PACKAGES = {
    "torch",
    "onnx",
    "onnxscript",
    "sklearn",
    "scipy",
    "matplotlib",
    "pydantic",
    "arff",
    "pooch",
    "pyarrow",
    "msgpack",
    "jinja2",
    "markupsafe",
}
DATASET_PACKAGES = {"datasketch", "py3langid", "imagehash", "debian", "resvg_py"}

AS_JSON = "desire_edge.json"  # in a context's meta

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value, for machines.")
provider_option = click.option(
    "--provider",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What ONNX Runtime runs the models on.",
)
threads_option = click.option(
    "--threads",
    type=click.IntRange(0, 1024),
    default=1,
    show_default=True,
    help="Threads of one run of a model; 0 takes all cores.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="What torch runs on.",
)
data_dir_option = click.option(
    "--data-dir",
    type=FOLDER,
    help="Where the Delicious files are; else $DESIRE_EDGE_DATA, the user's cache, or a download.",
)


# What the columns of a table of examples may be named for: the field of `Columns`, the option, and what it says.
_COLUMNS = (
    ("text", "text", "The columns of text, separated by commas and joined in this order."),
    (
        "labels",
        "labels",
        "The column of labels; or several, separated by commas: columns of 0 and 1, each named as its label.",
    ),
    ("file", "file", "The column of names of files, within the table's folder, or of pictures in the table."),
    ("vector", "vector", "The column of vectors, lists of numbers, or of features by name."),
    (
        "group",
        "group",
        "The column that says which examples belong together: all in training, or all in the test.",
    ),
    ("split", "split", "The column that says which examples are for training and which for the test."),
)


def columns_options(
    *, short: bool, without: Sequence[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options that name the columns of a table of examples; a command has those given as `columns`, a mapping.

    Args:
        short: whether --text and --labels are these, beside --text-column and --labels-column.
        without: fields of `Columns` that do not count for the command.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def collected(*arguments: Any, **given: Any) -> Any:
            columns: dict[str, Any] = {}
            for name, value in [
                (name, given.pop(name)) for name in list(given) if name.startswith("column_")
            ]:
                if value is not None:
                    field = name.removeprefix("column_")
                    columns[field] = tuple(value.split(",")) if field in ("text", "labels") else value
            return command(*arguments, columns=columns, **given)

        separator = click.option(
            "--label-separator",
            "column_label_separator",
            metavar="TEXT",
            help="What stands between labels in a cell of text.  [default: ;]",
        )
        options = [
            click.option(
                *((f"--{option}",) if short else ()),
                f"--{option}-column",
                f"column_{field}",
                metavar="NAME",
                help=said,
            )
            for field, option, said in _COLUMNS
            if field not in without
        ]
        for option in reversed([*options, separator]):
            collected = option(collected)
        return collected

    return decorate


_BACKBONE = (
    click.option(
        "--backbone",
        help="What comes before the part that is trained: mlp (nothing), words (texts by a static lexicon), identity "
        "(vectors are features), minilm (texts), efficientnet-lite0 (pictures), onnx:FILE, module:PKG.Class.  "
        "[default: what suits the data]",
    ),
    click.option(
        "--train-backbone",
        is_flag=True,
        default=None,
        help="Tune a pretrained backbone (minilm, efficientnet-lite0, module:PKG.Class) on the base labels first.",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(1, 4096),
        help="The side, in pixels, of the square that a backbone for pictures takes.  [default: as it was trained]",
    ),
    click.option(
        "--image-mean",
        metavar="R,G,B",
        help="What is subtracted from a picture's channels, of values from 0 to 255.  [default: as it was trained]",
    ),
    click.option(
        "--image-std", metavar="R,G,B", help="What they are divided by then.  [default: as it was trained]"
    ),
    click.option(
        "--image-crop",
        type=click.FloatRange(0, 1, min_open=True),
        help="The side of the square in the middle of a picture that counts, as a share of the shorter side.  "
        "[default: as it was trained]",
    ),
)


def backbone_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose a backbone; a command has those given as `backbone`, a mapping of settings."""

    @functools.wraps(command)
    def collected(*arguments: Any, **given: Any) -> Any:
        backbone: dict[str, Any] = {}
        for name in ("backbone", "train_backbone", "image_size", "image_mean", "image_std", "image_crop"):
            value = given.pop(name)
            if value is not None and name in ("image_mean", "image_std"):
                value = channels(value, f"--{name.replace('_', '-')}")
            if value is not None:
                backbone[name] = value
        return command(*arguments, backbone=backbone, **given)

    for option in reversed(_BACKBONE):
        collected = option(collected)
    return collected


def channels(text: str, option: str) -> tuple[float, float, float]:
    """Three numbers from "R,G,B", or from one for all three."""
    try:
        numbers = [float(part) for part in text.split(",")]
        red, green, blue = numbers * 3 if len(numbers) == 1 else numbers
    except ValueError:
        raise DesireEdgeError(f"{option} is {text!r}; give three numbers, as in 123.7,116.3,103.5") from None
    return red, green, blue


@dataclass(frozen=True)
class Imported:
    """A command that is imported when it is asked for: its module in this room, and what `--help` says of it."""

    module: str
    says: str


class Commands(click.Group):
    """Turns errors a user can mend into one sentence and exit code 2; with --json into a JSON value too.

    `imported` are its commands by name: `--help` imports none of them, and a command no other.
    """

    def __init__(self, *arguments: Any, imported: Mapping[str, Imported], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.imported = imported

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands' names in their order."""
        return list(self.imported)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported; None where there is none."""
        if cmd_name not in self.imported:
            return None
        found = getattr(import_module(f"{__package__}.{self.imported[cmd_name].module}"), cmd_name)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and what each is for."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.says) for name, command in self.imported.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether a command is asked for JSON, for errors come before its options are known."""
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return self._run(ctx)
        except click.ClickException as error:
            if ctx.meta[AS_JSON]:
                code = error.code if isinstance(error, UserError) else "invalid"
                print_json({"error": {"code": code, "message": error.format_message()}})
            raise

    def _run(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DesireEdgeError as error:
            raise UserError(str(error), error.code) from error
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package not in SERVER_PACKAGES | DATASET_PACKAGES:
                raise
            extra = "train,datasets" if package in DATASET_PACKAGES else "train"
            raise UserError(
                f"this command needs {error.name}, which is not installed; "
                f"install it with pip install 'desire-edge[{extra}]'"
            ) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output left; click knows what to do
                raise
            raise UserError(f"cannot use {error.filename or 'a file'}: {error.strerror or error}") from error


class UserError(click.ClickException):
    """Printed without a traceback; the process exits with 2."""

    exit_code = 2

    def __init__(self, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message in one piece, so that it can be searched and copied."""
        say(f"error: {self.message}")


def replace_what_cannot_be_printed() -> None:
    """Let standard output replace characters that its encoding lacks: a file on Windows may be cp1252, a log ASCII.

    Standard error writes them out already, as Python has it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def say(message: str) -> None:
    """Print to standard error; what names and files bring into the message cannot steer the terminal."""
    click.echo("\n".join(map(shown, message.split("\n"))), err=True)


def only_bundle(folder: Path) -> Path:
    """The one bundle in `folder`."""
    found = sorted(folder.glob("*.desire"))
    if len(found) != 1:
        what = "no *.desire" if not found else f"more than one ({', '.join(path.name for path in found)})"
        raise DesireEdgeError(f"name a bundle: there is {what} in this folder")
    return found[0]


def print_json(value: Any) -> None:
    """Print one JSON value to standard output, in ASCII; NaN, a figure that could not be had, becomes null."""
    values = json.loads(json.dumps(value), parse_constant=lambda _: None)
    click.echo(json.dumps(values, indent=2))
