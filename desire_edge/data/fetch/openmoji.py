"""OpenMoji: drawings of emoji as pictures, with OpenMoji's tags and emojilib's keywords."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from desire_edge import npm
from desire_edge.data.duplicates import LOOKS_ALIKE, look_alikes, picture_hash
from desire_edge.data.fetch.folder import MIN_EXAMPLES, README, Report, digest, write_lines
from desire_edge.errors import DesireEdgeError
from desire_edge.files import parse_json
from desire_edge.inputs import images

NAME = "openmoji"
PATH = "."
LINES = "metadata.jsonl"
LICENCE = "drawings: CC BY-SA 4.0, OpenMoji; keywords: MIT, emojilib"
SIDE = 224  # pixels
TAGS, KEYWORDS = "data/openmoji.json", "dist/emoji-en-US.json"  # in the two packages
OPENMOJI = npm.Package(
    "openmoji",
    "17.0.0",
    "sha512-EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w==",
)
EMOJILIB = npm.Package(
    "emojilib",
    "4.0.3",
    "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
)
ABOUT = """\
OpenMoji: drawings of emoji with tags, in {lines} and images/.

{rows} drawings with {labels} different tags ({lines}: {digest}), from the npm packages
  {openmoji} ({openmoji.integrity}), CC BY-SA 4.0: LICENSE-openmoji.txt
  {emojilib} ({emojilib.integrity}), MIT: LICENSE-emojilib.txt
The drawings are by the OpenMoji project (openmoji.org) and the authors named in {lines}. They were rasterised at
{side} x {side} pixels on white; whoever passes them on names the project and keeps the licence.
`desire-edge data fetch openmoji` made this folder.

Rules
- Drawings that differ from another one in the skin's tone alone are left out.
- The group is the same for drawings that differ in the people's gender, hair or direction alone, by their code points,
  and for those that look alike: of their perceptual hashes at most {alike} of 256 bits differ. Whoever splits the rows
  should keep a group together.
- Labels are OpenMoji's two lists of tags and emojilib's keywords, in lower case, with a space for "_". emojilib's first
  keyword is left out: it is the drawing's name.
- When it is loaded by its name, labels with fewer than {fewest} examples are left out.
"""

# What one drawing has and its twin has not: the signs for female and male, hair, "facing right", what joins or styles.
_TWINS = {
    "1F468": "1F9D1",  # man, woman: person
    "1F469": "1F9D1",
    "1F466": "1F9D2",  # boy, girl: child
    "1F467": "1F9D2",
    "1F474": "1F9D3",  # old man, old woman: older person
    "1F475": "1F9D3",
    "1F934": "1FAC5",  # prince, princess: person with crown
    "1F478": "1FAC5",
    "1F385": "1F9D1-1F384",  # Santa Claus, Mrs. Claus: Mx Claus
    "1F936": "1F9D1-1F384",
    "1F46B": "1F9D1-1F91D-1F9D1",  # two who hold hands
    "1F46C": "1F9D1-1F91D-1F9D1",
    "1F46D": "1F9D1-1F91D-1F9D1",
    "1F48F": "1F9D1-2764-1F48B-1F9D1",  # a kiss
    "1F491": "1F9D1-2764-1F9D1",  # a couple with a heart
}
_NOTHING_OF_ITS_OWN = {"2640", "2642", "1F9B0", "1F9B1", "1F9B2", "1F9B3", "27A1", "200D", "FE0F"}


@dataclass(frozen=True)
class Drawing:
    """One drawing: its code points in hexadecimal, joined by "-", what it shows, who drew it, its labels and group."""

    code: str
    name: str
    author: str
    labels: tuple[str, ...]
    group: str


def build(folder: Path, report: Report) -> None:
    """Fill `folder` with metadata.jsonl, images/CODE.png, README.txt and the licences, with the help of npm."""
    from resvg_py import svg_to_bytes

    mend = "fetch openmoji on a machine with npm and a network, and copy its folder from the cache there"
    report(f"fetching {OPENMOJI} and {EMOJILIB}", 0, 0)
    with (
        npm.unpacking(OPENMOJI, "the data set openmoji", mend) as openmoji,
        npm.unpacking(EMOJILIB, "the data set openmoji", mend) as emojilib,
    ):
        theirs = npm.read(emojilib, (KEYWORDS, "LICENSE"))
        ours = npm.read(openmoji, (TAGS, "LICENSE.txt"))
        drawings = read_drawings(_json(ours, TAGS), _json(theirs, KEYWORDS))
        pictures = npm.read(openmoji, {_svg(drawing) for drawing in drawings})
    (folder / "LICENSE-openmoji.txt").write_bytes(ours["LICENSE.txt"])
    (folder / "LICENSE-emojilib.txt").write_bytes(theirs["LICENSE"])
    (folder / "images").mkdir()
    hashes = []
    for done, drawing in enumerate(drawings, start=1):
        svg = pictures[_svg(drawing)].decode()
        # No drawing has text in it, and fonts would differ between machines.
        png = svg_to_bytes(svg, background="#ffffff", width=SIDE, height=SIDE, skip_system_fonts=True)
        (folder / image(drawing)).write_bytes(png)
        hashes.append(picture_hash(images.decode(png, drawing.code)))
        report("drawings", done, len(drawings))
    drawings = grouped(drawings, look_alikes(hashes).tolist())
    write_lines(folder / LINES, map(record, drawings))
    about = ABOUT.format(
        lines=LINES,
        digest=digest((folder / LINES).read_bytes()),
        rows=len(drawings),
        labels=len({label for drawing in drawings for label in drawing.labels}),
        openmoji=OPENMOJI,
        emojilib=EMOJILIB,
        side=SIDE,
        alike=LOOKS_ALIKE,
        fewest=MIN_EXAMPLES,
    )
    (folder / README).write_text(about, encoding="utf-8")


def read_drawings(entries: Iterable[Mapping[str, Any]], keywords: Mapping[str, list[str]]) -> list[Drawing]:
    """The drawings of OpenMoji's openmoji.json, with the keywords of each emoji in emojilib's dist/emoji-en-US.json."""
    plain = {_without_style(emoji): words for emoji, words in keywords.items()}
    return [
        Drawing(
            code=entry["hexcode"],
            name=entry["annotation"],
            author=entry["openmoji_author"],
            labels=labels_of(entry, plain.get(_without_style(entry["emoji"]), [])[1:]),
            group=group_of(entry["hexcode"]),
        )
        for entry in entries
        if not entry["skintone"]
    ]


def labels_of(entry: Mapping[str, Any], keywords: Iterable[str]) -> tuple[str, ...]:
    """The labels of one entry of openmoji.json, whose two fields of tags are separated by commas, and its keywords."""
    tags = f"{entry['tags']},{entry['openmoji_tags']}".split(",")
    plain = (" ".join(word.lower().replace("_", " ").split()) for word in (*tags, *keywords))
    return tuple(sorted({word for word in plain if word}))


def group_of(code: str) -> str:
    """What the code points of twins have in common."""
    points = [_TWINS.get(point, point) for point in code.split("-")]
    return "-".join(point for point in points if point not in _NOTHING_OF_ITS_OWN) or code


def grouped(drawings: Sequence[Drawing], alike: Sequence[int]) -> list[Drawing]:
    """The drawings with one group for all that share one or look alike: `alike` has for each the row of one like it.

    A group is called as that of its first drawing.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = {drawing.group: row for row, drawing in enumerate(drawings)}
    links = [*(names[drawing.group] for drawing in drawings), *alike]
    rows = [*range(len(drawings))] * 2
    graph = coo_array(([1] * len(rows), (rows, links)), shape=(len(drawings), len(drawings)))
    _, components = connected_components(graph, directed=False)
    firsts: dict[int, str] = {}
    return [
        replace(drawing, group=firsts.setdefault(component, drawing.group))
        for drawing, component in zip(drawings, components.tolist(), strict=True)
    ]


def record(drawing: Drawing) -> dict[str, object]:
    """A drawing's line in metadata.jsonl."""
    return {
        "file_name": image(drawing),
        "labels": list(drawing.labels),
        "group": drawing.group,
        "name": drawing.name,
        "author": drawing.author,
    }


def image(drawing: Drawing) -> str:
    """Where a drawing's picture is within the folder."""
    return f"images/{drawing.code}.png"


def _without_style(emoji: str) -> str:
    return emoji.replace("\ufe0f", "")


def _svg(drawing: Drawing) -> str:
    return f"color/svg/{drawing.code}.svg"


def _json(files: Mapping[str, bytes], name: str) -> Any:
    try:
        return parse_json(files[name])
    except ValueError as error:
        raise DesireEdgeError(f"{name} of the npm package is not valid JSON: {error}") from error
