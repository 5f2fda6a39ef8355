/**
 * Folders of examples, metadata.jsonl or metadata.csv and the files that it names: desire_edge/inputs/folder.py.
 *
 * A folder is {file, list}: `file(path, where)` gives a file's {size, bytes} (`bytes()` reads it), or null where there is
 * none, and `list()` the paths of all files, parts apart by "/"; both may give promises. `where` is for errors: a file that
 * lies outside is refused.
 */

import { DesireEdgeError, shown } from "../errors.js";
import { isObject, parseJson } from "../json.js";
import { normalize, strip } from "../text.js";
import { checkSize, readText } from "./files.js";
import { CONTROL } from "./names.js";
import { rowsOf } from "./table.js";

export const METADATA = ["metadata.jsonl", "metadata.csv"];
const LONGEST_PART = 255; // of a path; no file system takes more
const SEPARATORS = [",", ";", "\t"];
const INPUTS = ["file_name", "text"];
const LISTS = ["labels", "negative_labels", "known_labels"];

/** The entries of a folder's metadata, {entry, where} in turn, `where` their place, and the metadata's own name. */
export async function readMetadata(folder, where) {
  const found = [];
  for (const name of METADATA) {
    const file = await folder.file(name, where);
    if (file) found.push({ name: `${where}/${name}`, file, read: name.endsWith(".csv") ? csvEntries : jsonEntries });
  }
  if (!found.length) {
    throw new DesireEdgeError(
      `the support folder ${where} holds neither ${METADATA.join(" nor ")}; write one of them, with an entry an example`,
      "metadata-none",
    );
  }
  const [{ name, file, read }, other] = found;
  if (other) {
    throw new DesireEdgeError(
      `the folder ${where} holds both ${METADATA.join(" and ")}; keep one of them`,
      "metadata-both",
    );
  }
  checkSize(name, file.size);
  return { name, entries: read(readText(await file.bytes(), name), name) };
}

function* jsonEntries(text, name) {
  for (const [index, line] of text.split("\n").entries()) {
    if (!strip(line)) continue;
    const where = `${name}, line ${index + 1}`;
    let entry;
    try {
      entry = parseJson(line);
    } catch (error) {
      throw new DesireEdgeError(`${where} is not valid JSON: ${shown(error.message)}`, "json");
    }
    if (!isObject(entry)) {
      throw new DesireEdgeError(`${where} is not a JSON object with file_name and labels`, "entry");
    }
    yield { entry, where };
  }
}

function* csvEntries(text, name) {
  const refuse = (line, why) => {
    throw new DesireEdgeError(`${name}, line ${line} is not valid CSV: ${why}`, "csv");
  };
  const { rows, columns } = openTable(text, name, refuse);
  for (const { fields, line } of rows) {
    if (fields.length !== columns.length) refuse(line, "it has not as many fields as the first line");
    const row = Object.fromEntries(columns.map((column, index) => [column, fields[index]]));
    const lists = LISTS.map((list) => [list, strip(row[list] ?? "") ? row[list].split(";") : []]);
    const inputs = INPUTS.filter((input) => row[input]).map((input) => [input, row[input]]);
    yield { entry: Object.fromEntries([...inputs, ...lists]), where: `${name}, line ${line}` };
  }
}

/** The rows after the first and its columns, by the first separator that has file_name or text among them. */
function openTable(text, name, refuse) {
  for (const separator of SEPARATORS) {
    const rows = rowsOf(text, separator, refuse);
    const columns = headerOf(rows);
    if (!INPUTS.some((input) => columns.includes(input))) continue;
    if (!columns.includes("labels")) break;
    return { rows, columns };
  }
  throw new DesireEdgeError(`${name} needs a first line with the columns file_name (or text) and labels`, "columns");
}

/** The fields of the first row; none where it is broken, as it may be by another separator. */
function headerOf(rows) {
  try {
    return rows.next().value?.fields ?? [];
  } catch (error) {
    if (error instanceof DesireEdgeError) return [];
    throw error;
  }
}

/** The text of an entry that has one and names no file; null where the example is a file. */
export function textOf(entry, where) {
  const { file_name: name, text } = entry;
  if (text === undefined || text === null || !(name === undefined || name === null || name === "")) return null;
  if (typeof text !== "string" || !strip(text)) {
    throw new DesireEdgeError(`${where}: the text must be a string that is not blank`, "input-type");
  }
  return text;
}

/**
 * A function from what an entry says is its file's name, and the entry's place, to {path, file}. The exact path counts
 * first, then one that is equal in NFC: macOS keeps names in NFD.
 */
export function finder(folder) {
  let inForm = null; // path in NFC -> path, of all files; made when it is needed
  return async (name, where) => {
    const path = pathOf(name, where);
    const file = await folder.file(path, where);
    if (file) return { path, file };
    inForm ??= new Map(
      (await folder.list())
        .sort()
        .reverse()
        .map((each) => [normalize(each, "NFC"), each]),
    );
    const other = inForm.get(normalize(path, "NFC"));
    const found = other === undefined ? null : await folder.file(other, where);
    if (!found) throw new DesireEdgeError(`${where}: the folder holds no file ${shown(name)}`, "file-missing");
    return { path: other, file: found };
  };
}

/** The path in the folder, its parts apart by "/", of a file that an entry names. */
function pathOf(name, where) {
  if (typeof name !== "string" || !name) throw new DesireEdgeError(`${where} has no file_name`, "file-name");
  const parts = name.replaceAll("\\", "/").split("/");
  if (CONTROL.test(name) || parts.some((part) => part.length > LONGEST_PART)) {
    throw noName(name, where);
  }
  const inside = [];
  let out = parts[0] === "" || /^[a-z]:/i.test(name); // absolute, or of a drive
  for (const part of parts) {
    if (part === "..") out ||= inside.pop() === undefined;
    else if (part !== "" && part !== ".") inside.push(part);
  }
  if (out) throw outside(name, where);
  return inside.join("/");
}

/** The error that no file can have a name. */
export function noName(name, where) {
  return new DesireEdgeError(`${where}: '${shown(name)}' is no file name`, "file-name");
}

/** The error that a file lies outside of the folder. */
export function outside(name, where) {
  return new DesireEdgeError(
    `${where}: ${shown(name)} lies outside the folder of the metadata; copy it into that folder`,
    "file-outside",
  );
}
