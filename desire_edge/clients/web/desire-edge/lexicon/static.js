/**
 * Names and texts -> vectors of one space, schema 2: words of four bits a number, and rows for the character n-grams of
 * words that are not among them. desire_edge/lexicon/static.py.
 */

import { lower, splitName, tokenize } from "../text.js";
import { LabelVectors } from "./labels.js";
import { norm, seededDirection } from "./seeded.js";
import { Words } from "./words.js";

const GRAMS = [3, 4, 5]; // characters
const [FNV_BASIS, FNV_PRIME] = [2166136261, 16777619];
const CANCELLED = 1e-6; // a sum this much shorter than its parts together is nothing but rounding
const HOW = ["words", "compound", "subwords", "ngrams"]; // each says more of a name than those before it
const ENCODER = new TextEncoder();

/** Words, the n-grams of others, and their vectors [dim]. */
export class StaticLexicon extends LabelVectors {
  /** From checked tables, as `readTables` gives them. */
  constructor(tables) {
    super();
    this.words = new Words(tables);
    Object.assign(this, tables.static);
  }

  /**
   * {x: Float32Array [dim + hashed], words, unknown} of a text: a unit vector, or zeros where there is no word; then the
   * words themselves, hashed into so many numbers.
   */
  textVector(text, hashed = 0) {
    const terms = this.#terms(tokenize(text));
    const x = new Float32Array(this.dim + hashed);
    x.set(this.#unit(terms, this.textMean) ?? []);
    x.set(this.#hashed(terms, hashed), this.dim);
    return {
      x,
      words: terms.map(({ word }) => word),
      unknown: unknownOf(terms),
    };
  }

  lookUpFolded(name, folded) {
    const index = this.words.find(folded);
    const whole = index === null ? null : this.#unit([{ count: 1, pieces: [index] }], this.nameMean);
    if (whole) return { name, vector: this.#scaled(whole), known: [folded], unknown: [], how: "word" };
    const terms = this.#terms(splitName(name));
    const unit = this.#unit(terms, this.nameMean);
    if (!unit) {
      const vector = this.#scaled(seededDirection(folded, this.dim));
      return { name, vector, known: [], unknown: [folded], how: "seeded" };
    }
    return {
      name,
      vector: this.#scaled(unit),
      known: terms.flatMap(({ pieces }) => pieces.map((piece) => this.words.at(piece))),
      unknown: unknownOf(terms),
      how: HOW[Math.max(...terms.map(({ how }) => HOW.indexOf(how)))],
    };
  }

  /** Each distinct folded word, in the order of first occurrence: how often it is there, and its known pieces. */
  #terms(words) {
    const terms = new Map();
    for (const each of words) {
      const word = lower(each);
      if (terms.has(word)) {
        terms.get(word).count += 1;
        continue;
      }
      const [pieces, how] = this.words.pieces(each);
      terms.set(word, { word, count: 1, pieces, how: pieces.length ? how : "ngrams" });
    }
    return [...terms.values()];
  }

  /** The terms' weighted sum at length 1, less the mean, at length 1 again; null where nothing is left of it. */
  #unit(terms, mean) {
    const sum = new Sum(this.dim);
    for (const { word, count, pieces } of terms) {
      const often = 1 + Math.log(count);
      for (const piece of pieces) {
        sum.addRow(this.vectors, this.scales, piece, often * Math.log(2 + this.words.ranks[piece]));
      }
      const spelt = pieces.length ? null : this.#spelt(word);
      if (spelt) sum.add(spelt, often * Math.log(1 + this.words.length));
    }
    const whole = sum.unit();
    return (
      whole &&
      unit(
        whole.map((value, i) => value - mean[i]),
        1,
      )
    );
  }

  /** The terms' weights at the places that their words' hashes say, [size]. */
  #hashed(terms, size) {
    const total = new Float64Array(size);
    for (const { word, count, pieces } of size ? terms : []) {
      const ranks = pieces.map((piece) => this.words.ranks[piece]);
      const rarity = pieces.length ? 2 + Math.max(...ranks) : 1 + this.words.length;
      const weight = (1 + Math.log(count)) * Math.log(rarity);
      const hash = fnv1a(word);
      total[(hash >>> 1) % size] += hash & 1 ? weight : -weight;
    }
    return total;
  }

  /** The sum of the rows of a word's distinct n-grams, at length 1; null where nothing is left of it. */
  #spelt(word) {
    const letters = ["<", ...word, ">"];
    const grams = new Set();
    for (const length of GRAMS) {
      for (let end = length; end <= letters.length; end++) grams.add(letters.slice(end - length, end).join(""));
    }
    const sum = new Sum(this.dim);
    for (const gram of grams) sum.addRow(this.grams, this.gramScales, fnv1a(gram) % this.gramScales.length, 1);
    return sum.unit();
  }

  #scaled(unit) {
    return Float32Array.from(unit, (value) => value * this.norm);
  }
}

/** A weighted sum of vectors [dim], in double. */
class Sum {
  constructor(dim) {
    this.total = new Float64Array(dim);
    this.parts = 0; // their lengths, added up
  }

  /** Add a vector of length 1. */
  add(vector, weight) {
    vector.forEach((value, i) => (this.total[i] += weight * value));
    this.parts += weight;
  }

  /** Add a row of pairs of numbers of four bits, times its scale. */
  addRow(rows, scales, row, weight) {
    const [factor, width] = [weight * scales[row], this.total.length / 2];
    let square = 0;
    for (let i = 0; i < width; i++) {
      const pair = rows[row * width + i];
      const [low, high] = [(pair & 15) - 8, (pair >> 4) - 8];
      this.total[2 * i] += factor * low;
      this.total[2 * i + 1] += factor * high;
      square += low * low + high * high;
    }
    this.parts += factor * Math.sqrt(square);
  }

  /** The sum at length 1; null if the parts cancel one another. */
  unit() {
    return unit(this.total, this.parts);
  }
}

/** The vector at length 1; null if next to nothing is left of parts that were so long. */
function unit(vector, parts) {
  const length = norm(vector);
  return length <= CANCELLED * parts ? null : vector.map((value) => value / length);
}

function unknownOf(terms) {
  return terms.filter(({ pieces }) => !pieces.length).map(({ word }) => word);
}

/** The 32-bit FNV-1a hash of the text's UTF-8. */
function fnv1a(text) {
  return ENCODER.encode(text).reduce((hash, byte) => Math.imul(hash ^ byte, FNV_PRIME) >>> 0, FNV_BASIS);
}
