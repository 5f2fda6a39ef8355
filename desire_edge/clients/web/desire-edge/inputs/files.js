/** One raw input from one file, by its ending: desire_edge/inputs/files.py. */

import { DesireEdgeError, shown } from "../errors.js";
import { readNpy } from "./npy.js";

export const KINDS = [".txt", ".npy", ".json"];
export const MAX_FILE_BYTES = 16 * 2 ** 20;

/** One raw input from a file: text from .txt, a vector from .npy, sparse features from .json. */
export function readInput(name, bytes) {
  const kind = KINDS.find((ending) => name.endsWith(ending));
  if (!kind) throw new DesireEdgeError(`${shown(name)} is of no kind that can be read; use ${KINDS.join(", ")}`);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new DesireEdgeError(`${shown(name)} is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB, so it is not read`);
  }
  if (kind === ".npy") {
    const { shape, data } = readNpy(bytes, shown(name));
    if (shape.filter((size) => size !== 1).length > 1) {
      throw new DesireEdgeError(`${shown(name)} has shape [${shape.join(", ")}], and is no vector`);
    }
    return data;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (kind === ".txt") return text;
    const values = JSON.parse(text);
    if (values === null || typeof values !== "object" || Array.isArray(values)) throw new Error("it is no object");
    return values;
  } catch (error) {
    throw new DesireEdgeError(
      `${shown(name)} is not a readable ${kind} file (${kind === ".txt" ? "it is not UTF-8" : error.message})`,
    );
  }
}
