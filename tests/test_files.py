"""Files and folders are written whole or not at all: a full disk, a kill at any point, a body that fails."""

from __future__ import annotations

import math
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from desire_edge.errors import DesireEdgeError
from desire_edge.files import atomic_folder, atomic_path, parse_json, read_json, write_bytes, write_json

OLD, NEW = b"old" * 1000, b"new" * 1000


def write_file(target: Path) -> None:
    write_bytes(target, NEW)


def write_folder(target: Path) -> None:
    with atomic_folder(target) as folder:
        (folder / "first").write_bytes(NEW)
        (folder / "second").write_bytes(NEW)


def content(target: Path) -> dict[str, bytes]:
    """What is at `target`: names and contents."""
    files = sorted(target.iterdir()) if target.is_dir() else [target]
    return {file.name: file.read_bytes() for file in files}


def old_file(target: Path) -> None:
    target.write_bytes(OLD)


def old_folder(target: Path) -> None:
    target.mkdir()
    (target / "first").write_bytes(OLD)
    (target / "old only").write_bytes(OLD)


def in_child(action: Callable[[], None]) -> int:
    """Run `action` in a forked process and return its wait status; 0 means that it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            action()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return os.waitpid(child, 0)[1]


def killed_at(event: int, action: Callable[[], None]) -> Callable[[], None]:
    """`action`, in a process that kills itself at the `event`-th operation that Python's audit hooks see."""

    def run() -> None:
        seen = 0

        def hook(name: str, _: object) -> None:
            nonlocal seen
            if name.partition(".")[0] in ("open", "os", "shutil", "tempfile", "ctypes"):
                seen += 1
                if seen == event:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        action()

    return run


@pytest.mark.parametrize(("before", "write"), [(old_file, write_file), (old_folder, write_folder)])
def test_a_kill_at_any_point_leaves_the_old_whole_or_the_new(
    before: Callable[[Path], None], write: Callable[[Path], None], tmp_path: Path
) -> None:
    before(tmp_path / "old")
    write(tmp_path / "new")
    old, new = ([*content(tmp_path / name).values()] for name in ("old", "new"))
    outcomes = []
    for event in range(1, 100):
        target = tmp_path / str(event) / "target"
        target.parent.mkdir()
        before(target)
        status = in_child(killed_at(event, lambda target=target: write(target)))  # type: ignore[misc]
        found = [*content(target).values()]
        assert found in (old, new)
        outcomes.append(found == new)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert outcomes[-1], "the last run was not killed"
    assert outcomes.count(False) >= 3, "most kills come before the new one is in place"
    assert outcomes == sorted(outcomes), "once in place, it stays"


def on_a_full_disk(action: Callable[[], None]) -> Callable[[], None]:
    """`action`, where no file can grow beyond 1,000 bytes: the same errors as on a full disk, without one."""

    def run() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(DesireEdgeError, match=r"could not write .*unchanged"):
            action()

    return run


@pytest.mark.parametrize(("before", "write"), [(old_file, write_file), (old_folder, write_folder)])
def test_a_full_disk_leaves_the_old_one_and_nothing_else(
    before: Callable[[Path], None], write: Callable[[Path], None], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    before(target)
    old = content(target)
    assert in_child(on_a_full_disk(lambda: write(target))) == 0
    assert content(target) == old
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("write", [atomic_path, atomic_folder])
def test_a_body_that_fails_leaves_nothing_behind(write: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), write(tmp_path / "target"):  # type: ignore[attr-defined]
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_missing_parents_are_made(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "target")
    assert (tmp_path / "a" / "b" / "target").exists()


@pytest.mark.parametrize("write", [write_file, write_folder])
def test_a_parent_that_is_a_file_is_named(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    with pytest.raises(DesireEdgeError, match=r"could not write .*target"):
        write(tmp_path / "file" / "target")


def test_a_folder_behind_a_link_is_replaced_where_it_is(tmp_path: Path) -> None:
    old_folder(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    write_folder(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert list(content(tmp_path / "real")) == ["first", "second"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DesireEdgeError, match="name a folder inside it"):
        write_folder(Path())


def test_where_folders_cannot_be_exchanged_they_are_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desire_edge.files.ctypes.CDLL", lambda _: object())  # a C library without renameat2
    old_folder(tmp_path / "target")
    write_folder(tmp_path / "target")
    assert list(content(tmp_path / "target")) == ["first", "second"]
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_json_is_written_and_read_back(tmp_path: Path) -> None:
    value = {"name": "diseño", "numbers": [1, 2.5, None, True]}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value


@pytest.mark.parametrize(
    "text",
    [
        *(
            "NaN",
            "[Infinity]",
            "[-Infinity]",
            "{",
            "",
            "\ufeff\ufeff1",
            b"\xff\xfe\xfd",
            '{"a": 1}'.encode("utf-16"),
        ),
        *("[" * 100_000, "[" * 600 + "]" * 600, '{"a":' * 513 + "1" + "}" * 513),
        *(r'"\ud800"', r'{"\uDFFF": 1}', r'["\udf73\ud83c"]', r'[{"a": ["\ud83cx"]}]'),
    ],
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"\xef\xbb\xbf[1]", [1]),
        (r'"\ud83c\udf73"', "🍳"),
        (r'"\\ud800"', r"\ud800"),
        ("1" * 399, int("1" * 399)),
        ("-1" + "0" * 9999, -math.inf),
        ('{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_json_is_read_as_in_other_languages(text: str | bytes, value: object) -> None:
    assert parse_json(text) == value


def test_json_may_be_512_levels_deep() -> None:
    for text in ("[" * 512 + "]" * 512, "[" * 512 + "1" + "]" * 512):
        assert str(parse_json(text)) == text


def test_a_json_file_beyond_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "big.json").write_bytes(b"[" + b" " * 100 + b"]")
    with pytest.raises(DesireEdgeError, match=r"big\.json is larger than 50 bytes"):
        read_json(tmp_path / "big.json", limit=50)
