/** The kinds of input, and what a bundle says of its own: desire_edge/inputs/kinds.py. */

import { UNICODE } from "../characters.js";
import { DesireEdgeError, shown } from "../errors.js";
import { ImageInput } from "./images.js";
import { LexiconInput } from "./lexical.js";
import { TokensInput } from "./tokens.js";
import { VectorInput } from "./vectors.js";
import { WordsInput } from "./words.js";

/**
 * Each kind is one file beside this one and one line here. An input has `kind`; `assets`, the names of the bundle's files
 * that it needs, and `open`, which reads them; `ragged`, where x is one example of any shape, {type, shape, data}.
 */
const INPUTS = new Map([
  ["bag-of-words", WordsInput],
  ["vector", VectorInput],
  ["lexicon", LexiconInput],
  ["image", ImageInput],
  ["tokens", TokensInput],
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
      `${where}: the model takes input of the kind ${shown(value.kind)}, which this version does not know; update desire-edge`,
      "manifest",
    );
  }
  if (!Input?.describes(value)) {
    throw new DesireEdgeError(`${where} does not say what the model's input is; export the bundle again`, "manifest");
  }
  return new Input(value);
}
