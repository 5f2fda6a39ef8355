/** Text as the words it holds: desire_edge/inputs/words.py. */

import { UNICODE } from "../characters.js";
import { tokenize } from "../text.js";
import { MAX_FEATURES, numericFeatures } from "./vectors.js";

/** A bag of words: x_i is 1 where the text holds the word `vocabulary[i]`. Features by word, and vectors, are taken too. */
export class WordsInput {
  kind = "bag-of-words";
  assets = [];

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, vocabulary }) {
    return (
      Array.isArray(vocabulary) &&
      vocabulary.every((word) => typeof word === "string") &&
      vocabulary.length === features &&
      features >= 1 &&
      features <= MAX_FEATURES
    );
  }

  constructor({ vocabulary }) {
    this.features = vocabulary.length;
    this.vocabulary = vocabulary;
    this.index = new Map(vocabulary.map((word, index) => [word, index]));
  }

  toJSON() {
    return { kind: this.kind, features: this.features, vocabulary: this.vocabulary, unicode: UNICODE };
  }

  /**
   * {x: Float32Array, words, unknown} of one example: a text, an object from feature to number, or a vector.
   * `words` are the text's distinct words, and `unknown` those the model does not know.
   */
  featuresOf(raw, where) {
    if (typeof raw !== "string") return numericFeatures(raw, this.index, this.features, where);
    const words = [...new Set(tokenize(raw))];
    const x = new Float32Array(this.features);
    for (const word of words) if (this.index.has(word)) x[this.index.get(word)] = 1;
    return { x, words, unknown: words.filter((word) => !this.index.has(word)) };
  }
}
