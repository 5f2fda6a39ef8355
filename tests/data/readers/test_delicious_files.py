"""Finding and fetching Delicious, against a server on this machine; the network outside is never used."""

from __future__ import annotations

import functools
import http.server
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desire_edge.data import DataNotFoundError, DeliciousFiles, find_delicious, load_dataset
from desire_edge.data.readers import delicious
from desire_edge.errors import DesireEdgeError

NAMES = ("delicious-train.arff", "delicious-test.arff", "delicious.xml")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user cache with nothing in it, and no folder named by the environment."""
    monkeypatch.delenv("DESIRE_EDGE_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return delicious.delicious_cache()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a file server on the loopback, and the folder it serves."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", folder
        server.shutdown()


def copy_delicious(files: DeliciousFiles, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        shutil.copy(files.train.parent / name, folder / name)
    return folder


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_data_dir_comes_before_the_variable(
    delicious_files: DeliciousFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIRE_EDGE_DATA", str(copy_delicious(delicious_files, tmp_path / "variable")))
    named = copy_delicious(delicious_files, tmp_path / "named")
    assert find_delicious(named).train == named / "delicious-train.arff"


def test_the_variable_may_name_a_folder_with_delicious_in_it(
    delicious_files: DeliciousFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = copy_delicious(delicious_files, tmp_path / "data" / "delicious")
    monkeypatch.setenv("DESIRE_EDGE_DATA", str(tmp_path / "data"))
    assert find_delicious() == DeliciousFiles(*(inner / name for name in NAMES))


def test_files_are_fetched_into_the_cache_and_found_there_next_time(
    delicious_files: DeliciousFiles, served: tuple[str, Path], empty_cache: Path
) -> None:
    url, folder = served
    copy_delicious(delicious_files, folder)
    fetched = find_delicious(base_url=url)
    assert fetched.train.parent == empty_cache
    assert find_delicious(fetch=False) == fetched


def test_only_what_is_missing_is_fetched(
    delicious_files: DeliciousFiles, served: tuple[str, Path], empty_cache: Path
) -> None:
    url, folder = served
    copy_delicious(delicious_files, empty_cache)
    (empty_cache / "delicious.xml").rename(folder / "delicious.xml")
    assert find_delicious(base_url=url).header.is_file()


def test_other_contents_from_the_server_are_refused_and_not_kept(
    served: tuple[str, Path], empty_cache: Path
) -> None:
    url, folder = served
    (folder / "delicious-train.arff").write_text("<html>please log in</html>")
    with pytest.raises(DesireEdgeError, match="is not the Delicious file expected"):
        find_delicious(base_url=url)
    assert not any(empty_cache.iterdir())


@pytest.mark.parametrize("inner", [".", "delicious"])
def test_a_file_with_other_contents_is_named(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / "data" / inner
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text("not the data set")
    with pytest.raises(
        DesireEdgeError, match=r"delicious-train\.arff is not .* its sha256 is [0-9a-f]{64}, not 0301"
    ):
        find_delicious(tmp_path / "data")


def test_a_changed_file_in_the_cache_is_named_and_not_used(empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    for name in NAMES:
        (empty_cache / name).write_text("cut short")
    with pytest.raises(DesireEdgeError, match="Delete it and fetch it again"):
        find_delicious()


def test_offline_says_what_to_do(empty_cache: Path) -> None:
    with pytest.raises(DataNotFoundError) as caught:
        find_delicious(base_url=f"http://127.0.0.1:{closed_port()}/")
    message = str(caught.value)
    assert str(empty_cache) in message
    assert "--data-dir" in message and "DESIRE_EDGE_DATA" in message and "sample" in message
    for name in NAMES:
        assert f"{delicious.DELICIOUS_URL}{name}" in message


def test_a_server_that_has_no_such_file_is_like_being_offline(served: tuple[str, Path]) -> None:
    with pytest.raises(DataNotFoundError, match="HTTPError"):
        find_delicious(base_url=served[0])


def test_a_server_that_never_answers_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delicious, "READ_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(DataNotFoundError, match="Timeout"):
            find_delicious(base_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
    assert time.monotonic() - started < 10


def test_a_named_folder_without_the_files_is_an_error_not_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataNotFoundError, match=f"--data-dir is {tmp_path}, but neither it nor"):
        find_delicious(tmp_path)
    monkeypatch.setenv("DESIRE_EDGE_DATA", str(tmp_path))
    with pytest.raises(DataNotFoundError, match=f"DESIRE_EDGE_DATA is {tmp_path}, but neither it nor"):
        find_delicious()


def test_auto_falls_back_to_the_sample_corpus_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESIRE_EDGE_DATA", str(tmp_path))
    with pytest.warns(UserWarning, match=r"using the sample corpus, because \$DESIRE_EDGE_DATA is"):
        assert load_dataset("auto").name == "sample"


def test_auto_does_not_fall_back_from_a_folder_the_caller_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="--data-dir"):
        load_dataset("auto", tmp_path)
