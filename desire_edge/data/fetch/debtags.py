"""debtags: descriptions of Debian's packages, with the tags that Debian's developers gave them.

The tags are described in E. Zini, "A cute introduction to Debtags", 2005. Text and tags come from the package index of
the Debian release that this machine's apt knows, so another release gives another data set; README.txt says which.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from desire_edge.data.duplicates import NEAR, near_duplicates
from desire_edge.data.fetch.folder import MIN_EXAMPLES, README, Report, digest, write_lines
from desire_edge.errors import DesireEdgeError

NAME = "debtags"
PATH = LINES = "debtags.jsonl"
LICENCE = "texts: their packages' (free by Debian's guidelines); tag names: GPL-2"
VOCABULARY = Path("usr/share/debtags/vocabulary")  # in the package debtags
PLACEHOLDER = "TODO"  # a tag for "something of this facet that has no tag yet", which says nothing

# Read after the machine's own settings, so that its proxies and keys stand and its hooks, which would change the
# system, do not. All that apt writes goes to folders of our own.
SETTINGS = """\
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::Languages;
Acquire::Languages "en";
Acquire::GzipIndexes "false";
"""
ABOUT = """\
debtags: descriptions of Debian's packages and their tags, in debtags.jsonl ({digest}).

{rows} texts with {labels} different tags, from the apt sources
{sources}
and the tag names of the package {vocabulary}.

The descriptions belong to their packages, whose licences are free by Debian's guidelines
(/usr/share/doc/PACKAGE/copyright says which), the tags to Debian's package index; their names are part of the package
debtags, GPL-2. `desire-edge data fetch debtags` made this folder; from the same index it makes the same.

Rules
- One package a source package, for packages of one source share their text: the one with the most tags; of these the
  one named as the source; of these the first by name. A text that two sources share is there once, at the first of
  them by name.
- The title is the description's first line, the text is the rest of it.
- A label is the facet's name, ": " and the tag's name (36 tags of different facets have the same name). Commas in it
  are written " /", for lists of labels are separated by commas. Tags that say "Need an extra tag" are left out.
- The group is the same for near-duplicates: descriptions that share {near:.0%} of the distinct runs of three words that
  one or the other has. It is named after the first of them. Whoever splits the rows should keep a group together.
- When it is loaded by its name, labels with fewer than {fewest} examples are left out.
"""


@dataclass(frozen=True)
class Package:
    """A tagged package: its source, its tags as Debian writes them, and its description."""

    name: str
    source: str
    tags: tuple[str, ...]
    title: str
    text: str


def build(folder: Path, report: Report) -> None:
    """Fill `folder` with debtags.jsonl and README.txt, with the help of apt-get and dpkg-deb."""
    with TemporaryDirectory(prefix="desire-edge-") as temporary:
        apt = Apt(Path(temporary))
        report("apt-get update, into a folder of its own", 0, 0)
        apt.update()
        report("reading the package index", 0, 0)
        packages = read_packages(apt.indexes("Packages"), apt.indexes("Translations"))
        vocabulary, version = apt.vocabulary()
        names = read_vocabulary(vocabulary)
        rows = one_a_source(packages)
        records = labelled(rows, names, lambda done, total: report("near-duplicates", done, total))
        sources = [f"  {path.name} ({digest(path.read_bytes())})" for path in apt.indexes("Packages")]
    write_lines(folder / LINES, records)
    about = ABOUT.format(
        digest=digest((folder / LINES).read_bytes()),
        rows=len(records),
        labels=len({label for record in records for label in record["labels"]}),
        sources="\n".join(sources),
        vocabulary=version,
        near=NEAR,
        fewest=MIN_EXAMPLES,
    )
    (folder / README).write_text(about, encoding="utf-8")


class Apt:
    """apt-get with the machine's sources, and with lists, state and cache of its own; it needs no rights of root."""

    def __init__(self, folder: Path) -> None:
        """Work in the empty `folder`.

        Raises:
            DesireEdgeError: this machine has no apt.
        """
        for program in ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                raise DesireEdgeError(
                    f"debtags is made from Debian's package index, and there is no {program} here; fetch it on a "
                    f"machine with Debian and copy the folder {NAME} from the cache there"
                )
        self.folder = folder
        self.settings = folder / "apt.conf"
        self.settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
        (folder / "status").touch()  # nothing is installed
        for part in ("state", "lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)

    def update(self) -> None:
        """Fetch the index and the English descriptions of every source."""
        self._run("update")

    def indexes(self, kind: str) -> list[Path]:
        """The files of the index that are there, `kind` "Packages" or "Translations", in the order of the sources."""
        listed = self._run("indextargets", "--format", "$(FILENAME)", f"Created-By: {kind}").splitlines()
        return [Path(name) for name in listed if Path(name).is_file()]

    def vocabulary(self) -> tuple[Path, str]:
        """The file with the tags' names from the package debtags, and the package's file name."""
        self._run("download", "debtags")
        packed = next(self.folder.glob("debtags_*.deb"))
        unpacked = self.folder / "debtags"
        _run(["dpkg-deb", "-x", str(packed), str(unpacked)], self.folder)
        return unpacked / VOCABULARY, packed.stem

    def _run(self, *arguments: str) -> str:
        return _run(["apt-get", "-q", "-c", str(self.settings), *arguments], self.folder)


def read_packages(indexes: Sequence[Path], translations: Sequence[Path]) -> list[Package]:
    """The tagged packages of Debian package indexes (`Packages`), with their descriptions (`Translation-en`).

    Of a package that is listed twice the first one counts.

    Raises:
        DesireEdgeError: no package has tags.
    """
    descriptions: dict[str, str] = {}
    for path in translations:
        for entry in _entries(path, ("Description-md5", "Description-en")):
            descriptions.setdefault(entry["Description-md5"], entry["Description-en"])
    packages: dict[str, Package] = {}
    for path in indexes:
        for entry in _entries(path, ("Package", "Source", "Tag", "Description-md5", "Description")):
            name, tags = entry["Package"], entry.get("Tag", "")
            if not tags or name in packages:
                continue
            description = descriptions.get(entry.get("Description-md5", ""), entry.get("Description", ""))
            title, text = split_description(description)
            source = entry.get("Source", name).partition(" ")[0]  # its version may follow
            packages[name] = Package(name, source, tuple(map(str.strip, tags.split(","))), title, text)
    if not packages:
        raise DesireEdgeError(
            "the apt sources of this machine list no package with tags, as Debian's own do; fetch debtags on a machine "
            "with Debian's main archive among its sources"
        )
    return list(packages.values())


def split_description(description: str) -> tuple[str, str]:
    """The first line of a description and, as plain lines, the rest: Debian indents it and writes "." for a blank."""
    title, *lines = description.split("\n")
    plain = ("" if line.strip() == "." else line.removeprefix(" ").rstrip() for line in lines)
    return title.strip(), "\n".join(plain).strip("\n")


def read_vocabulary(path: Path) -> dict[str, str]:
    """The name of each tag of Debian's vocabulary: its facet's name, ": ", its own."""
    facets: dict[str, str] = {}
    names: dict[str, str] = {}
    for entry in _entries(path, ("Facet", "Tag", "Description")):
        name = entry.get("Description", "").partition("\n")[0].strip().replace(", ", " / ")
        if "Facet" in entry:
            facets[entry["Facet"]] = name
        elif "Tag" in entry:
            facet = entry["Tag"].partition("::")[0]
            names[entry["Tag"]] = f"{facets.get(facet, facet)}: {name}"
    return names


def tag_name(tag: str, names: dict[str, str]) -> str:
    """The name of a tag; of one that the vocabulary lacks, its own words."""
    facet, _, rest = tag.partition("::")
    return names.get(tag) or f"{facet.replace('-', ' ').capitalize()}: {rest.replace('-', ' ')}"


def one_a_source(packages: Iterable[Package]) -> list[Package]:
    """One package of each source, by source, and each text once."""
    sources: dict[str, list[Package]] = defaultdict(list)
    for package in packages:
        sources[package.source].append(package)
    texts: dict[tuple[str, str], Package] = {}
    for source in sorted(sources):
        best = min(sources[source], key=lambda each: (-len(each.tags), each.name != source, each.name))
        texts.setdefault((best.title, best.text), best)
    return list(texts.values())


def labelled(
    packages: Sequence[Package], names: dict[str, str], report: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """The data set's lines. `report` is told how many packages were compared, and of how many."""
    firsts = near_duplicates([f"{package.title}\n{package.text}" for package in packages], report)
    return [
        {
            "title": package.title if package.text else "",
            "text": package.text or package.title,
            "labels": sorted({tag_name(tag, names) for tag in package.tags if _says_something(tag)}),
            "group": packages[first].source,
            "package": package.name,
        }
        for package, first in zip(packages, firsts.tolist(), strict=True)
    ]


def _says_something(tag: str) -> bool:
    return not tag.endswith(PLACEHOLDER)


def _entries(path: Path, fields: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """The entries of a Debian control file, with those of `fields` that they have."""
    from debian.deb822 import Deb822

    with path.open("rb") as file:
        for entry in Deb822.iter_paragraphs(file, list(fields), use_apt_pkg=False):
            yield {field: entry[field] for field in fields if field in entry}


def _run(command: Sequence[str], folder: Path) -> str:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise DesireEdgeError(f"`{' '.join(command[:1])}` could not fetch Debian's package index: {reason}")
    return result.stdout
