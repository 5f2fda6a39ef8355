/** Text as its vector in the bundle's static lexicon: desire_edge/inputs/lexical.py. */

import { UNICODE } from "../characters.js";
import { DesireEdgeError } from "../errors.js";
import { StaticLexicon } from "../lexicon/static.js";
import { areDigests } from "./assets.js";
import { MAX_FEATURES, numericFeatures } from "./vectors.js";

export const LEXICON = "lexicon.safetensors";
const MOST_HASHED = 1 << 16;

/**
 * A text's unit vector [size] in a static lexicon, then its words, hashed into `hashed` numbers. Such vectors are taken as
 * they are, too.
 */
export class LexiconInput {
  kind = "lexicon";
  assets = [LEXICON];

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, hashed = 0, files }) {
    return (
      Number.isInteger(hashed) &&
      hashed >= 0 &&
      hashed <= MOST_HASHED &&
      Number.isInteger(features) &&
      features >= 2 &&
      features % 2 === 0 &&
      features <= MAX_FEATURES &&
      areDigests(files, [LEXICON])
    );
  }

  constructor({ features, hashed = 0, files }) {
    Object.assign(this, { size: features, hashed, features: features + hashed, files });
  }

  toJSON() {
    const hashed = this.hashed ? { hashed: this.hashed } : {};
    return { kind: this.kind, features: this.size, ...hashed, unicode: UNICODE, files: this.files };
  }

  /** Take the bundle's lexicon, which is opened; `where` names it in errors. */
  async open({ lexicon }, where) {
    if (!(lexicon instanceof StaticLexicon) || lexicon.dim !== this.size) {
      throw new DesireEdgeError(
        `${where}: the lexicon is no static one of ${this.size} dimensions; export the bundle again`,
        "lexicon",
      );
    }
    this.lexicon = lexicon;
  }

  /** {x: Float32Array, words, unknown} of one example: a text, or a vector. */
  featuresOf(raw, where) {
    if (typeof raw === "string") return this.lexicon.textVector(raw, this.hashed);
    if (!Array.isArray(raw) && !ArrayBuffer.isView(raw)) {
      throw new DesireEdgeError(
        `${where} is neither text nor a vector of ${this.features} numbers, which this model takes`,
        "input-kind",
      );
    }
    return numericFeatures(raw, new Map(), this.features, where);
  }
}
