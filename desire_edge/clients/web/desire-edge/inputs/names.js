/** Names of labels, the one way to clean and to check them: desire_edge/inputs/names.py. */

import { DesireEdgeError, shown } from "../errors.js";
import { normalize, strip } from "../text.js";

const MAX_NAME = 200;

/** Characters that only say how others are written; not U+200C and U+200D, which carry meaning. */
const FORMAT = /[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;

/** Controls, line separators, half characters: what no name holds, be it a label's or a file's. */
export const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]/u;

/** A name as it is compared with others: without format characters, in NFC, without white space at its ends. */
export function tidy(name) {
  return strip(normalize(name.replace(FORMAT, ""), "NFC"));
}

/** A label's name, tidied; empty ones, overlong ones and ones with control characters are refused. */
export function clean(name, where) {
  if (typeof name !== "string") {
    throw new DesireEdgeError(`${where}: a label is ${shown(name ?? null)}, not a name`, "name-type");
  }
  const tidied = tidy(name);
  if (!tidied) throw new DesireEdgeError(`${where}: a label name is empty`, "name-empty");
  const refuse = (code) => {
    throw new DesireEdgeError(
      `${where}: label names are at most ${MAX_NAME} characters without control characters, and '${shown(tidied)}' is not`,
      code,
    );
  };
  if ([...tidied].length > MAX_NAME) refuse("name-long");
  if (CONTROL.test(tidied)) refuse("name-control");
  return tidied;
}

/** Clean names, none of them twice. */
export function cleanAll(names, where) {
  if (!Array.isArray(names)) {
    throw new DesireEdgeError(`${where}: labels are ${shown(names ?? null)}, not a list of names`, "names-type");
  }
  const cleaned = names.map((name) => clean(name, where));
  const seen = new Set();
  for (const name of cleaned) {
    if (seen.has(name)) throw new DesireEdgeError(`${where}: the label '${shown(name)}' is named twice`, "name-twice");
    seen.add(name);
  }
  return cleaned;
}
