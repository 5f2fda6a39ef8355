"""What a small file may unpack to: files of examples come from anyone on a device, and are large in training."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from desire_edge import DesireEdgeError, Support
from desire_edge.data import load_files
from desire_edge.inputs import read_examples
from desire_edge.inputs.examples import Request

MIB = 2**20


def one_long_text(rows: int) -> pa.Table:
    """So many rows whose text is the same mebibyte, which a dictionary holds once."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int8)), pa.array(["a" * MIB]))
    return pa.table({"text": text, "labels": ["a"] * rows})


@pytest.mark.parametrize("name", ["a.feather", "a.parquet"])
def test_rows_may_not_hold_more_than_is_read_however_small_the_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".feather":
        pyarrow.feather.write_feather(one_long_text(120), path)
    else:
        pyarrow.parquet.write_table(one_long_text(120), path)
    assert path.stat().st_size < MIB / 10
    with pytest.raises(DesireEdgeError, match="holds more than 20 MiB") as refused:
        read_examples(path, request=Request(max_bytes=20 * MIB))
    assert refused.value.code == "file-large"
    assert len(read_examples(path).rows) == 120


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("column", ["texts", "dictionary"])
@pytest.mark.parametrize("name", ["a.feather", "a.arrow"])
def test_compressed_buffers_are_measured_before_they_are_unpacked(
    name: str, column: str, compression: str, tmp_path: Path
) -> None:
    path, texts = tmp_path / name, pa.array(["a" * MIB] * 30)
    if column == "dictionary":
        texts = pa.DictionaryArray.from_arrays(pa.array(np.arange(30, dtype=np.int8)), texts)
    table = pa.table({"text": texts, "labels": [["a"]] * 30})
    new = pa.ipc.new_file if path.suffix == ".feather" else pa.ipc.new_stream
    with new(path, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    assert path.stat().st_size < MIB / 2
    whole = pa.default_memory_pool()
    counted = pa.proxy_memory_pool(whole)
    pa.set_memory_pool(counted)
    try:
        with pytest.raises(DesireEdgeError, match="holds more than 20 MiB"):
            read_examples(path, request=Request(max_bytes=20 * MIB))
        assert counted.max_memory() < MIB, "nothing was unpacked"
    finally:
        pa.set_memory_pool(whole)
    assert len(read_examples(path, request=Request(max_bytes=40 * MIB)).rows) == 30
    # A buffer that says it is small unpacks to no more than it says.
    said = (30 * MIB).to_bytes(8, "little")
    path.write_bytes(path.read_bytes().replace(said, (1000).to_bytes(8, "little")))
    with pytest.raises(DesireEdgeError, match="is no Arrow file that can be read"):
        read_examples(path, request=Request(max_bytes=20 * MIB))


@pytest.mark.parametrize("name", ["a.feather", "a.arrow", "a.parquet"])
def test_a_damaged_file_is_read_or_refused_never_crashed_on(name: str, tmp_path: Path) -> None:
    path, chance = tmp_path / name, np.random.default_rng(0)
    texts = pa.array([f"text {row} " * 20 for row in range(30)]).dictionary_encode()
    table = pa.table({"text": texts, "labels": [["a"]] * 30})
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        new = pa.ipc.new_file if path.suffix == ".feather" else pa.ipc.new_stream
        with new(path, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
    whole, refused = path.read_bytes(), 0
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.integers(1, 4)):
            content[chance.integers(len(content))] = chance.choice([0, 1, 127, 128, 255])
        path.write_bytes(content)
        try:
            read_examples(path, request=Request(max_bytes=20 * MIB))
        except DesireEdgeError:
            refused += 1
    assert refused > 100


def test_a_sparse_table_may_not_be_huge_with_its_zeros(tmp_path: Path) -> None:
    columns, rows = 20_000, 4_000  # 320 MB
    header = "".join(f"@attribute f{column} numeric\n" for column in range(columns))
    (tmp_path / "a.arff").write_text(
        f"@relation a\n{header}@attribute tag {{0,1}}\n@data\n" + f"{{{columns} 1}}\n" * rows
    )
    (tmp_path / "a.xml").write_text('<labels><label name="tag"/></labels>')
    with pytest.raises(DesireEdgeError, match=r"4000 rows of 20001 columns, 0\.3 GiB without its sparsity"):
        Support.read(tmp_path / "a.arff")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_an_archive_is_named(method: int, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", method) as archive:
        np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 10)))
        archive.write(tmp_path / "x.npy", "x.npy")
    content = bytearray(path.read_bytes())
    content[40:2000] = b"\xff" * 1960
    path.write_bytes(content)
    with pytest.raises(DesireEdgeError, match=r"a\.npz"):
        read_examples(path)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_column_that_is_there_twice_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".csv":
        path.write_text("text,tags,tags\nbread,baking,jazz\n")
    else:
        columns = [pa.array(["bread"]), pa.array(["baking"]), pa.array(["jazz"])]
        pyarrow.parquet.write_table(pa.Table.from_arrays(columns, ["text", "tags", "tags"]), path)
    with pytest.raises(DesireEdgeError, match=r"has 2 columns 'tags'; give each a name of its own"):
        read_examples(path)


def test_metadata_may_be_large_in_training_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    entry = json.dumps({"text": "bread " * 20_000, "labels": ["baking"]}) + "\n"
    (folder / "metadata.jsonl").write_text(entry * (16 * MIB // len(entry) + 1))
    with pytest.raises(DesireEdgeError, match="is larger than 16 MiB"):
        Support.read(folder)
    monkeypatch.chdir(folder)
    dataset = load_files(".")
    assert dataset.name == "texts" and dataset.rows > 100
