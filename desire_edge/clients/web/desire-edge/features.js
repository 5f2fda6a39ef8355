/** Raw input -> x, the extractor's feature vector: desire_edge/runtime/features.py. */

import { DesireEdgeError, shown } from "./errors.js";
import { readNpy } from "./npy.js";
import { tokenize } from "./text.js";

export const KINDS = [".txt", ".npy", ".json"];
export const MAX_FILE_BYTES = 16 * 2 ** 20;

/** What the extractor takes: `kind` ("bag-of-words" or "vector"), the number of `features`, their `vocabulary`. */
export class InputSpec {
  /** From the manifest's or a model's JSON; `where` names the file in errors. */
  constructor({ kind, features, vocabulary } = {}, where) {
    const whole =
      ["bag-of-words", "vector"].includes(kind) &&
      Number.isInteger(features) &&
      features >= 1 &&
      features <= 2 ** 20 &&
      Array.isArray(vocabulary) &&
      vocabulary.every((word) => typeof word === "string") &&
      (kind === "vector" || vocabulary.length === features);
    if (!whole) throw new DesireEdgeError(`${where} does not say what the model's input is; export the bundle again`);
    Object.assign(this, { kind, features, vocabulary });
    this.index = new Map(vocabulary.map((word, index) => [word, index]));
  }

  toJSON() {
    return { kind: this.kind, features: this.features, vocabulary: this.vocabulary };
  }

  /**
   * {x: Float32Array, words, unknown} of one example: a text, an object from feature to number, or a vector.
   * `words` are the text's distinct words, and `unknown` those the model does not know.
   */
  featuresOf(raw, where) {
    if (typeof raw === "string") return this.#ofText(raw, where);
    if (Array.isArray(raw) || ArrayBuffer.isView(raw)) return this.#ofVector(raw, where);
    if (raw === null || typeof raw !== "object" || raw instanceof Map) {
      throw new DesireEdgeError(`${where} is no text, vector or object from feature to number`);
    }
    return this.#ofSparse(raw, where);
  }

  #ofText(text, where) {
    if (this.kind === "vector") {
      throw new DesireEdgeError(
        `${where} is text, but this model takes vectors of ${this.features} numbers; give it a .npy or .json file`,
      );
    }
    const words = [...new Set(tokenize(text))];
    const x = new Float32Array(this.features);
    for (const word of words) if (this.index.has(word)) x[this.index.get(word)] = 1;
    return { x, words, unknown: words.filter((word) => !this.index.has(word)) };
  }

  #ofSparse(values, where) {
    const x = new Float32Array(this.features);
    for (const [name, value] of Object.entries(values)) {
      if (typeof value !== "number") {
        throw new DesireEdgeError(`${where}: the value of feature '${shown(name)}' is ${shown(value)}, not a number`);
      }
      const index = this.index.get(name) ?? (/^\d{1,9}$/.test(name) ? Number(name) : this.features);
      if (index >= this.features) {
        const expected = this.vocabulary.length ? "one of the vocabulary's words, or an index" : "an index";
        throw new DesireEdgeError(
          `${where}: the model has no feature '${shown(name)}'; a feature is ${expected} from 0 to ${this.features - 1}`,
        );
      }
      x[index] = value;
    }
    return { x: finite(x, where), words: [], unknown: [] };
  }

  #ofVector(values, where) {
    if (![...values].every((value) => typeof value === "number")) {
      throw new DesireEdgeError(`${where} does not hold plain numbers`);
    }
    if (values.length !== this.features) {
      throw new DesireEdgeError(
        `${where} has ${values.length} numbers, but this model takes ${this.features} features an example`,
      );
    }
    return { x: finite(Float32Array.from(values), where), words: [], unknown: [] };
  }
}

/** One raw input from a file: text from .txt, a vector from .npy, sparse features from .json. */
export function readInput(name, bytes) {
  const kind = KINDS.find((ending) => name.endsWith(ending));
  if (!kind) throw new DesireEdgeError(`${shown(name)} is of no kind that can be read; use ${KINDS.join(", ")}`);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new DesireEdgeError(`${shown(name)} is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB, so it is not read`);
  }
  if (kind === ".npy") {
    const { shape, data } = readNpy(bytes, shown(name));
    if (shape.filter((size) => size !== 1).length > 1) {
      throw new DesireEdgeError(`${shown(name)} has shape [${shape.join(", ")}], and is no vector`);
    }
    return data;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (kind === ".txt") return text;
    const values = JSON.parse(text);
    if (values === null || typeof values !== "object" || Array.isArray(values)) throw new Error("it is no object");
    return values;
  } catch (error) {
    throw new DesireEdgeError(
      `${shown(name)} is not a readable ${kind} file (${kind === ".txt" ? "it is not UTF-8" : error.message})`,
    );
  }
}

function finite(x, where) {
  const bad = x.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new DesireEdgeError(`${where}: feature ${bad} is ${x[bad]}; every feature must be a finite number`);
  }
  return x;
}
