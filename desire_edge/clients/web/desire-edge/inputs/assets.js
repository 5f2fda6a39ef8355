/** Files that a kind of input needs beside the model: desire_edge/inputs/assets.py. */

import { isObject } from "../json.js";

/** Whether `files` has a SHA-256 for each of these names, and for nothing else. */
export function areDigests(files, names) {
  return (
    isObject(files) &&
    Object.keys(files).sort().join() === [...names].sort().join() &&
    Object.values(files).every((digest) => typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest))
  );
}
