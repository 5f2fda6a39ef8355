/** The kinds of input, and what a bundle says of its own: desire_edge/inputs/kinds.py. */

import { UNICODE } from "../characters.js";
import { DesireEdgeError, shown } from "../errors.js";
import { VectorInput } from "./vectors.js";
import { WordsInput } from "./words.js";

/** Each kind is one file beside this one and one line here. */
const INPUTS = new Map([
  ["bag-of-words", WordsInput],
  ["vector", VectorInput],
]);

/** What the extractor takes, from the manifest's JSON; `where` names the file in errors. */
export function inputFromJson(value, where) {
  const unicode = value?.unicode ?? UNICODE; // bundles from before it was said
  if (unicode !== UNICODE) {
    throw new DesireEdgeError(
      `${where}: its words were split by Unicode ${shown(unicode)}, which this version does not know; update desire-edge`,
      "unicode-version",
    );
  }
  const Input = INPUTS.get(value?.kind);
  if (typeof value?.kind === "string" && !Input) {
    throw new DesireEdgeError(
      `${where}: the model takes input of the kind ${shown(value.kind)}, which this client does not know; use one that does`,
      "manifest",
    );
  }
  if (!Input?.describes(value)) {
    throw new DesireEdgeError(`${where} does not say what the model's input is; export the bundle again`, "manifest");
  }
  return new Input(value);
}
