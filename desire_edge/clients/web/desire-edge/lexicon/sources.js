/** Label names -> vectors, from sources of word vectors end to end, schema 1: desire_edge/lexicon/lexicon.py. */

import { lower, splitName } from "../text.js";
import { LabelVectors } from "./labels.js";
import { norm, seededDirection } from "./seeded.js";
import { Words } from "./words.js";

const SMOOTHING = 70; // a piece of this rank weighs half as much as a rare one

/** Words and their vectors [dim], all of the same norm. */
export class SourceLexicon extends LabelVectors {
  /** From checked tables, as `readTables` gives them. */
  constructor(tables) {
    super();
    this.words = new Words(tables);
    this.sources = tables.sources;
    this.dim = this.sources.reduce((sum, source) => sum + source.dim, 0);
    this.norm = Math.sqrt(this.sources.reduce((sum, source) => sum + source.norm ** 2, 0));
  }

  lookUpFolded(name, folded) {
    const index = this.words.find(folded);
    const whole = index === null ? null : this.#vector(index);
    if (whole?.some((value) => value !== 0)) return { name, vector: whole, known: [folded], unknown: [], how: "word" };
    const known = [];
    const unknown = [];
    let how = "words";
    for (const word of splitName(name)) {
      const [pieces, found] = this.words.pieces(word);
      known.push(...pieces);
      if (found === "seeded") unknown.push(lower(word));
      else if (found === "subwords" || (found === "compound" && how === "words")) how = found;
    }
    const mean = this.#mean(known);
    if (!mean) return { name, vector: this.#seeded(folded), known: [], unknown: [folded], how: "seeded" };
    return { name, vector: mean, known: known.map((each) => this.words.at(each)), unknown, how };
  }

  #vector(index) {
    const vector = new Float32Array(this.dim);
    let start = 0;
    for (const { dim, vectors, scales, rows } of this.sources) {
      const row = rows[index] - 1;
      if (row >= 0) for (let i = 0; i < dim; i++) vector[start + i] = vectors[row * dim + i] * scales[row];
      start += dim;
    }
    const length = norm(vector);
    const scale = Math.fround(this.norm / length);
    return length > 0 ? vector.map((value) => value * scale) : vector;
  }

  #mean(indices) {
    const total = new Float64Array(this.dim);
    let weights = 0;
    for (const index of indices) {
      const rank = this.words.ranks[index] + 1;
      const weight = rank / (rank + SMOOTHING);
      this.#vector(index).forEach((value, i) => (total[i] += weight * value));
      weights += weight;
    }
    const length = norm(total);
    if (length <= 1e-3 * weights * this.norm) return null; // there is no word, or the words cancel one another
    return Float32Array.from(total, (value) => value * (this.norm / length));
  }

  #seeded(folded) {
    const vector = seededDirection(folded, this.dim);
    let start = 0;
    for (const source of this.sources) {
      const part = vector.subarray(start, start + source.dim);
      const scale = source.norm / norm(part);
      part.forEach((value, i) => (part[i] = value * scale));
      start += source.dim;
    }
    return Float32Array.from(vector);
  }
}
