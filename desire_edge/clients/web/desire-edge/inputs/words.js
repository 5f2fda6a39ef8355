/** Text as the words it holds: desire_edge/inputs/words.py. */

import { UNICODE } from "../characters.js";
import { tokenize } from "../text.js";
import { MAX_FEATURES, numericFeatures } from "./vectors.js";

/**
 * A bag of words: x_i is 1 where the text holds the word `vocabulary[i]`. Features by word, and vectors, are taken too. A
 * `sparse` one gives a graph the numbers of those that are not 0, and their values.
 */
export class WordsInput {
  kind = "bag-of-words";
  assets = [];

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, vocabulary, sparse = false }) {
    return (
      typeof sparse === "boolean" &&
      Array.isArray(vocabulary) &&
      vocabulary.every((word) => typeof word === "string") &&
      vocabulary.length === features &&
      features >= 1 &&
      features <= MAX_FEATURES
    );
  }

  constructor({ vocabulary, sparse = false }) {
    this.features = vocabulary.length;
    this.sparse = sparse;
    this.vocabulary = vocabulary;
    this.index = new Map(vocabulary.map((word, index) => [word, index]));
  }

  toJSON() {
    const { kind, features, vocabulary } = this;
    return { kind, features, vocabulary, unicode: UNICODE, ...(this.sparse ? { sparse: true } : {}) };
  }

  /**
   * {x: Float32Array, words, unknown} of one example: a text, an object from feature to number, or a vector; of a sparse
   * one x are the numbers of the features that are not 0, ascending, and `values` theirs.
   * `words` are the text's distinct words, and `unknown` those the model does not know.
   */
  featuresOf(raw, where) {
    if (typeof raw !== "string") {
      const found = numericFeatures(raw, this.index, this.features, where);
      return this.sparse ? { ...found, ...sparsely(found.x) } : found;
    }
    const words = [...new Set(tokenize(raw))];
    const unknown = words.filter((word) => !this.index.has(word));
    const known = words.flatMap((word) => this.index.get(word) ?? []);
    if (this.sparse) {
      const x = Int32Array.from(known).sort();
      return { x, values: new Float32Array(x.length).fill(1), words, unknown };
    }
    const x = new Float32Array(this.features);
    for (const index of known) x[index] = 1;
    return { x, words, unknown };
  }
}

/** A dense x as a sparse one has it. */
function sparsely(dense) {
  const x = Int32Array.from([...dense.keys()].filter((index) => dense[index] !== 0));
  return { x, values: Float32Array.from(x, (index) => dense[index]) };
}
