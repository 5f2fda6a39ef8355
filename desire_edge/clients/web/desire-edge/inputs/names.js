/** Names of labels, the one check of them: desire_edge/inputs/names.py. */

import { CONTROL, DesireEdgeError, shown } from "../errors.js";
import { strip } from "../text.js";

const MAX_NAME = 200;

/** A label's name without white space at its ends; empty, overlong ones and ones with control characters are refused. */
export function checkName(name, where) {
  if (typeof name !== "string") throw new DesireEdgeError(`${where}: a label is ${shown(name)}, not a name`);
  const stripped = strip(name);
  if (!stripped) throw new DesireEdgeError(`${where}: a label name is empty`);
  if ([...stripped].length > MAX_NAME || CONTROL.test(stripped)) {
    throw new DesireEdgeError(
      `${where}: label names are at most ${MAX_NAME} characters without control characters, and '${shown(stripped)}' is not`,
    );
  }
  return stripped;
}

/** Checked names, none of them twice. */
export function checkNames(names, where) {
  if (!Array.isArray(names)) throw new DesireEdgeError(`${where} are ${shown(names ?? null)}, not a list of names`);
  const checked = names.map((name) => checkName(name, where));
  const twice = checked.find((name, index) => checked.indexOf(name) < index);
  if (twice !== undefined) throw new DesireEdgeError(`${where}: the label '${shown(twice)}' is named twice`);
  return checked;
}
