/** Text as its vector in the bundle's static lexicon: desire_edge/inputs/lexical.py. */

import { UNICODE } from "../characters.js";
import { DesireEdgeError } from "../errors.js";
import { StaticLexicon } from "../lexicon/static.js";
import { areDigests } from "./assets.js";
import { MAX_FEATURES, numericFeatures } from "./vectors.js";

export const LEXICON = "lexicon.safetensors";

/** A text's unit vector [features] in a static lexicon. Such vectors are taken as they are, too. */
export class LexiconInput {
  kind = "lexicon";
  assets = [LEXICON];

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, files }) {
    return (
      Number.isInteger(features) &&
      features >= 2 &&
      features % 2 === 0 &&
      features <= MAX_FEATURES &&
      areDigests(files, [LEXICON])
    );
  }

  constructor({ features, files }) {
    Object.assign(this, { features, files });
  }

  toJSON() {
    return { kind: this.kind, features: this.features, unicode: UNICODE, files: this.files };
  }

  /** Take the bundle's lexicon, which is opened; `where` names it in errors. */
  async open({ lexicon }, where) {
    if (!(lexicon instanceof StaticLexicon) || lexicon.dim !== this.features) {
      throw new DesireEdgeError(
        `${where}: the lexicon is no static one of ${this.features} dimensions; export the bundle again`,
        "lexicon",
      );
    }
    this.lexicon = lexicon;
  }

  /** {x: Float32Array, words, unknown} of one example: a text, or a vector. */
  featuresOf(raw, where) {
    if (typeof raw === "string") return this.lexicon.textVector(raw);
    if (!Array.isArray(raw) && !ArrayBuffer.isView(raw)) {
      throw new DesireEdgeError(
        `${where} is neither text nor a vector of ${this.features} numbers, which this model takes`,
        "input-kind",
      );
    }
    return numericFeatures(raw, new Map(), this.features, where);
  }
}
