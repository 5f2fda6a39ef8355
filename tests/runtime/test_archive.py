"""Bundles as one file: what is packed opens the same, and what is no bundle is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trained import Trained

from desire_edge import Bundle, DesireEdgeError, Support
from desire_edge.runtime.archive import pack
from desire_edge.runtime.manifest import FILES, MANIFEST


@pytest.fixture
def zipped(sample_trained: Trained, tmp_path: Path) -> Path:
    pack(sample_trained.bundle, tmp_path / "tagger.desire")
    return tmp_path / "tagger.desire"


def rewrite(source: Path, out: Path, change: dict[str, bytes | None]) -> Path:
    """Copy a zip; `change` gives files other content, None leaves them away, new names add files."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = change.pop(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in change.items():
            new.writestr(name, content or b"")
    return out


def test_a_zip_adapts_to_the_same_bits_as_its_folder(sample_trained: Trained, zipped: Path) -> None:
    support = Support.read(sample_trained.support)
    from_zip, from_folder = (
        Bundle.open(zipped).adapt(support),
        Bundle.open(sample_trained.bundle).adapt(support),
    )
    assert from_zip.model == from_folder.model
    np.testing.assert_array_equal(from_zip.predict(["a text"]), from_folder.predict(["a text"]))


def test_equal_bundles_give_equal_zips(sample_trained: Trained, zipped: Path, tmp_path: Path) -> None:
    pack(sample_trained.bundle, tmp_path / "again.desire")
    assert (tmp_path / "again.desire").read_bytes() == zipped.read_bytes()


def test_what_was_unpacked_goes_with_the_bundle(zipped: Path) -> None:
    bundle = Bundle.open(zipped)
    folder = bundle.path
    assert (folder / MANIFEST).is_file()
    del bundle
    assert not folder.exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "extra.txt"])
def test_a_zip_with_other_files_is_refused(zipped: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DesireEdgeError, match="a zip, but not of a bundle"):
        Bundle.open(rewrite(zipped, tmp_path / "evil.desire", {name: b"x"}))
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("name", [MANIFEST, *FILES])
def test_a_zip_that_lacks_a_file_is_refused(zipped: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(
        DesireEdgeError, match=r"a zip, but not of a bundle|lacks its file lexicon\.safetensors"
    ):
        Bundle.open(rewrite(zipped, tmp_path / "lacks.desire", {name: None}))


@pytest.mark.parametrize("name", FILES)
def test_a_zip_with_a_changed_file_is_refused(zipped: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DesireEdgeError, match=rf"{name} is not what was exported"):
        Bundle.open(rewrite(zipped, tmp_path / "changed.desire", {name: b"changed"}))


def test_a_truncated_or_damaged_zip_is_refused(zipped: Path, tmp_path: Path) -> None:
    content = bytearray(zipped.read_bytes())
    damaged = tmp_path / "damaged.desire"
    for broken in (content[: len(content) // 2], b"no zip at all", content[:9000] + b"!!!!" + content[9004:]):
        damaged.write_bytes(broken)
        with pytest.raises(DesireEdgeError, match="is not a whole bundle"):
            Bundle.open(damaged)


def test_export_writes_and_replaces_a_zip(
    sample_trained: Trained, cli: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "one.desire"
    for _ in range(2):
        result = cli("export", sample_trained.run.folder, "--out", out, "--zip")
        assert result.exit_code == 0, result.stderr
    assert zipfile.is_zipfile(out)
    assert cli("adapt", "--shots", "0", "--labels", "jazz,tea", "--out", tmp_path / "taught").exit_code == 0


def test_a_folder_is_not_replaced_by_a_zip(
    sample_trained: Trained, refused: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    for name in ("mine", "mine.txt"):
        assert "is no bundle" in refused(
            "export", sample_trained.run.folder, "--out", tmp_path / name, "--zip"
        )
