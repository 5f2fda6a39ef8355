"""Delicious, and where its files are: a named folder, the user cache, or Mulan's repository."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from desire_edge.data.dataset import Dataset
from desire_edge.errors import DesireEdgeError
from desire_edge.inputs.readers.mulan import read_mulan

SOURCE = "delicious"
DATA_VARIABLE = "DESIRE_EDGE_DATA"
# The Mulan library's repository at a fixed commit. Reference: G. Tsoumakas, I. Katakis, I. Vlahavas,
# "Effective and Efficient Multilabel Classification in Domains with Large Number of Labels", ECML/PKDD 2008
# Workshop on Mining Multidimensional Data.
DELICIOUS_URL = (
    "https://raw.githubusercontent.com/tsoumakas/mulan/43f6389095ad71984264db4387a8074b22bc7d4a"
    "/data/multi-label/delicious/"
)
DELICIOUS_SHA256 = {
    "delicious-train.arff": "030186cdb542ebdd32052fcdbb1ebe30115b3a22518c1b4b198c45eb827aebe1",
    "delicious-test.arff": "2dfb01723a819914b0ca83361177ed413ce3f2169851d9f228d4692915d63944",
    "delicious.xml": "4e0c0f93c7d86a39b9fca4aaefaa00e9428f2c80277732dfbf03ca48e2c14da2",
}
# Not topics, or not readable as words: left out as in the split that the published figures use.
DROPPED_TAGS = (".imported", ".net", "2.0", "2007", "3d", "??", "???", "????")
# Two tags of the file carry TeX accents; a label is read as a word, so it is written as one.
RESPELT_TAGS = {"dise\\~no": "diseño", "m\\'usica": "música"}
# Seconds to wait for a connection, and for each piece of an answer.
CONNECT_TIMEOUT, READ_TIMEOUT = 3.0, 15.0


class DataNotFoundError(DesireEdgeError):
    """The Delicious files are in none of the places looked at, and could not be fetched."""


@dataclass(frozen=True)
class DeliciousFiles:
    """The three files of Delicious, their contents checked against `DELICIOUS_SHA256`."""

    train: Path
    test: Path
    header: Path


def reads(source: str) -> bool:
    """Whether `source` is the name of this data set."""
    return source == SOURCE


def read(source: str, data_dir: Path | None) -> Dataset:
    """Load Delicious from `data_dir`, or from where `find_delicious` looks."""
    return load_delicious(data_dir)


def load_delicious(data_dir: Path | None = None) -> Dataset:
    """Load Delicious: 16,105 bookmarked pages (12,920 for training, then 3,185 for test), 500 binary words,
    975 tags.

    The files are found as `find_delicious` says; raises what it raises.
    """
    files = find_delicious(data_dir)
    train, test = read_mulan(files.train, files.header), read_mulan(files.test, files.header)
    kept = [index for index, tag in enumerate(train.labels) if tag not in DROPPED_TAGS]
    digests = ", ".join(f"{name} (sha256 {digest})" for name, digest in DELICIOUS_SHA256.items())
    return Dataset(
        name="delicious",
        labels=tuple(RESPELT_TAGS.get(train.labels[index], train.labels[index]) for index in kept),
        targets=np.ascontiguousarray(np.concatenate([train.targets, test.targets])[:, kept]),
        test_rows=np.repeat([False, True], [len(train.targets), len(test.targets)]),
        features=np.concatenate([train.features, test.features]),
        feature_names=train.feature_names,
        texts=None,
        source=f"Delicious, from {DELICIOUS_URL}: {digests}",
    )


def find_delicious(
    data_dir: Path | None = None, *, fetch: bool = True, base_url: str = DELICIOUS_URL
) -> DeliciousFiles:
    """Find the three Delicious files and check their sha256.

    The first of these that is set is the place, and only it is looked at: `data_dir`, then the folder named
    by `$DESIRE_EDGE_DATA` (each holding the files itself or in `delicious/`). With neither, it is the user
    cache, and files missing there are fetched from `base_url` into it if `fetch` is true.
    Raises `DataNotFoundError`, saying what to do, if a file is missing or cannot be fetched, and
    `DesireEdgeError` if one has other contents than expected.
    """
    named = data_dir if data_dir is not None else _folder_from_environment()
    folder = _folder_with_files(named, data_dir is not None) if named is not None else delicious_cache()
    missing = [name for name in DELICIOUS_SHA256 if not (folder / name).is_file()]
    if missing and not fetch:
        raise DataNotFoundError(f"the Delicious data set is not in {folder}. {_how_to_mend()}")
    for name in DELICIOUS_SHA256:
        if name in missing:
            _fetch(name, folder, base_url)
        else:
            _check(folder / name)
    return DeliciousFiles(*(folder / name for name in DELICIOUS_SHA256))


def delicious_cache() -> Path:
    """The folder in the user cache that fetched files go to."""
    return Path(_pooch().os_cache("desire-edge")) / "delicious"


def _folder_from_environment() -> Path | None:
    value = os.environ.get(DATA_VARIABLE, "").strip()
    return Path(value).expanduser() if value else None


def _folder_with_files(named: Path, is_argument: bool) -> Path:
    for folder in (named, named / "delicious"):
        if all((folder / name).is_file() for name in DELICIOUS_SHA256):
            return folder
    origin = "--data-dir" if is_argument else f"${DATA_VARIABLE}"
    raise DataNotFoundError(
        f"{origin} is {named}, but neither it nor {named / 'delicious'} holds {', '.join(DELICIOUS_SHA256)}. "
        f"{_how_to_mend()}"
    )


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DesireEdgeError(f"cannot read {path}: {error.strerror or error}") from error
    expected = DELICIOUS_SHA256[path.name]
    if found != expected:
        raise DesireEdgeError(
            f"{path} is not the Delicious file expected: its sha256 is {found}, not {expected}. "
            f"Delete it and fetch it again from {DELICIOUS_URL}{path.name}"
        )


def _fetch(name: str, folder: Path, base_url: str) -> None:
    """Fetch one file into `folder`; it appears there only whole and with the right sha256."""
    pooch, url = _pooch(), base_url + name
    downloader = pooch.HTTPDownloader(timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    try:
        pooch.retrieve(url, f"sha256:{DELICIOUS_SHA256[name]}", name, folder, downloader=downloader)
    except ValueError as error:  # pooch's answer to a wrong hash
        raise DesireEdgeError(
            f"{url} is not the Delicious file expected ({error}). {_how_to_mend()}"
        ) from error
    except OSError as error:  # no network, a timeout, an HTTP status, a full disk
        raise DataNotFoundError(
            f"the Delicious data set is not in {folder} and could not be fetched ({type(error).__name__} for "
            f"{url}). {_how_to_mend()}"
        ) from error


def _how_to_mend() -> str:
    urls = "".join(f"\n  {DELICIOUS_URL}{name}" for name in DELICIOUS_SHA256)
    return (
        f"On a machine with a network, download{urls}\ninto one folder and name that folder with --data-dir "
        f"or the variable {DATA_VARIABLE}; or use the sample corpus (--data sample)"
    )


def _pooch() -> Any:
    try:
        import pooch
    except ImportError as error:
        raise DesireEdgeError(
            "finding the Delicious data set needs the package pooch; install desire-edge[train]"
        ) from error
    return pooch
