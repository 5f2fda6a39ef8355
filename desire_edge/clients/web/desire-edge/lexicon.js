/** Label names -> vectors, from the bundle's lexicon: desire_edge/lexicon/lexicon.py. */

import { splitCompound } from "./compounds.js";
import { DesireEdgeError } from "./errors.js";
import { norm, seededDirection } from "./seeded.js";
import { readTables } from "./tables.js";
import { fold, lower, splitCamelCase, splitName, strip } from "./text.js";

const SMOOTHING = 70; // a piece of this rank weighs half as much as a rare one
const SAME = 0.9999; // cosine above which two names' vectors count as equal
const APART = 0.1; // the part added to tell them apart, relative to the vector's norm
const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Words and their vectors [dim], all of the same norm. */
export class Lexicon {
  /** From the file's bytes, which are read in place; `where` names it in errors. */
  constructor(bytes, where) {
    Object.assign(this, readTables(bytes, where));
    this.length = this.ranks.length;
    this.dim = this.sources.reduce((sum, source) => sum + source.dim, 0);
    this.norm = Math.sqrt(this.sources.reduce((sum, source) => sum + source.norm ** 2, 0));
  }

  /**
   * How a label's name is understood: {name, vector: Float32Array, known, unknown, how}. `how` is "word", "words",
   * "compound", "subwords" or "seeded", as in Python.
   */
  lookUp(name) {
    name = strip(name);
    const folded = strip(fold(name));
    if (!folded) throw new DesireEdgeError("a label's name is empty; give every label a name", "name-empty");
    const index = this.#find(folded);
    const whole = index === null ? null : this.#vector(index);
    if (whole?.some((value) => value !== 0)) return { name, vector: whole, known: [folded], unknown: [], how: "word" };
    const known = [];
    const unknown = [];
    let how = "words";
    for (const word of splitName(name)) {
      const [pieces, found] = this.#pieces(word);
      known.push(...pieces);
      if (found === "seeded") unknown.push(lower(word));
      else if (found === "subwords" || (found === "compound" && how === "words")) how = found;
    }
    const mean = this.#mean(known);
    if (!mean) return { name, vector: this.#seeded(folded), known: [], unknown: [folded], how: "seeded" };
    return { name, vector: mean, known: known.map((each) => this.#word(each)), unknown, how };
  }

  /** {entries, warnings} of N names, no two vectors equal: a later one that is gets a part of its own added. */
  lookUpAll(names) {
    const warnings = [];
    const entries = names.map((name) => this.lookUp(name));
    const directions = [];
    entries.forEach((entry, column) => {
      if (entries.findIndex((other) => other.name === entry.name) < column) {
        throw new DesireEdgeError(`the label '${entry.name}' is given twice; give every label once`, "name-twice");
      }
      directions[column] = direction(entry.vector);
      const cosines = directions.slice(0, column).map((other) => dot(other, directions[column]));
      const cosine = Math.max(-1, ...cosines);
      if (cosine > SAME) {
        const other = entries[cosines.indexOf(cosine)].name;
        entries[column] = { ...entry, vector: toldApart(entry.vector, entry.name) };
        directions[column] = direction(entries[column].vector);
        warnings.push(
          `the labels '${other}' and '${entry.name}' have the same word vector; a small part made from the second ` +
            "name tells them apart",
        );
      }
    });
    return { entries, warnings };
  }

  /** The words that make up one word of a name, as indices, and how they were found. */
  #pieces(word) {
    const folded = lower(word);
    const whole = this.#findAll([folded]);
    if (whole) return [whole, "words"];
    const parts = this.#findAll(splitCamelCase(word).map(lower));
    if (parts) return [parts, "compound"];
    const bare = folded.replace(/[+#]+$/, ""); // an unknown "c#" is better taken for "c" than for nothing
    const stem = this.#findAll([bare]);
    if (stem) return [stem, "subwords"];
    const split = splitCompound(bare, (piece) => {
      const index = this.#find(piece);
      return index === null ? null : this.ranks[index];
    });
    if (!split) return [[], "seeded"];
    return [this.#findAll(split.pieces), split.complete ? "compound" : "subwords"];
  }

  #findAll(words) {
    const found = words.map((word) => this.#find(word));
    return found.includes(null) ? null : found;
  }

  /** The index of a folded word, or null: binary search over the words' UTF-8 bytes. */
  #find(folded) {
    const wanted = ENCODER.encode(folded);
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = this.#compare(middle, wanted);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return null;
  }

  /** Below 0 if word `index` comes before the bytes `wanted`, 0 if it is that, above 0 if it comes after. */
  #compare(index, wanted) {
    const [start, end] = [this.offsets[index], this.offsets[index + 1]];
    const shared = Math.min(end - start, wanted.length);
    for (let i = 0; i < shared; i++) {
      const difference = this.words[start + i] - wanted[i];
      if (difference) return difference;
    }
    return end - start - wanted.length;
  }

  #word(index) {
    return DECODER.decode(this.words.subarray(this.offsets[index], this.offsets[index + 1]));
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
      const rank = this.ranks[index] + 1;
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

function toldApart(vector, name) {
  const square = dot(vector, vector);
  let part = seededDirection(name, vector.length);
  const along = dot(part, vector) / square;
  part = part.map((value, i) => value - vector[i] * along);
  const scale = (APART * Math.sqrt(square)) / norm(part);
  return vector.map((value, i) => value + part[i] * scale);
}

function direction(vector) {
  const length = norm(vector);
  return vector.map((value) => value / length);
}

function dot(first, second) {
  let sum = 0;
  first.forEach((value, i) => (sum += value * second[i]));
  return sum;
}
