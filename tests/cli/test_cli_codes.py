"""Errors for machines: a code and the sentence as JSON, the sentence still on standard error, exit code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from vectors.tiny import FOLDER

Cli = Callable[..., Result]
BUNDLE = FOLDER / "plain"


@pytest.fixture
def support(tmp_path: Path) -> Path:
    """A folder of two examples, as another system might have written it."""
    folder = tmp_path / "support"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "A.TXT").write_text("Bread from a hot oven", encoding="utf-8-sig")
    (folder / "cafe\u0301.txt").write_text("jazz: a trumpet!")
    (folder / "metadata.csv").write_bytes(
        '\ufefffile_name;labels\r\ndeep\\A.TXT;baking\r\ncaf\u00e9.txt;"caf\u00e9;jazz"\r\n'.encode()
    )
    return folder


def error_of(result: Result) -> dict[str, Any]:
    """The error that was printed; the exit code must be 2 and the sentence on standard error too."""
    assert result.exit_code == 2, result.output
    (error,) = json.loads(result.stdout).values()
    assert set(error) == {"code", "message"}
    assert error["message"] in result.stderr
    return dict(error)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("adapt", BUNDLE, "--shots", 0, "--labels", "a,,b", "--out", "out"), "name-empty"),
        (("adapt", BUNDLE, "--shots", 0, "--labels", "caf\u00e9,cafe\u0301", "--out", "out"), "name-twice"),
        (("adapt", BUNDLE, "--shots", 0, "--labels", "a,b,c,d,e", "--out", "out"), "labels-many"),
        (("adapt", ".", "--shots", 0, "--labels", "a", "--out", "out"), "bundle-none"),
        (("adapt", BUNDLE, "--out", "out"), "invalid"),
        (("info", "gone/task.safetensors"), "task"),
        (("predict", BUNDLE / "base.onnx", "page.txt"), "model"),
    ],
)
def test_an_error_has_its_code(arguments: tuple[object, ...], code: str, cli: Cli) -> None:
    assert error_of(cli(*arguments, "--json"))["code"] == code


def test_a_folders_error_has_its_code(support: Path, cli: Cli) -> None:
    (support / "cafe\u0301.txt").unlink()
    error = error_of(cli("adapt", BUNDLE, "--support", support, "--out", "out", "--json"))
    assert error["code"] == "file-missing"
    assert "metadata.csv, line 3: the folder holds no file caf\u00e9.txt" in error["message"]


@pytest.mark.parametrize(
    "arguments", [("predict",), ("adapt", "--shots", -1), ("nothing",), ("info", "--bogus")]
)
def test_a_usage_error_is_json_too(arguments: tuple[object, ...], cli: Cli) -> None:
    assert error_of(cli(*arguments, "--json"))["code"] == "invalid"


def test_without_json_nothing_is_on_standard_output(cli: Cli) -> None:
    result = cli("info", "gone/task.safetensors")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")


def test_a_folder_of_another_system_is_adapted_to_and_predicted(
    support: Path, as_json: Callable[..., Any]
) -> None:
    report = as_json("adapt", BUNDLE, "--support", support, "--out", "out")
    assert [label["name"] for label in report["labels"]] == ["baking", "caf\u00e9", "jazz"]
    rows = as_json("predict", "out/model.onnx", support / "deep", support)["predictions"]
    assert [Path(row["file"]).name for row in rows] == ["A.TXT", "cafe\u0301.txt"]
