/** Vectors and sparse features, numbers that are x already: desire_edge/inputs/vectors.py. */

import { UNICODE } from "../characters.js";
import { DesireEdgeError, shown } from "../errors.js";
import { nearestFloat } from "./npy.js";

export const MAX_FEATURES = 2 ** 20;

/** Numbers without names: a vector [features], or sparse features by index. */
export class VectorInput {
  kind = "vector";
  assets = [];

  /** Whether `value` is the JSON of such an input. */
  static describes({ features, vocabulary }) {
    return (
      Number.isInteger(features) &&
      features >= 1 &&
      features <= MAX_FEATURES &&
      Array.isArray(vocabulary) &&
      vocabulary.length === 0
    );
  }

  constructor({ features }) {
    this.features = features;
  }

  toJSON() {
    return { kind: this.kind, features: this.features, vocabulary: [], unicode: UNICODE };
  }

  /** {x: Float32Array, words: [], unknown: []} of one example: an object from feature to number, or a vector. */
  featuresOf(raw, where) {
    if (typeof raw === "string") {
      throw new DesireEdgeError(
        `${where} is text, but this model takes vectors of ${this.features} numbers; give it a .npy or .json file`,
        "input-kind",
      );
    }
    return numericFeatures(raw, new Map(), this.features, where);
  }
}

/** {x, words: [], unknown: []} of a vector, or of an object from feature, as `index` numbers them, to number. */
export function numericFeatures(raw, index, features, where) {
  if (raw instanceof Blob || raw?.data instanceof Uint8Array || raw?.data instanceof Uint8ClampedArray) {
    throw new DesireEdgeError(`${where} is a picture, and this model takes none`, "input-kind");
  }
  const vector = Array.isArray(raw) || (ArrayBuffer.isView(raw) && !(raw instanceof DataView));
  if (!vector && Object.prototype.toString.call(raw) !== "[object Object]") {
    throw new DesireEdgeError(`${where} is no text, vector or object from feature to number`, "input-type");
  }
  const x = vector ? ofVector(raw, features, where) : ofSparse(raw, index, features, where);
  const bad = x.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new DesireEdgeError(
      `${where}: feature ${bad} is ${x[bad]}; every feature must be a finite number`,
      "input-finite",
    );
  }
  return { x, words: [], unknown: [] };
}

function ofSparse(values, index, features, where) {
  const x = new Float32Array(features);
  const seen = new Set();
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== "number") {
      throw new DesireEdgeError(
        `${where}: the value of feature '${shown(name)}' is ${shown(value)}, not a number`,
        "input-type",
      );
    }
    const place = index.get(name) ?? (/^\d{1,9}$/.test(name) ? Number(name) : features);
    if (place >= features) {
      const expected = index.size ? "one of the vocabulary's words, or an index" : "an index";
      throw new DesireEdgeError(
        `${where}: the model has no feature '${shown(name)}'; a feature is ${expected} from 0 to ${features - 1}`,
        "input-feature",
      );
    }
    if (seen.has(place)) {
      throw new DesireEdgeError(`${where}: '${shown(name)}' is a feature that is given twice`, "input-feature");
    }
    seen.add(place);
    x[place] = value;
  }
  return x;
}

function ofVector(values, features, where) {
  if (Array.isArray(values) && !values.every((value) => typeof value === "number")) {
    throw new DesireEdgeError(`${where} does not hold plain numbers`, "input-type");
  }
  if (values.length !== features) {
    throw new DesireEdgeError(
      `${where} has ${values.length} numbers, but this model takes ${features} features an example`,
      "input-shape",
    );
  }
  return Float32Array.from(values, (value) => (typeof value === "bigint" ? nearestFloat(value) : value));
}
