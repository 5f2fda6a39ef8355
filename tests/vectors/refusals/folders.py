"""Folders of examples: what is read of them, and when they are refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from vectors.refusals.content import content, lines, refused, taken, titled

BREAD = "Warm bread\r\n"
MARK = "\ufeff"
TEXTS = {"a.txt": BREAD, "b.txt": "jazz"}


def example(
    text: str = BREAD,
    labels: tuple[str, ...] = ("baking",),
    negative: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    **given: Any,
) -> dict[str, Any]:
    """What is read of one example."""
    return {
        "labels": [*labels],
        "negative_labels": [*negative],
        "known_labels": [*known],
        "input": given or {"text": text},
    }


def entry(file_name: Any = "a.txt", labels: Any = ("baking",), **more: Any) -> dict[str, Any]:
    """One line of metadata.jsonl."""
    return {"file_name": file_name, "labels": labels, **more}


def folder(metadata: str | bytes, name: str = "metadata.jsonl", /, **files: str | bytes) -> dict[str, Any]:
    """A folder of two texts, this metadata and more `files`."""
    every = {**TEXTS, **files, name: metadata}
    return {"files": {path: content(value) for path, value in every.items()}}


def with_file(name: str, value: str | bytes, asked: str | None = None) -> dict[str, Any]:
    """A folder whose one example is the file `name`, asked for by `asked`."""
    return folder(lines(entry(asked or name)), **{name: value})


def table(text: str | bytes, **files: str | bytes) -> dict[str, Any]:
    """A folder with this metadata.csv."""
    return folder(text, "metadata.csv", **files)


def npy(values: Any) -> bytes:
    """The bytes of a .npy file."""
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def raw(labels: str) -> dict[str, Any]:
    """A folder whose one entry has these labels, as JSON."""
    return folder(f'{{"file_name": "a.txt", "labels": {labels}}}\n')


def cases() -> list[dict[str, Any]]:
    """Folders, and what is read of them."""
    return [
        *titled("metadata.jsonl", json_lines()),
        *titled("metadata.csv", tables()),
        *titled("file names", paths()),
        *titled("kinds", kinds()),
        *titled("labels", labels()),
        *titled("texts", inline()),
    ]


def inline() -> list[dict[str, Any]]:
    """Texts in the metadata, in place of names of files."""

    def alone(text: Any, **more: Any) -> dict[str, Any]:
        return folder(lines({"text": text, "labels": ["baking"], **more}))

    return [
        taken("in metadata.jsonl", [example("oven")], **alone("oven")),
        taken("as it stands", [example(" oven\r\n")], **alone(" oven\r\n")),
        taken("no file name, said so", [example("oven")], **alone("oven", file_name=None)),
        taken("an empty file name", [example("oven")], **alone("oven", file_name="")),
        taken("beside files", [example("oven"), example()], **folder(lines({"text": "oven", "labels": ["baking"]},
        entry()))), taken("a file counts first", [example()], **alone("oven", file_name="a.txt")),
        taken("with negative labels", [example("oven", (), ("jazz",))],
            **folder(lines({"text": "oven", "labels": [], "negative_labels": ["jazz"]}))),
        taken("in metadata.csv", [example("oven, hot", ("baking", "bread"))],
            **table('text,labels\n"oven, hot",baking;bread\n')),
        taken("semicolons", [example("oven", ("jazz",))], **table("labels;text\njazz;oven\n")),
        taken("beside files in metadata.csv", [example("oven"), example()],
            **table("text,file_name,labels\noven,,baking\n,a.txt,baking\n")),
        refused("no text and no file", "file-name", **alone(None)),
        refused("a number", "input-type", **alone(7)),
        refused("a list", "input-type", **alone(["oven"])),
        refused("blank", "input-type", **alone(" \n")),
        refused("neither in a row of metadata.csv", "file-name", **table("text,labels\n,baking\n")),
        refused("blank in metadata.csv", "input-type", **table("text,labels\n ,baking\n")),
        refused("no labels beside texts", "columns", **table("text,tags\noven,baking\n")),
    ]  # fmt: skip


def json_lines() -> list[dict[str, Any]]:
    """metadata.jsonl."""
    two = [example(), example("jazz", ("jazz", "music"), ("baking",), ("linux",))]
    both = lines(
        entry(), entry("b.txt", ["jazz", "music"], negative_labels=["baking"], known_labels=["linux"])
    )
    deep = "[" * 600 + "]" * 600
    return [
        taken("two examples", two, **folder(both)),
        taken("Windows' line ends, blank lines, no end", two,
            **folder("\r\n \t\r\n" + both.replace("\n", "\r\n\r\n")[:-4])),
        taken("a byte order mark", two, **folder(MARK + both)),
        taken("one file twice", [example(), example()], **folder(lines(entry(), entry()))),
        taken("other keys are left alone", [example()], **folder(lines(entry(note={"a": [1]}, id=None)))),
        taken("null is no labels", [example()], **folder(lines(entry(negative_labels=None, known_labels=None)))),
        taken("an empty string is no labels", [example()], **folder(lines(entry(negative_labels="",
        known_labels="")))), taken("line separators in a string", [example()],
        **folder(lines(entry(note="a\u2028b\u0085c\u2029d")))), taken("a key twice: the last", [example("jazz")],
            **folder('{"file_name": "a.txt", "labels": ["baking"], "file_name": "b.txt"}')),
        taken("a pair of surrogates, escaped", [example(labels=("🍳",))], **raw(r'["\ud83c\udf73"]')),
        taken("a deep value beside", [example()],
            **folder(lines(entry(note=[[[[[]]]]])).replace("[[[[[]]]]]", "[" * 400 + "]" * 400))),
        refused("no metadata", "metadata-none", files={"a.txt": content(BREAD)}),
        refused("nothing at all", "metadata-none", files={}),
        refused("metadata deeper in the folder", "metadata-none", files={"deep/metadata.jsonl": content(both)}),
        refused("both metadata files", "metadata-both",
            **folder(both, **{"metadata.csv": "file_name,labels\na.txt,baking\n"})),
        refused("no example", "examples-none", **folder("")),
        refused("blank lines alone", "examples-none", **folder("\n  \r\n\t\n")),
        refused("latin-1", "encoding", **folder(lines(entry(labels=["diseño"])).encode("latin-1"))),
        refused("UTF-16", "encoding", **folder(both.encode("utf-16"))),
        refused("a surrogate in UTF-8", "encoding", **folder(b'{"file_name": "a.txt", "labels": ["\xed\xa0\x80"]}')),
        refused("an overlong byte sequence", "encoding", **folder(b'{"file_name": "a.txt", "labels": ["\xc1\xa1"]}')),
        refused("a line cut short", "json", **folder(lines(entry()) + '{"file_name": ')),
        refused("two values in a line", "json", **folder(lines(entry()).strip() + " {}")),
        refused("single quotes", "json", **folder("{'file_name': 'a.txt', 'labels': []}")),
        refused("a comma too many", "json", **folder('{"file_name": "a.txt", "labels": ["baking",]}')),
        refused("a comment", "json", **folder("// examples\n" + both)),
        refused("two byte order marks", "json", **folder(MARK + MARK + both)),
        refused("a value over two lines", "json", **folder('{"file_name": "a.txt",\n"labels": []}\n')),
        refused("a raw tab in a string", "json", **folder('{"file_name": "a.txt", "labels": ["a\tb"]}')),
        refused("NaN", "json", **folder('{"file_name": "a.txt", "labels": [], "weight": NaN}')),
        refused("Infinity", "json", **folder('{"file_name": "a.txt", "labels": [], "weight": Infinity}')),
        refused("minus Infinity", "json", **folder('{"file_name": "a.txt", "labels": [], "weight": -Infinity}')),
        refused("nested too deeply", "json", **folder(f'{{"file_name": "a.txt", "labels": [], "note": {deep}}}')),
        refused("nested too deeply, and no more", "json", **folder("[" * 20_000)),
        refused("half a character in a label", "json", **raw(r'["\ud800"]')),
        refused("half a character elsewhere", "json",
            **folder(r'{"file_name": "a.txt", "labels": [], "note": {"x": "\uDFFF!"}}')),
        refused("half a character in a key", "json", **folder(r'{"file_name": "a.txt", "labels": [], "\ud83c": 1}')),
        refused("halves in the wrong order", "json", **raw(r'["\udf73\ud83c"]')),
        refused("a list", "entry", **folder('["a.txt"]')),
        refused("a string", "entry", **folder(lines(entry()) + '"a.txt"')),
        refused("null", "entry", **folder("null")),
    ]  # fmt: skip


def tables() -> list[dict[str, Any]]:
    """metadata.csv."""
    header = "file_name,labels\n"
    two = [example(labels=("baking", "open source")), example("jazz", (), ("baking",))]
    rows = 'negative_labels,file_name,more,labels\n,a.txt,,baking; open source\nbaking,b.txt,"a,b",\n'
    semicolons = 'file_name;labels;negative_labels\na.txt;"baking;open source";\nb.txt;;baking\n'
    tabs = "file_name\tlabels\tnegative_labels\na.txt\tbaking;open source\t\nb.txt\t\tbaking\n"
    return [
        taken("commas", two, **table(rows)),
        taken("semicolons, as spreadsheets write where a comma is decimal", two, **table(semicolons)),
        taken("tabs", two, **table(tabs)),
        taken("semicolons, a byte order mark, Windows' line ends", two,
            **table(MARK + semicolons.replace("\n", "\r\n"))),
        taken("tabs, a byte order mark, Windows' line ends, no end", two,
            **table((MARK + tabs.replace("\n", "\r\n"))[:-2])),
        taken("line ends of old Macs", two, **table(rows.replace("\n", "\r"))),
        taken("blank lines", two, **table("\n\n" + rows.replace("\n", "\n\n"))),
        taken("quotes around everything", two,
            **table('"file_name";"labels";"negative_labels"\n"a.txt";"baking;open source";""\n"b.txt";"";"baking"\n')),
        taken("a decoy: a comma in a header of semicolons", [example()],
            **table("file_name;labels;note, more\na.txt;baking;x\n")),
        taken("a decoy: a semicolon in a header of commas", [example()],
            **table("file_name,labels,a;b\na.txt,baking,x;y\n")),
        taken("quoted line breaks and doubled quotes", [example(labels=('5" nails',))],
            **table('file_name,labels,note\na.txt,"5"" nails","two\r\nlines, ""quoted"""\n')),
        taken("known labels", [example(known=("linux", "music"))],
            **table("file_name,labels,known_labels\na.txt,baking,linux;music\n")),
        taken("a cell of white space is no label", [example(labels=())], **table(header + "a.txt, \t\n")),
        taken("names are cleaned", [example(labels=("caf\u00e9", "jazz"))],
            **table(header + "a.txt, cafe\u0301 ;ja\u200bzz\n")),
        taken("a column twice: the last", [example(labels=("jazz",))],
            **table("file_name,labels,labels\na.txt,baking,jazz\n")),
        refused("nothing", "columns", **table("")),
        refused("other columns", "columns", **table("name,tags\na.txt,baking\n")),
        refused("no labels", "columns", **table("file_name,tags\na.txt,baking\n")),
        refused("no labels, with semicolons", "columns", **table("file_name;tags\na.txt;baking\n")),
        refused("a space in the header", "columns", **table("file_name, labels\na.txt,baking\n")),
        refused("other letters in the header", "columns", **table("File_Name,Labels\na.txt,baking\n")),
        refused("another separator", "columns", **table("file_name|labels\na.txt|baking\n")),
        refused("a header alone", "examples-none", **table(header)),
        refused("a header and blank lines", "examples-none", **table(header + "\n\r\n")),
        refused("latin-1", "encoding", **table((header + "a.txt,diseño\n").encode("latin-1"))),
        refused("UTF-16", "encoding", **table((header + "a.txt,baking\n").encode("utf-16"))),
        refused("too many fields", "csv", **table(header + "a.txt,baking,jazz\n")),
        refused("too few fields", "csv", **table(header + "a.txt\n")),
        refused("semicolons within a table of them, not quoted", "csv",
            **table("file_name;labels\na.txt;baking;jazz\n")),
        refused("a quote that is not closed", "csv", **table(header + 'a.txt,"baking\n')),
        refused("a quote within a field", "csv", **table(header + 'a.txt,5" nails\n')),
        refused("more behind a closing quote", "csv", **table(header + 'a.txt,"baking"x\n')),
        refused("an empty label", "name-empty", **table(header + "a.txt,baking;;jazz\n")),
        refused("a separator at the end", "name-empty", **table(header + "a.txt,baking;\n")),
        refused("a label twice", "name-twice", **table(header + "a.txt,baking; baking\n")),
        refused("a label and its negative", "name-both",
            **table("file_name,labels,negative_labels\na.txt,caf\u00e9,cafe\u0301\n")),
        refused("no file name", "file-name", **table(header + "a.txt,baking\n,jazz\n")),
        refused("no such file", "file-missing", **table(header + "c.txt,baking\n")),
        refused("more than 4096 examples", "examples-many", **table(header + "a.txt,\n" * 4097)),
    ]  # fmt: skip


def paths() -> list[dict[str, Any]]:
    """The names of files."""
    nfc, nfd = "caf\u00e9", "cafe\u0301"
    return [
        taken("deeper in the folder", [example("deep")], **with_file("sub/c.txt", "deep")),
        taken("Windows' separators", [example("deep")], **with_file("sub/more/c.txt", "deep", r"sub\more\c.txt")),
        taken("./", [example()], **folder(lines(entry("./a.txt")))),
        taken("in and out again", [example()], **folder(lines(entry("sub/../a.txt")), **{"sub/c.txt": "deep"})),
        taken("a separator twice", [example("deep")], **with_file("sub/c.txt", "deep", "sub//c.txt")),
        taken("stored decomposed", [example("oven")], **with_file(f"{nfd}.txt", "oven", f"{nfc}.txt")),
        taken("stored composed", [example("oven")], **with_file(f"{nfc}.txt", "oven", f"{nfd}.txt")),
        taken("a folder stored decomposed", [example("oven")],
            **with_file(f"{nfd}/{nfd}.txt", "oven", f"{nfc}\\{nfc}.txt")),
        taken(
            "the exact name first",
            [example("one"), example("two")],
            **folder(lines(entry(f"{nfc}.txt"), entry(f"{nfd}.txt")), **{f"{nfc}.txt": "one", f"{nfd}.txt": "two"}),
        ),
        taken("spaces, scripts and emoji", [example("oven")], **with_file("Брот 🍳 (1).txt", "oven")),
        refused("missing", "file-name", **folder('{"labels": ["baking"]}')),
        refused("null", "file-name", **folder(lines(entry(None)))),
        refused("a number", "file-name", **folder(lines(entry(7)))),
        refused("a list", "file-name", **folder(lines(entry(["a.txt"])))),
        refused("empty", "file-name", **folder(lines(entry("")))),
        refused("a NUL", "file-name", **folder(lines(entry("a\0.txt")))),
        refused("a control character", "file-name", **folder(lines(entry("a\x1b[31m.txt")))),
        refused("a C1 control character", "file-name", **folder(lines(entry("a\x9b31m.txt")))),
        refused("a line break", "file-name", **folder(lines(entry("a.txt\n")))),
        refused("a line separator", "file-name", **folder(lines(entry("a\u2028.txt")))),
        refused("too long", "file-name", **folder(lines(entry("a" * 5000 + ".txt")))),
        refused("the folder above", "file-outside", **folder(lines(entry("../a.txt")))),
        refused("the folder above, Windows' separators", "file-outside", **folder(lines(entry("..\\a.txt")))),
        refused("in and further out", "file-outside",
            **folder(lines(entry("sub/../../a.txt")), **{"sub/c.txt": "deep"})),
        refused("an absolute path", "file-outside", **folder(lines(entry("/etc/hostname")))),
        refused("an absolute path, Windows' separators", "file-outside", **folder(lines(entry("\\a.txt")))),
        refused("a share", "file-outside", **folder(lines(entry("\\\\server\\share\\a.txt")))),
        refused("a drive", "file-outside", **folder(lines(entry("C:\\a.txt")))),
        refused("a drive, in small letters", "file-outside", **folder(lines(entry("c:a.txt")))),
        refused("no such file", "file-missing", **folder(lines(entry(), entry("c.txt")))),
        refused("no such folder", "file-missing", **folder(lines(entry("sub/a.txt")))),
        refused("other letters", "file-missing", **folder(lines(entry("A.txt")))),
        refused("a folder", "file-missing", **folder(lines(entry("sub")), **{"sub/c.txt": "deep"})),
        refused("the folder itself", "file-missing", **folder(lines(entry(".")))),
    ]  # fmt: skip


def kinds() -> list[dict[str, Any]]:
    """The kinds of files."""
    return [
        taken("an ending in capitals", [example("oven")], **with_file("c.TXT", "oven")),
        taken("an ending in both", [example(vector=[1.0, 2.5])], **with_file("c.Npy", npy(np.array([1, 2.5], "<f4")))),
        taken("a text with a byte order mark", [example("oven")], **with_file("c.txt", MARK + "oven")),
        taken("a text with Windows' line ends", [example("a\r\nb\rc\n")], **with_file("c.txt", "a\r\nb\rc\n")),
        taken("an empty text", [example("")], **with_file("c.txt", "")),
        taken("a vector", [example(vector=[1.0, -0.5, 3.0])], **with_file("c.npy", npy(np.array([1, -0.5, 3])))),
        taken("features", [example(features={"bread": 2, "7": 0.5})], **with_file("c.JSON", '{"bread": 2, "7": 0.5}')),
        taken("features with a byte order mark", [example(features={"bread": 1})],
            **with_file("c.json", MARK + '{"bread": 1}')),
        refused("another kind", "file-kind", **with_file("c.md", "oven")),
        refused("no ending", "file-kind", **with_file("txt", "oven")),
        refused("another ending behind", "file-kind", **with_file("c.txt.gz", "oven")),
        refused("a text in latin-1", "encoding", **with_file("c.txt", "diseño".encode("latin-1"))),
        refused("a text in UTF-16", "encoding", **with_file("c.txt", "oven".encode("utf-16"))),
        refused("features in latin-1", "encoding", **with_file("c.json", '{"diseño": 1}'.encode("latin-1"))),
        refused("features that are no JSON", "json", **with_file("c.json", "{")),
        refused("features in a list", "json", **with_file("c.json", "[1, 2]")),
        refused("a text as a vector", "npy", **with_file("c.npy", "1 2 3")),
    ]  # fmt: skip


def labels() -> list[dict[str, Any]]:
    """The labels of an entry."""
    return [
        taken("names are cleaned", [example(labels=("caf\u00e9", "open source"))],
            **raw(r'[" cafe\u0301", "open\u200b source\n"]')),
        taken("no label", [example(labels=())], **raw("[]")),
        taken("known and carried are two things", [example(known=("baking",))],
            **folder(lines(entry(known_labels=["baking"])))),
        refused("missing", "names-type", **folder('{"file_name": "a.txt"}')),
        refused("null", "names-type", **raw("null")),
        refused("a string", "names-type", **raw('"baking"')),
        refused("an empty string", "names-type", **raw('""')),
        refused("an object", "names-type", **raw('{"baking": 1}')),
        refused("negative labels in a string", "names-type", **folder(lines(entry(negative_labels="jazz")))),
        refused("known labels in a string", "names-type", **folder(lines(entry(known_labels="linux")))),
        refused("a number", "name-type", **raw("[7]")),
        refused("null as a name", "name-type", **folder(lines(entry(negative_labels=[None])))),
        refused("an empty name", "name-empty", **raw('["baking", " "]')),
        refused("an invisible name", "name-empty", **raw(r'["\u200b"]')),
        refused("a long name", "name-long", **folder(lines(entry(labels=["a" * 201])))),
        refused("a control character", "name-control", **raw(r'["ba\u001bking"]')),
        refused("a name twice", "name-twice", **raw('["baking", "baking "]')),
        refused("a name twice, in two forms", "name-twice", **raw(r'["caf\u00e9", "cafe\u0301"]')),
        refused("a negative label twice", "name-twice", **folder(lines(entry(negative_labels=["a", "a"])))),
        refused("a known label twice", "name-twice", **folder(lines(entry(known_labels=["a", "a"])))),
        refused("a label and its negative", "name-both", **folder(lines(entry(negative_labels=["jazz", "baking"])))),
        refused("the same, in two forms", "name-both",
            **folder(lines(entry(labels=["caf\u00e9"], negative_labels=["cafe\u0301"])))),
    ]  # fmt: skip
