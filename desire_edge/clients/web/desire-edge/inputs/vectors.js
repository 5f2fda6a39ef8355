/** Vectors and sparse features, numbers that are x already: desire_edge/inputs/vectors.py. */

import { DesireEdgeError, shown } from "../errors.js";

export const MAX_FEATURES = 2 ** 20;

/** Numbers without names: a vector [features], or sparse features by index. */
export class VectorInput {
  kind = "vector";

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, vocabulary }) {
    return (
      Number.isInteger(features) &&
      features >= 1 &&
      features <= MAX_FEATURES &&
      Array.isArray(vocabulary) &&
      vocabulary.every((word) => typeof word === "string")
    );
  }

  constructor({ features, vocabulary }) {
    this.features = features;
    this.vocabulary = vocabulary;
    this.index = new Map(vocabulary.map((word, index) => [word, index]));
  }

  toJSON() {
    return { kind: this.kind, features: this.features, vocabulary: this.vocabulary };
  }

  /** {x: Float32Array, words: [], unknown: []} of one example: an object from feature to number, or a vector. */
  featuresOf(raw, where) {
    if (typeof raw === "string") {
      throw new DesireEdgeError(
        `${where} is text, but this model takes vectors of ${this.features} numbers; give it a .npy or .json file`,
      );
    }
    return numericFeatures(raw, this.index, this.features, where);
  }
}

/** {x, words: [], unknown: []} of a vector, or of an object from feature, as `index` numbers them, to number. */
export function numericFeatures(raw, index, features, where) {
  const vector = Array.isArray(raw) || ArrayBuffer.isView(raw);
  if (!vector && (raw === null || typeof raw !== "object" || raw instanceof Map)) {
    throw new DesireEdgeError(`${where} is no text, vector or object from feature to number`);
  }
  const x = vector ? ofVector(raw, features, where) : ofSparse(raw, index, features, where);
  const bad = x.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new DesireEdgeError(`${where}: feature ${bad} is ${x[bad]}; every feature must be a finite number`);
  }
  return { x, words: [], unknown: [] };
}

function ofSparse(values, index, features, where) {
  const x = new Float32Array(features);
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== "number") {
      throw new DesireEdgeError(`${where}: the value of feature '${shown(name)}' is ${shown(value)}, not a number`);
    }
    const place = index.get(name) ?? (/^\d{1,9}$/.test(name) ? Number(name) : features);
    if (place >= features) {
      const expected = index.size ? "one of the vocabulary's words, or an index" : "an index";
      throw new DesireEdgeError(
        `${where}: the model has no feature '${shown(name)}'; a feature is ${expected} from 0 to ${features - 1}`,
      );
    }
    x[place] = value;
  }
  return x;
}

function ofVector(values, features, where) {
  if (![...values].every((value) => typeof value === "number")) {
    throw new DesireEdgeError(`${where} does not hold plain numbers`);
  }
  if (values.length !== features) {
    throw new DesireEdgeError(
      `${where} has ${values.length} numbers, but this model takes ${features} features an example`,
    );
  }
  return Float32Array.from(values);
}
