/** One raw input from one file, by its ending: desire_edge/inputs/files.py. */

import { DesireEdgeError, shown } from "../errors.js";
import { isObject, parseJson } from "../json.js";
import { readNpy } from "./npy.js";
import { readPicture } from "./pictures.js";

/** From a file's bytes and its name in errors to raw input, by the file's ending. */
const READERS = {
  ".txt": readText,
  ".npy": readNpy,
  ".json": readSparse,
  ".png": readPicture,
  ".jpg": readPicture,
  ".jpeg": readPicture,
};
const MAX_FILE_BYTES = 16 * 2 ** 20; // a file comes from anyone: what is read of it is bounded

/**
 * One raw input from a file's bytes: text from .txt, a vector from .npy, sparse features from .json, a Blob from .png and
 * .jpg, which is decoded when it is used.
 */
export function readInput(name, bytes) {
  const reader = readerOf(name);
  checkSize(shown(name), bytes.length);
  return reader(bytes, shown(name));
}

/** As `readInput`, of a file that is not read before it is known to be of a kind and a size that can be. */
export async function readInputFile(name, file) {
  const reader = readerOf(name);
  checkSize(shown(name), file.size);
  return reader(await file.bytes(), shown(name));
}

/** Refuse a file that is too large; `where` names it. */
export function checkSize(where, size) {
  if (size > MAX_FILE_BYTES) {
    throw new DesireEdgeError(
      `${where} is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB, so it is not read`,
      "file-large",
    );
  }
}

/** The text of a file in UTF-8, without the byte order mark that it may begin with. */
export function readText(bytes, where) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DesireEdgeError(`${where} is not UTF-8 text; save it as UTF-8`, "encoding");
  }
}

function readerOf(name) {
  const ending = Object.keys(READERS).find((each) => name.toLowerCase().endsWith(each));
  if (!ending) {
    throw new DesireEdgeError(
      `${shown(name)} is of no kind that can be read; use ${Object.keys(READERS).join(", ")}`,
      "file-kind",
    );
  }
  return READERS[ending];
}

function readSparse(bytes, where) {
  const text = readText(bytes, where);
  try {
    const values = parseJson(text);
    if (!isObject(values)) throw new Error("it is no object");
    return values;
  } catch (error) {
    throw new DesireEdgeError(`${where} is not a readable .json file (${shown(error.message)})`, "json");
  }
}
